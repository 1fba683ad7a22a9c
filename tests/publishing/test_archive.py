"""The archive of a suite: its bytes, its sums, and what it leaves out."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from helpers.suite_results import TASKS, catalogue, make_suite, write_results, write_tables

from bench.errors import BenchError
from bench.publishing.archive import archive

A, B = TASKS[:2]
SUITE = make_suite([A, B], ["iql", "bc"], seeds=6, seeds_per_job=3)
CATALOGUE = catalogue()
REPORT, OUT = Path("reports/fixture.pdf"), Path("reports/fixture.zip")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("results/fixture")
    write_results(folder, SUITE)
    REPORT.parent.mkdir()
    REPORT.write_bytes(b"a pdf")
    return folder


def test_an_archive_is_whole_repeatable_and_checkable(results: Path, tmp_path: Path) -> None:
    Path("CITATION.cff").write_text("cff-version: 1.2.0\n")
    (results / "runs/iql" / A / "3-5/checkpoint.safetensors").touch()
    names, refused = archive(results, REPORT, OUT, CATALOGUE)
    first = OUT.read_bytes()
    assert archive(results, REPORT, OUT, CATALOGUE) == (names, {})
    assert refused == {}
    assert OUT.read_bytes() == first
    assert {"results/scores.csv", "fixture.pdf", "CITATION.cff", "SHA256SUMS"} <= set(names)
    assert not [name for name in names if "checkpoint" in name]
    digest = hashlib.sha256(first).hexdigest()
    assert Path("reports/fixture.zip.sha256").read_text() == f"{digest}  fixture.zip\n"
    with zipfile.ZipFile(OUT) as zipped:
        assert {info.date_time[0] for info in zipped.infolist()} == {1980}  # no clock in the bytes
        zipped.extractall(tmp_path / "read")
    sums = tmp_path / "read/fixture/SHA256SUMS"
    done = subprocess.run(["sha256sum", "--check", "--quiet", sums.name], cwd=sums.parent)
    assert done.returncode == 0
    assert len(sums.read_text().splitlines()) == len(names) - 1
    run = f"runs/bc/{A}/0-2"
    sealed = json.loads((results / run / "run.json").read_text())["files"]["evaluations.csv"]
    assert f"{sealed['sha256']}  results/{run}/evaluations.csv" in sums.read_text().splitlines()


def test_nothing_to_archive(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"scores.csv: file not found"):
        archive(tmp_path, tmp_path / "x.pdf", tmp_path / "x.zip", CATALOGUE)
    assert list(tmp_path.iterdir()) == []


def test_tables_without_runs_are_not_archived(results: Path) -> None:
    shutil.rmtree(results / "runs")
    write_tables(results, SUITE)
    with pytest.raises(BenchError, match="results/fixture: no verified run to archive; run the"):
        archive(results, REPORT, OUT, CATALOGUE)
    assert not OUT.exists()


def test_packed_results_are_archived_with_their_own_report(results: Path) -> None:
    (results / "report.pdf").write_bytes(b"of these results")
    names, _ = archive(results, REPORT, OUT, CATALOGUE)
    assert "results/report.pdf" in names
    assert "fixture.pdf" not in names


def test_a_changed_run_is_left_out_by_name(results: Path) -> None:
    name = f"iql/{A}/3-5"
    path = results / "runs" / name / "evaluations.csv"
    path.write_text(path.read_text().replace("offline,2000,3,0,", "offline,2000,3,0,9", 1))
    with pytest.raises(BenchError, match=r"scores.csv, line .*run `python -m bench statistics`"):
        archive(results, REPORT, OUT, CATALOGUE)  # its scores are still in the tables
    assert not OUT.exists()
    write_tables(results, SUITE)
    names, refused = archive(results, REPORT, OUT, CATALOGUE)
    assert list(refused) == [name]
    assert "evaluations.csv: differs from its seal" in refused[name]
    assert not [entry for entry in names if name in entry]
    assert [entry for entry in names if f"iql/{A}/0-2" in entry]


def test_a_changed_table_is_not_archived(results: Path) -> None:
    path = results / "summary.csv"
    text = path.read_text()
    mean = text.splitlines()[1].split(",")[3]
    path.write_text(text.replace(mean, "95.900000", 1))
    expected = rf"summary.csv, line 2 \({A}, iql, 6\), mean: 95.900000, but .* give {mean}"
    with pytest.raises(BenchError, match=expected):
        archive(results, REPORT, OUT, CATALOGUE)
