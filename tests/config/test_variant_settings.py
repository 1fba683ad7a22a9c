"""IQL's variants as entries of config/methods.yaml, and the suite that compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT

from bench.config import registry
from bench.config.catalogue import Catalogue
from bench.config.types import Suite


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.chdir(ROOT)
    return Catalogue()


# What is not IQL's own, by family.
BOTH = ("locomotion", "pointmaze")
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    **{name: {} for name in registry.VARIANTS},
    "iql_raw_rewards": {"locomotion": {"rewards": "raw"}},
    "iql_standardised": {family: {"observations": "standardised"} for family in BOTH},
    "iql_wide_std": {family: {"log_std_range": [-20.0, 2.0]} for family in BOTH},
    "iql_constant_rate": {family: {"cosine_actor": False} for family in BOTH},
}


@pytest.mark.parametrize("name", registry.VARIANTS)
def test_a_variant_departs_in_one_setting_or_none(name: str, catalogue: Catalogue) -> None:
    for family in BOTH:
        plain, variant = (
            layer.model_dump(include={"rewards", "observations", "batch_size"}) | layer.config
            for layer in (catalogue.methods[m].families[family] for m in ("iql", name))
        )
        changed = {key: value for key, value in variant.items() if plain.get(key) != value}
        assert changed == SETTINGS[name].get(family, {})
        assert plain.keys() <= variant.keys()


def variants_suite(catalogue: Catalogue) -> Suite:
    return catalogue.read_suite(Path("config/variants.yaml"))


def test_the_suite_runs_every_variant_against_iql(catalogue: Catalogue) -> None:
    suite = variants_suite(catalogue)
    assert suite.methods == ("iql", *registry.VARIANTS)
    assert suite.baseline == "iql"


def test_no_override_of_the_suite_undoes_a_variant(catalogue: Catalogue) -> None:
    suite = variants_suite(catalogue)
    for task in suite.tasks:
        family = catalogue.tasks[task].family
        plain = catalogue.settings(suite, "iql", task, suite.seeds)
        assert plain.observations == "raw"
        for name in registry.VARIANTS:
            cell = catalogue.settings(suite, name, task, suite.seeds)
            flat = [
                c.model_dump(exclude={"method", "config", "task"}) | c.config for c in (plain, cell)
            ]
            changed = {k: v for k, v in flat[1].items() if flat[0].get(k) != v}
            assert changed == SETTINGS[name].get(family, {})
