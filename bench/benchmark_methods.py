"""What the benchmark measures of each method: its sizes, its batch, and which of its updates.

A width is that of every layer: a method keeps as many layers as its source has, and each gets
`width` units. All else is as in config/methods.yaml. Imports no torch, because plans read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.catalogue import Catalogue

BATCH = 256
UPDATES = 1_000_000  # of the run whose updates are measured


@dataclass(frozen=True)
class Phase:
    """A part of a run whose updates are alike: its share, and the update that it begins with."""

    share: float
    first: int


@dataclass(frozen=True)
class Sample:
    """Which updates stand for a run of UPDATES.

    `cycle` updates have each kind of update in proportion; `phases` divide the run where one
    such cycle does not do for all of it.
    """

    cycle: int = 1
    phases: tuple[Phase, ...] = (Phase(1.0, 0),)
    batch: int = BATCH
    config: Mapping[str, Any] = field(default_factory=dict)


# The share of a run in which CQL's and BEAR's policies do not seek values yet: `warm_start`.
WARMING = (Phase(0.04, 0), Phase(0.96, 40_000))
SAMPLES = {
    "td3_bc": Sample(cycle=2),  # every other update moves the policy
    "cql": Sample(phases=WARMING),
    "cql_antmaze": Sample(phases=WARMING),
    "bear": Sample(phases=WARMING),
    # Clone and evaluate, evaluate, improve; every other evaluation moves the target.
    "onestep": Sample(
        cycle=2, phases=(Phase(5 / 21, 0), Phase(15 / 21, 238_095), Phase(1 / 21, 952_380))
    ),
    # An iteration of 1,200 updates computes the returns of all rows once: a tenth of its updates on
    # a tenth of D4RL's 1,000,000 rows, which is what this benchmark has, keeps the proportion.
    "awr": Sample(cycle=120, config={"critic_updates": 20, "policy_updates": 100}),
    # Windows of 20 steps each; recording 256 of them took 3.6 GB for one seed at width 256.
    "dt": Sample(batch=64),
}


def sample_of(method: str) -> Sample:
    """Of a method whose updates are all alike, any of them."""
    return SAMPLES.get(method, Sample())


def sizes(catalogue: Catalogue, method: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The units that a method has under `config`: of each list of layers, or of DT's tokens."""
    fields = catalogue.schemas[method]["properties"]
    own = {name: entry.get("default") for name, entry in fields.items()} | dict(config)
    return {k: v for k, v in own.items() if v and (k == "width" or k.endswith("hidden"))}


def config_at(catalogue: Catalogue, method: str, width: int) -> dict[str, Any]:
    """Fields of Config that differ from the defaults where every layer has `width` units."""
    config = next(iter(catalogue.methods[method].families.values())).config
    units = {
        name: width if isinstance(value, int) else [width] * len(value)
        for name, value in sizes(catalogue, method, config).items()
    }
    return {**config, **units, **sample_of(method).config}


def is_measured(
    catalogue: Catalogue, method: str, config: Mapping[str, Any], batch: int, width: int
) -> bool:
    """Whether a run of these settings is of the sizes that the benchmark has at `width`."""
    ours = sizes(catalogue, method, config_at(catalogue, method, width))
    return batch == sample_of(method).batch and sizes(catalogue, method, config) == ours
