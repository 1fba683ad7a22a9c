"""Tables beside published scores, and of last, best and last ten evaluations."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from helpers.claims import CATALOGUE, PAPER, scores, values
from scipy import stats

from bench.config.types import Suite
from bench.records.runs import Runs
from bench.report.inputs import ReportInputs
from bench.report.sections import published as comparison
from bench.report.table import write
from bench.statistics import published
from bench.statistics.aggregates import SUMMARY_COLUMNS, last_scores

HOPPER, WALKER = "hopper-medium-v2", "walker2d-medium-v2"
SUITE = PAPER.model_copy(update={"tasks": (HOPPER, WALKER), "methods": ("iql", "cql")})


def drawn(folder: Path, suite=SUITE, **cells: np.ndarray) -> list[list[tuple[str, ...]]]:
    """(text, notes...) of each cell; `cells` are named task__method."""
    given = {tuple(name.replace("_v", "-v").split("__")): v for name, v in cells.items()}
    given = {(t.replace("_", "-"), m): v for (t, m), v in given.items()}
    found = last_scores(scores(suite, given), suite, CATALOGUE.tasks)
    made = comparison.published_table(found, suite, CATALOGUE)
    assert made is not None
    return [[(c.text, *c.notes) for c in row] for row in write(made, folder).rows]


def test_ours_the_papers_the_difference_and_corls(tmp_path: Path) -> None:
    rows = drawn(
        tmp_path,
        hopper_medium_v2__iql=values(70.3, 5.0),
        walker2d_medium_v2__iql=values(78.3, 4.0),
        hopper_medium_v2__cql=values(58.0, 3.0),
    )
    # IQL's spread is published: 66.3, deviation 5.7 over ten seeds
    error = np.sqrt((25 + 5.7**2) / 10)
    freedom = 81 * error**4 / (9 * (25**2 + 5.7**4) / 100)
    half = stats.t.ppf(0.975, freedom) * error
    expected = f"+4.0 [{4 - half:.1f}, {4 + half:.1f}]".replace("-", "−")
    assert rows[0][1] == ("70.3", "paper 66.3", expected, "CORL 67.5")
    # CQL's is not: the paper's number counts as exact
    half = stats.t.ppf(0.975, 9) * 3 / np.sqrt(10)
    expected = f"−0.5 [−{0.5 + half:.1f}, {half - 0.5:.1f}]"
    assert rows[0][2] == ("58.0", "paper 58.5", expected, "CORL 59.1")
    assert rows[1][2] == ("not run", "paper 72.5", "CORL 80.8")
    assert [row[0][0] for row in rows] == [HOPPER, WALKER, "total, all"]
    total = rows[2][1]
    assert total[:2] == ("148.6", "paper 144.6")
    assert total[2].startswith("+4.0 [")
    assert rows[2][2][:2] == ("n/a", "paper 131.0")
    assert {p.name for p in tmp_path.iterdir()} == {"published.csv", "published.tex"}


def test_other_data_are_not_subtracted(tmp_path: Path) -> None:
    suite = CATALOGUE.read_suite(published.Path("config/baselines.yaml"))
    rows = drawn(tmp_path, suite, hopper_medium__iql=values(38.0, 1.0, 5))
    assert [row[0][0] for row in rows] == [
        *("halfcheetah-medium", "hopper-medium", "walker2d-medium", "hopper-medium-replay"),
        "total, all",  # no row for locomotion, which would be the same
    ]
    assert rows[1][1] == ("38.0", "paper 66.3")


def test_two_seeds_have_no_interval(tmp_path: Path) -> None:
    rows = drawn(tmp_path, hopper_medium_v2__iql=values(70.3, 5.0, 2))
    assert rows[0][1][2] == "+4.0"


def test_a_suite_of_unpublished_tasks_has_no_such_table() -> None:
    suite = PAPER.model_copy(update={"tasks": ("pointmaze-large-stitch",)})
    assert comparison.published_table({}, suite, CATALOGUE) is None


def test_one_seed_is_shown_without_an_interval(tmp_path: Path) -> None:
    rows = drawn(tmp_path, hopper_medium_v2__iql=np.array([70.3]))
    assert rows[0][1][:3] == ("70.3", "paper 66.3", "+4.0")


def test_a_total_is_summed_per_seed(tmp_path: Path) -> None:
    both = values(70.0, 5.0)
    rows = drawn(tmp_path, hopper_medium_v2__iql=both, walker2d_medium_v2__iql=both)
    paper = [published.paper_samples()[task, "iql"] for task in (HOPPER, WALKER)]
    variance = [4 * 25 / 10, *(s.std**2 / s.count for s in paper)]  # twice the same seeds
    freedom = sum(variance) ** 2 / sum(v**2 / 9 for v in variance)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(sum(variance))
    low, high = (140 - 144.6 + sign * half for sign in (-1, 1))
    assert rows[2][1][2].endswith(f" [{low:.1f}, {high:.1f}]".replace("-", "−"))


def test_last_best_and_last_ten_are_told_apart() -> None:
    row = (HOPPER, "iql", 5, 60.0, 1.0, 59.0, 61.0, 70.0, 55.0, "best", 0)
    summary = pd.DataFrame([row], columns=SUMMARY_COLUMNS)
    made = comparison.evaluations_table(summary, SUITE, CATALOGUE)
    assert [c.text for c in made.rows[0]] == [HOPPER, "60.0", "not run"]
    assert made.rows[0][1].notes == ("55.0 / 70.0",)  # of the last ten, and the best


MAZE = "antmaze-umaze-v0"
RUNS = Runs({}, [], [])


def told(suite: Suite, runs: Runs = RUNS) -> list[str]:
    """The sentences on recipes beneath the table."""
    inputs = SimpleNamespace(offline=suite, catalogue=CATALOGUE, runs=runs)
    return comparison.recipes(cast(ReportInputs, inputs))


def test_the_recipe_of_cql_on_antmaze_is_told_from_the_method_file() -> None:
    [sentence] = told(PAPER)
    layer = CATALOGUE.methods["cql"].families["antmaze"]
    assert sentence == f" _CQL on antmaze_: {layer.published}; ours have that recipe."
    assert told(SUITE) == []  # locomotion alone


def test_a_suite_or_a_run_that_departs_from_the_recipe_says_so() -> None:
    local = CATALOGUE.read_suite(Path("config/local.yaml"))
    assert told(local)[0].endswith("; ours depart from that recipe, as their settings show.")
    task = {"task": MAZE, "family": "antmaze"}
    made: dict[str, Any] = {
        "settings": {"method": "cql", "task": task, "rewards": "centred_times_4"}
    }
    config = CATALOGUE.methods["cql"].families["antmaze"].config
    runs = Runs({"cql/0": made | {"config": config}}, [], [])
    assert told(PAPER, runs)[0].endswith("as their settings show.")
    made["settings"]["rewards"] = "centred_times_10"
    assert told(PAPER, runs)[0].endswith("ours have that recipe.")
