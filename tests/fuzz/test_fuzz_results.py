"""Changed files of results and of prepared data: what is read is what was written, or a sentence.

As in test_fuzz, `make fuzz` tries more.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import suite_results
from helpers.flat_data import flat
from helpers.fuzzing import attempt, changed, fuzz
from helpers.paths import ROOT
from hypothesis import given
from hypothesis import strategies as st

from bench.claims.entries import read_entries
from bench.config.catalogue import Catalogue
from bench.data import prepare
from bench.data.transitions import Transitions, check_card, content_hash
from bench.errors import BenchError
from bench.jobs.own_episodes import read_episodes
from bench.paths import LIVE, RunFolder
from bench.records.curves import live_curves
from bench.records.layouts import Results, open_results
from bench.statistics.aggregates import SUMMARY_COLUMNS
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS, run_scores

CSV = ("evaluations.csv", "episodes.csv")
PUBLISHED = ROOT / "results/published/local-paper"


def verified(results: Results) -> Results:
    """Return the results; raise BenchError at a run that does not match its seal."""
    for sentence in results.refused.values():
        raise BenchError(sentence)
    return results


@pytest.mark.parametrize("name", ["run.json", *CSV])
def test_runs(name: str, tmp_path: Path) -> None:
    suite = suite_results.make_suite(seeds=2)
    returns = {(step, seed): [10.0, 12.5] for step in (0, 500) for seed in (0, 1)}
    place = suite_results.write_run(tmp_path, suite, "iql", suite.tasks[0], (0, 1), returns)
    [right] = verified(open_results(tmp_path)).runs.values()
    record, rows = right.record(), [right.read(file).text for file in CSV]
    content = (place / name).read_bytes()

    @fuzz(0.3)
    @given(changed(content, words=True))
    def check(text: bytes) -> None:
        (place / name).write_bytes(text)
        found = attempt("results", lambda: verified(open_results(tmp_path)))
        if found is not None:
            [run] = found.runs.values()
            assert (run.record(), [run.read(file).text for file in CSV]) == (record, rows)

    check()


@pytest.mark.parametrize("name", ["runs.jsonl", "evaluations.csv", "cards.json"])
def test_published_results(name: str, tmp_path: Path) -> None:
    shutil.copytree(PUBLISHED, tmp_path / "it")
    content = (tmp_path / "it" / name).read_bytes()
    right = open_results(PUBLISHED)
    records = {key: run.record() for key, run in right.runs.items()}

    def read() -> Results:
        results = verified(open_results(tmp_path / "it"))
        results.cards()
        return results

    @fuzz(0.1)
    @given(changed(content, words=True))
    def check(text: bytes) -> None:
        (tmp_path / "it" / name).write_bytes(text)
        found = attempt("published results", read)
        if found is not None:
            assert all(run.record() == records[key] for key, run in found.runs.items())

    check()


def scored(folder: Path) -> None:
    for run in open_results(folder).runs.values():
        run_scores(run)


def test_what_runs_say_to_readers_that_check_no_seal(tmp_path: Path) -> None:
    suite = suite_results.make_suite(seeds=2)
    returns = {(step, seed): [10.0, 12.5] for step in (0, 500) for seed in (0, 1)}
    place = suite_results.write_run(tmp_path, suite, "iql", suite.tasks[0], (0, 1), returns)
    path = place / "evaluations.csv"

    @fuzz(0.3)
    @given(changed(path.read_bytes(), words=True))
    def check(text: bytes) -> None:
        path.write_bytes(text)
        attempt("rows of episodes", lambda: scored(tmp_path) or True)

    check()


def test_curves_of_running_jobs(tmp_path: Path) -> None:
    line = {"phase": "offline", "step": 500, "seed": 0, "q": 1.5, "return": 3.0}
    content = "".join(json.dumps(line | {"step": step}) + "\n" for step in (500, 1000)).encode()

    @fuzz(0.3)
    @given(changed(content, words=True))
    def check(text: bytes) -> None:
        (tmp_path / LIVE).write_bytes(text)
        attempt("curves of running jobs", lambda: live_curves(RunFolder(tmp_path)) or True)

    check()


def test_tables_of_results_and_episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    tasks = Catalogue().tasks
    rows = [f"hopper-medium,{seed},{e},{100 + e}" for seed in (0, 1) for e in (0, 1)]
    own = "\n".join(["task,seed,episode,return", *rows, ""]).encode()
    suite = suite_results.make_suite(seeds=2)
    suite_results.write_results(tmp_path / "r", suite)
    path = tmp_path / "file"
    readers: dict[str, Callable[[], object]] = {
        "scores.csv": lambda: read_csv(path, SCORE_COLUMNS),
        "summary.csv": lambda: read_csv(path, SUMMARY_COLUMNS),
        "claims.json": lambda: read_entries(path) or True,
        "own.csv": lambda: read_episodes(path, tasks),
    }
    (tmp_path / "r/own.csv").write_bytes(own)
    shutil.copyfile(ROOT / "results/published/quick/claims.json", tmp_path / "r/claims.json")
    for name in readers:
        content = (tmp_path / "r" / name).read_bytes()

        @fuzz(0.1)
        @given(changed(content, words=True), st.just(readers[name]))
        def check(text: bytes, read: Callable[[], object]) -> None:
            path.write_bytes(text)
            attempt("tables of results and episodes", read)

        check()


@pytest.mark.parametrize("name", ["rewards.npy", "card.json"])
def test_prepared_data(name: str, tmp_path: Path) -> None:
    data = flat()
    prepare.write(data, {"rows": 5, "hash": content_hash(data)}, tmp_path / "it")
    content = (tmp_path / "it" / name).read_bytes()

    def read() -> Transitions:
        found = Transitions.load(tmp_path / "it")
        check_card(tmp_path / "it", content_hash(found))
        return found

    @fuzz(0.3)
    @given(changed(content, words=name.endswith("json")))
    def check(text: bytes) -> None:
        (tmp_path / "it" / name).write_bytes(text)
        found = attempt("prepared data", read)
        if found is not None:
            np.testing.assert_array_equal(found.rewards, data.rewards)

    check()
