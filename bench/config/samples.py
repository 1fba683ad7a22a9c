"""What the benchmark measures of each method: its sizes, its batch, and which of its updates.

A width is that of every layer: a method keeps as many layers as its source has, and each gets
`width` units. All else is as in config/methods.yaml. Imports no torch, because plans read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.registry import Sample, entry_of

BATCH = Sample().batch
UPDATES = 1_000_000  # of the run whose updates are measured


def sizes(catalogue: Catalogue, method: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The units that a method has under `config`: of each list of layers, or of DT's tokens."""
    fields = catalogue.schemas[method]["properties"]
    own = {name: entry.get("default") for name, entry in fields.items()} | dict(config)
    return {k: v for k, v in own.items() if v and (k == "width" or k.endswith("hidden"))}


def config_at(catalogue: Catalogue, method: str, width: int) -> dict[str, Any]:
    """Fields of Config that differ from the defaults where every layer has `width` units."""
    config = catalogue.methods[method].first.config
    units = {
        name: width if isinstance(value, int) else [width] * len(value)
        for name, value in sizes(catalogue, method, config).items()
    }
    return {**config, **units, **entry_of(method).sample.config}


def is_measured(
    catalogue: Catalogue, method: str, config: Mapping[str, Any], batch: int, width: int
) -> bool:
    """Whether a run of these settings is of the sizes that the benchmark has at `width`."""
    ours = sizes(catalogue, method, config_at(catalogue, method, width))
    return batch == entry_of(method).sample.batch and sizes(catalogue, method, config) == ours
