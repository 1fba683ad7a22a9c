"""The quick suite has the settings that the published search chose, for each method alike."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from helpers.paths import ROOT

from bench.config.catalogue import Catalogue
from bench.config.registry import base_of
from bench.config.types import Suite

CATALOGUE = Catalogue()


def suite_of(name: str) -> Suite:
    return CATALOGUE.read_suite(Path(f"config/{name}.yaml"))


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_each_method_has_as_many_candidates_and_the_source_s_settings_first() -> None:
    names = suite_of("tuning").methods
    for method in suite_of("quick").methods:
        mine = [name for name in names if base_of(name) == method]
        assert len(mine) == 4
        assert mine[0] == method
    assert len(names) == 4 * len(suite_of("quick").methods)


def test_it_is_the_quick_suite_on_seeds_that_no_report_shows() -> None:
    search, quick = suite_of("tuning"), suite_of("quick")
    for name in ("tasks", "rows", "updates", "batch_size", "products"):
        assert getattr(search, name) == getattr(quick, name)
    others = [p.stem for p in (ROOT / "config").glob("*.yaml") if "suite:" in p.read_text()]
    for name in set(others) - {"tuning"}:
        assert not set(search.seeds) & set(suite_of(name).seeds)


def test_quick_has_the_settings_with_the_highest_mean_of_each_family() -> None:
    search, quick = suite_of("tuning"), suite_of("quick")
    summary = pd.read_csv(ROOT / "results/published/tuning/summary.csv")
    summary["family"] = summary["task"].map(lambda task: CATALOGUE.tasks[task].family)
    means = summary.groupby(["family", "method"])["mean"].mean()
    for task in quick.tasks:
        family = CATALOGUE.tasks[task].family
        for method in quick.methods:
            mine = [name for name in search.methods if base_of(name) == method]
            best = max(mine, key=lambda name: means[family, name])  # the first of equals
            theirs = CATALOGUE.settings(search, best, task, search.seeds)
            ours = CATALOGUE.settings(quick, method, task, quick.seeds)
            for name in ("config", "observations", "rewards", "batch_size"):
                assert getattr(ours, name) == getattr(theirs, name), (method, family, best)
