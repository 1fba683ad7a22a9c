"""From a number back to its runs, and its name in LaTeX."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest
from helpers.suite_results import TASKS, catalogue, make_suite, source_hash, write_results

from bench.errors import BenchError
from bench.records.runs import Runs, read_runs
from bench.report import prose, provenance
from bench.report.sections.provenance import trace_table
from bench.statistics import aggregates
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS

A, B = TASKS[:2]
SUITE = make_suite([A, B], ["iql", "bc"], seeds=6, seeds_per_job=3)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All runs but one block of IQL's on A; its other one on A is stale."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results/fixture")
    write_results(folder, SUITE, stale=[("iql", A)])
    (folder / "runs/iql" / A / "3-5/run.json").unlink()
    return folder


def chain(folder: Path, task: str, method: str) -> str:
    runs = read_runs(SUITE, folder, source_hash)
    scores = read_csv(folder / "scores.csv", SCORE_COLUMNS)
    summary = read_csv(folder / "summary.csv", aggregates.SUMMARY_COLUMNS)
    known = catalogue()
    return "\n".join(provenance.chain(task, method, SUITE, known, folder, runs, scores, summary))


def test_the_chain_from_the_cell_to_the_commit(results: Path) -> None:
    text = chain(results, A, "iql")
    row = read_csv(results / "summary.csv", ["task"]).iloc[0]
    expected = [
        f"IQL on {A}, suite fixture",
        f"row {A}, column IQL of Scores: {row['mean']:.1f} [",
        "6 of 6 seeds",
        "scores.csv, phase offline, step 2000:",
        "seed 5: ",
        f"run       results/fixture/runs/iql/{A}/0-2: done, seeds 0, 1, 2",
        "updates 2,000; batch_size 256; rewards return_range; observations standardised",
        f"data      fixture/{A}-100k-v0, hash 00ff (",
        "commit    0123456789abcdef\n",
        "source    older: cannot be compared: commit 0123456789abcdef is not in this clone",
        f"run       results/fixture/runs/iql/{A}/3-5: not run",
    ]
    assert [part for part in expected if part not in text] == []
    made = "made by commit 0123456789abcdef; the numerics have not changed since"
    assert f"source    current: {made}" in chain(results, B, "bc")


def test_the_card_of_today_is_compared(results: Path) -> None:
    card = Path(f"data/transitions/fixture/{A}-100k-v0/card.json")
    card.parent.mkdir(parents=True)
    card.write_text('{"hash": "00ff"}')
    assert "card.json matches)" in chain(results, A, "iql")
    card.write_text('{"hash": "11ff"}')
    assert "card.json DIFFERS: the data have changed since)" in chain(results, A, "iql")


@pytest.mark.parametrize(("task", "method"), [("hoper-medium", "iql"), (A, "cql")])
def test_a_cell_that_the_suite_lacks(results: Path, task: str, method: str) -> None:
    with pytest.raises(BenchError, match="suite fixture: unknown"):
        chain(results, task, method)


def test_the_table_of_runs(results: Path) -> None:
    runs = read_runs(SUITE, results, source_hash)
    made = trace_table(SUITE, catalogue(), runs)
    texts = [[c.text for c in row] for row in made.rows]
    assert texts[0] == [A, "IQL", "0-2", "stale", "0123456789", "older", "00ff"]
    assert [t[:4] for t in texts[1:3]] == [[A, "BC", "0-2", "done"], [A, "BC", "3-5", "done"]]
    assert len(texts) == 7


def test_latex_names_every_number() -> None:
    row = (A, "td3_bc", 3, -47.06, 2.0, float("nan"), float("nan"), 50.0, 47.0, "best", 0)
    summary = pd.DataFrame([row], columns=aggregates.SUMMARY_COLUMNS)
    aggregate = pd.DataFrame(
        [("all", "iql", "IQM", 51.26, 40.0, 60.0, 5, 2)], columns=aggregates.AGGREGATE_COLUMNS
    )
    text = provenance.macros(summary, aggregate, "fixture")
    assert rf"\csname bench/{A}/td3_bc/mean\endcsname{{$-$47.1}}" in text
    assert rf"\csname bench/{A}/td3_bc/seeds\endcsname{{3}}" in text
    assert r"\csname bench/all/iql/IQM\endcsname{51.3}" in text
    assert r"\csname bench/all/iql/IQM high\endcsname{60.0}" in text
    assert "ci_low" not in text  # not a number below three seeds
    assert all(line.count("{") == line.count("}") for line in text.splitlines()[4:])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ([0.5, 2.0], "2.5 seconds"),
        ([99.0, 67.0], "2.8 minutes"),
        ([6990.0], "116.5 minutes"),
        ([3600.0, 9000.0], "3.5 hours"),
    ],
)
def test_the_time_of_all_jobs_has_a_unit_that_suits_it(seconds: list[float], said: str) -> None:
    found = {str(i): {"wall_seconds": taken} for i, taken in enumerate(seconds)}
    assert prose.took(cast(Runs, SimpleNamespace(found=found))) == said
