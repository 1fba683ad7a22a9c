"""A report of a suite in which one run does not match its seal: named, left out, the rest shown."""

from __future__ import annotations

import re
from pathlib import Path

import pypdfium2
import pytest
from helpers.suite_results import (
    TASKS,
    catalogue,
    make_suite,
    source_hash,
    write_results,
    write_tables,
)

from bench.paths import EVALUATIONS
from bench.records.runs import read_runs
from bench.report import build, provenance
from bench.report.sections import progress
from bench.statistics import aggregates
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS

A, B = TASKS[:2]
SUITE = make_suite([A, B], seeds=6, seeds_per_job=6)
RUN = f"bc/{A}/0-5"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    write_results(folder, SUITE)
    path = folder / "runs" / RUN / EVALUATIONS
    path.write_text(path.read_text().replace("offline,2000,0,0,", "offline,2000,0,0,1", 1))
    write_tables(folder, SUITE)
    return folder


@pytest.mark.usefixtures("svg_alone")
def test_the_report_names_it_and_shows_the_rest(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    build.build(SUITE, catalogue(), results, [], out, source_hash)
    pages = [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(out)]
    text = " ".join(" ".join(pages).replace("\x02", "-").split())
    assert "3 of 4 done, 0 diverged, 0 not run, 0 stale, 1 not verified" in text
    assert f"not verified {RUN}" in text
    assert "evaluations.csv: differs from its seal; delete the run’s folder" in text.replace(
        "'", "’"
    )
    html = re.sub(r"<[^>]*>|\s+", " ", out.with_suffix(".html").read_text())
    assert f"not verified {RUN}" in " ".join(html.split())
    rows = (tmp_path / "report/tables/scores.csv").read_text().splitlines()
    assert rows[1].startswith(f"{A},")
    assert rows[1].endswith(",not verified")
    assert "not" not in rows[2]


def test_its_seeds_are_counted_apart(results: Path) -> None:
    runs = read_runs(SUITE, results, source_hash)
    assert list(runs.refused) == [RUN]
    assert runs.unverified == {(A, "bc")}
    states = progress.seed_states(SUITE, results, runs)
    assert states[A, "bc"] == progress.SeedStates(unverified=6)
    assert states[A, "iql"] == progress.SeedStates(done=6)


def test_the_chain_says_that_it_is_not_verified(results: Path) -> None:
    runs = read_runs(SUITE, results, source_hash)
    scores = read_csv(results / "scores.csv", SCORE_COLUMNS)
    summary = read_csv(results / "summary.csv", aggregates.SUMMARY_COLUMNS)
    place = (A, "bc", SUITE, catalogue(), results, runs, scores, summary)
    text = "\n".join(provenance.chain(*place))
    assert f"run       not verified: {results}/runs/{RUN}: evaluations.csv: differs" in text
