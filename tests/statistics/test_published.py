"""The paper's Table 1 as carried over: complete, with the totals that the paper prints."""

from __future__ import annotations

import csv

import pytest

from bench.config.catalogue import Catalogue
from bench.statistics import published
from bench.statistics.inference import Sample

# Printed in the paper's rows "locomotion-v2 total" and "antmaze-v0 total".
TOTALS = {
    "bc": (466.7, 100.2),
    "bc10": (666.2, 134.2),
    "dt": (672.6, 112.2),
    "awac": (450.7, 107.7),
    "onestep": (684.6, 125.3),
    "td3_bc": (677.4, 163.8),
    "cql": (698.5, 303.6),
    "iql": (692.6, 378.0),  # the paper prints 692.4 for its rows' 692.6
}


def test_it_has_the_papers_tasks_and_methods_each_once() -> None:
    catalogue = Catalogue()
    suite = catalogue.read_suite(published.Path("config/paper.yaml"))
    wanted = {(task, method) for task in suite.tasks for method in TOTALS}
    assert set(published.paper_scores()) == wanted
    with published.TABLE1.open() as file:
        assert sum(1 for _ in csv.DictReader(file)) == len(wanted) == 120
    assert set(TOTALS) <= set(catalogue.methods)


@pytest.mark.parametrize("method", TOTALS)
def test_the_rows_add_up_to_the_papers_totals(method: str) -> None:
    scores = {task: score for (task, m), score in published.paper_scores().items() if m == method}
    locomotion = [s for t, s in scores.items() if t.endswith("-v2")]
    mazes = [s for t, s in scores.items() if t.endswith("-v0")]
    assert (len(locomotion), len(mazes)) == (9, 6)
    assert (sum(locomotion), sum(mazes)) == pytest.approx(TOTALS[method], abs=1e-9)


def test_every_row_says_where_it_was_read() -> None:
    keys = {"xql", "diffuser", "seabo", "survey"}
    readme = (published.TABLE1.parent / "README.md").read_text()
    assert all(f"`{key}`" in readme for key in keys)
    with published.TABLE1.open() as file:
        for row in csv.DictReader(file):
            assert row["reprinted"]
            assert set(row["reprinted"].split()) <= keys


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("antmaze-umaze", "antmaze-umaze-v0"),
        ("antmaze-umaze-v2", "antmaze-umaze-v0"),
        ("antmaze-umaze-v0", "antmaze-umaze-v0"),
        ("antmaze-umaze-diverse", "antmaze-umaze-diverse-v0"),
        ("hopper-medium", "hopper-medium-v2"),
        ("hopper-expert-v2", None),
        ("pointmaze-large-stitch", None),
    ],
)
def test_a_task_has_the_counterpart_of_its_name(task: str, expected: str | None) -> None:
    assert published.counterpart(task, {t for t, _ in published.paper_scores()}) == expected


def test_what_stands_beside_a_task() -> None:
    found = published.beside(["antmaze-large-play", "pointmaze-large-stitch"], ["iql", "bcq"])
    assert found == {("antmaze-large-play", "iql"): 39.6}


def test_the_published_spread_is_of_the_papers_cells() -> None:
    samples = published.paper_samples()
    known = {cell for cell, sample in samples.items() if sample.std}
    assert known == {(task, "iql") for task, _ in published.paper_scores()}
    assert samples["hopper-medium-expert-v2", "iql"] == Sample(91.5, 14.3, 10, ours=False)
    assert samples["hopper-medium-expert-v2", "cql"].std == 0


# What CORL's README prints below its rows, locomotion and antmaze, last and best.
CORL_AVERAGES = {
    "bc": (50.40, 17.21, 70.15),
    "bc10": (69.29, 19.71, 80.65),
    "td3_bc": (76.45, 19.33, 84.83),
    "awac": (79.39, 18.58, 87.80),
    "cql": (78.28, 50.71, 84.68),
    "iql": (81.63, 57.17, 86.28),
    "rebrac": (89.74, 78.42, 93.00),
    "sac_n": (83.52, 0.00, 95.60),
    "edac": (92.92, 0.00, 96.36),
    "dt": (73.84, 18.12, 77.49),
}


@pytest.mark.parametrize("method", CORL_AVERAGES)
def test_corls_rows_give_the_averages_that_it_prints(method: str) -> None:
    last, best = (published.corl_samples(kind) for kind in ("last", "best"))

    def average(samples: dict[tuple[str, str], Sample], robot: bool) -> float:
        rows = [s for (t, m), s in samples.items() if m == method and ("maze" in t) != robot]
        assert len(rows) == (9 if robot else 6)
        assert {s.count for s in rows} == {4}
        return sum(s.mean for s in rows) / len(rows)

    found = (average(last, True), average(last, False), average(best, True))
    assert found == pytest.approx(CORL_AVERAGES[method], abs=0.011)
