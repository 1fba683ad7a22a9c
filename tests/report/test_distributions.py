"""Figures over all seeds and tasks, against rliable's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.suite_results import TASKS, catalogue, make_suite, source_hash, write_results
from rliable import library, metrics

from bench.report import build, inputs
from bench.report.figures import distributions
from bench.report.section import Section
from bench.report.sections import aggregates
from bench.statistics.aggregates import AGGREGATE_COLUMNS, bootstrap_level


def scores(seeds: int, tasks: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seeds).normal(50 + shift, 20, (seeds, tasks))


def test_a_profile_is_rliables() -> None:
    matrix, thresholds = scores(7, 4), np.linspace(0, 100, 23)
    made = distributions.profile(matrix, thresholds, 5000)
    theirs, intervals = library.create_performance_profile(
        {"m": matrix}, thresholds, reps=5000, confidence_interval_size=bootstrap_level(7, 4)
    )
    assert made[0] == pytest.approx(theirs["m"], abs=1e-12)
    assert made[1:] == pytest.approx(intervals["m"], abs=0.04)  # two bootstraps of 28 runs
    plain = library.create_performance_profile({"m": matrix}, thresholds, reps=5000)[1]["m"]
    assert (made[2] - made[1]).sum() > (plain[1] - plain[0]).sum()


def test_a_profile_by_hand() -> None:
    made = distributions.profile(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0, 1, 2.5, 4]), 10)
    assert made[0].tolist() == [1, 0.75, 0.5, 0]
    assert np.isnan(made[1:]).all()  # two seeds


def test_the_band_of_equal_seeds_has_no_width() -> None:
    made = distributions.profile(np.full((5, 2), 30.0), np.array([20.0, 40.0]), 50)
    assert made.tolist() == [[1, 0], [1, 0], [1, 0]]


def test_probabilities_are_rliables() -> None:
    one, two = scores(6, 3, shift=10), scores(5, 3)
    frame = distributions.probabilities({"all": {"iql": one, "bc": two}}, "iql")
    [row] = frame.to_dict("records")
    assert row["method"] == "bc"
    assert row["probability"] == pytest.approx(
        metrics.probability_of_improvement(one, two), abs=1e-12
    )
    assert row["ci_low"] < row["probability"] < row["ci_high"]


def test_there_is_nothing_to_compare_without_the_reference() -> None:
    assert distributions.probabilities({"all": {"bc": scores(5, 2)}}, "iql").empty


def page(folder: Path, methods: list[str], skip: list[tuple[str, str]]) -> dict[str, str]:
    """Draw the section of such a suite; the captions of the figures over all seeds."""
    suite = make_suite(TASKS[:2]).model_copy(update={"methods": tuple(methods)})
    write_results(folder / "results", suite, skip=skip)
    read = inputs.read(suite, catalogue(), folder / "results", [], source_hash)
    figures = aggregates.over_all_seeds(read)
    build.write_files(Section("x", "x", tuple(figures)), folder)
    return {figure.stem: figure.caption for figure in figures}


def test_the_page_draws_what_there_is(tmp_path: Path) -> None:
    made = page(tmp_path, ["iql", "bc"], [])
    assert list(made) == ["profiles", "improvement", "compute"]
    assert "a seed of IQL scores higher" in made["improvement"]
    for name in made:
        assert (tmp_path / f"figures/{name}.svg").stat().st_size > 2000
    drawn = pd.read_csv(tmp_path / "figures/profiles.csv")
    assert set(drawn["method"]) == {"iql", "bc"}
    assert drawn.groupby("method")["share"].apply(lambda s: s.is_monotonic_decreasing).all()
    assert (tmp_path / "figures/improvement.csv").exists()


def test_an_unfinished_suite_has_no_such_figures(tmp_path: Path) -> None:
    made = page(tmp_path, ["iql", "bc"], [("iql", TASKS[0]), ("bc", TASKS[1])])
    assert made == {}
    assert not (tmp_path / "figures").exists()


def test_times_are_plain_numbers_of_seconds() -> None:
    """Of less than a second and of hours alike: no 700m for 0.7."""
    rows = [("all", name, "mean", 50.0, 40.0, 60.0, 5, 2) for name in ("iql", "bc")]
    frame = pd.DataFrame(rows, columns=AGGREGATE_COLUMNS)
    seconds, labels = {"iql": 0.6, "bc": 30_000.0}, {"iql": "IQL", "bc": "BC"}
    figure = distributions.score_against_compute(frame, seconds, labels, ["all"])
    (axis,) = figure.axes
    shown = axis.xaxis.get_major_formatter()
    assert [shown(value) for value in (0.7, 1.5, 200, 30_000)] == ["0.7", "1.5", "200", "30,000"]
