"""What the benchmark times for each method: layer sizes, batch size and kinds of update.

`width` applies to every layer: a method keeps the number of layers of its source, and each layer
gets `width` units. All other settings are as in config/methods.yaml. Cost plans read this module,
so it must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.registry import Sample, entry_of

BATCH = Sample().batch
UPDATES = 1_000_000  # length of the run that the timed updates represent


def sizes(catalogue: Catalogue, method: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method's layer sizes under `config`: `width`, and every list ending in `hidden`."""
    fields = catalogue.schemas[method]["properties"]
    own = {name: entry.get("default") for name, entry in fields.items()} | dict(config)
    return {k: v for k, v in own.items() if v and (k == "width" or k.endswith("hidden"))}


def config_at(catalogue: Catalogue, method: str, width: int) -> dict[str, Any]:
    """Return the fields of Config that differ from the defaults if all layers are `width` wide."""
    config = catalogue.methods[method].first.config
    units = {
        name: width if isinstance(value, int) else [width] * len(value)
        for name, value in sizes(catalogue, method, config).items()
    }
    return {**config, **units, **entry_of(method).sample.config}


def of_source(catalogue: Catalogue, method: str, family: str) -> tuple[dict[str, Any], int] | None:
    """Return the fields of Config and the batch that a method's source has for a family's tasks."""
    layer = catalogue.methods[method].layer(family)
    if layer is None:
        return None
    return {**layer.config, **entry_of(method).sample.config}, layer.batch_size or BATCH


def width_of(catalogue: Catalogue, method: str, config: Mapping[str, Any]) -> int | None:
    """Return the width of a method's layers, or None if it has another number of them than timed.

    None too if they differ in width.
    """
    ours = sizes(catalogue, method, config)
    widths = {w for value in ours.values() for w in (value if isinstance(value, list) else [value])}
    if len(widths) != 1:
        return None
    (width,) = widths
    timed = sizes(catalogue, method, config_at(catalogue, method, width))
    return int(width) if timed == ours else None


def is_measured(
    catalogue: Catalogue, method: str, config: Mapping[str, Any], batch: int, width: int
) -> bool:
    """Return whether a run with these settings has the sizes that are benchmarked at `width`."""
    ours = sizes(catalogue, method, config_at(catalogue, method, width))
    return batch == entry_of(method).sample.batch and sizes(catalogue, method, config) == ours
