"""The matrix of what has run, told from files alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.suite_results import (
    TASKS,
    catalogue,
    edit_record,
    make_suite,
    source_hash,
    write_results,
)

from bench.paths import CHECKPOINT
from bench.records.runs import read_runs
from bench.report.sections import progress

A, B = TASKS[:2]
SUITE = make_suite([A, B], ["iql", "bc"], seeds=6, seeds_per_job=3)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """IQL: three seeds of A done and three begun, B stale. BC: none of A, B diverged and stale."""
    stale = [("iql", B), ("bc", B)]
    write_results(tmp_path, SUITE, [("bc", A)], diverged=[("bc", B)], stale=stale)
    half = tmp_path / "runs/iql" / A / "3-5"
    (half / "run.json").unlink()
    (half / CHECKPOINT).touch()
    # One seed of the block diverged; the other two went on to the end.
    edit_record(tmp_path / "runs/bc" / B / "0-2", diverged={"1": 900})
    return tmp_path


def test_every_seed_is_counted_once(results: Path) -> None:
    found = progress.seed_states(SUITE, results, read_runs(SUITE, results, source_hash))
    assert found == {
        (A, "iql"): progress.SeedStates(done=3, begun=3),
        (B, "iql"): progress.SeedStates(done=6, stale=6),
        (A, "bc"): progress.SeedStates(missing=6),
        (B, "bc"): progress.SeedStates(done=2, diverged=4, stale=2),
    }


def test_the_table_says_what_is_not_done(results: Path) -> None:
    runs = read_runs(SUITE, results, source_hash)
    made = progress.status_table(SUITE, catalogue(), results, runs)
    cells = [[(c.text, c.notes) for c in row[1:]] for row in made.rows]
    assert cells == [
        [("3 of 6", ("3 begun",)), ("0 of 6", ("6 missing",))],
        [("6 of 6", ("6 stale",)), ("2 of 6", ("4 diverged", "2 stale"))],
    ]
    assert not any(c.mark for row in made.rows for c in row)


def test_a_finished_cell_is_marked(tmp_path: Path) -> None:
    write_results(tmp_path, SUITE)
    runs = read_runs(SUITE, tmp_path, source_hash)
    made = progress.status_table(SUITE, catalogue(), tmp_path, runs)
    assert {(c.text, c.notes, c.mark) for row in made.rows for c in row[1:]} == {
        ("6 of 6", (), "finished")
    }
