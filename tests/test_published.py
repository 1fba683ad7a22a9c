"""The paper's Table 1 as carried over: complete, with the totals that the paper prints."""

from __future__ import annotations

import csv

import pytest

from bench import published
from bench.catalogue import Catalogue

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
