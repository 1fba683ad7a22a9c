"""Publishing from a scratch repository: what is packed, and each reason for a refusal."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT as PROJECT
from helpers.suite_results import (
    MAZES,
    TASKS,
    catalogue,
    edit_record,
    make_suite,
    source_hash,
    write_card,
    write_results,
)

from bench.errors import BenchError
from bench.publishing import derived, sums, verification
from bench.publishing.publish import publish
from bench.publishing.rederive import rederive
from bench.records.layouts import open_results
from bench.report import build

A, B = TASKS[0], MAZES[0]
SUITE = make_suite([A, B], ["iql", "bc"], seeds=3, seeds_per_job=3)
CATALOGUE = catalogue()
LIVE, ROOT = Path("results/fixture"), Path("results/published")
RUN = f"iql/{A}/0-2"


def git(*arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit(message: str = "a commit") -> str:
    git("add", "--all")
    git("commit", "-q", "-m", message)
    return git("rev-parse", "HEAD")


def typeset(publication: dict[str, Any], out: Path) -> None:
    out.write_text(json.dumps(publication))


def published() -> list[str]:
    return publish(LIVE, ROOT, CATALOGUE, typeset)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A repository whose only commit has made all runs of a finished suite; return the commit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    git("init", "-q")
    Path(".gitignore").write_text("/results/*\n!/results/published/\n/data/\n")
    Path("CITATION.cff").write_text("version: 1.2.3\n")
    (ROOT / "measured").mkdir(parents=True)
    (ROOT / "measured/speeds.csv").write_text("rate\n1\n")
    sums.write(ROOT / "measured")
    sums.write(ROOT)
    made = commit()
    write_results(LIVE, SUITE)
    for name in open_results(LIVE).runs:
        edit_record(LIVE / "runs" / name, commit=made, dataset_hash="00ff")
    for task in (A, B):
        card = json.loads(write_card(Path("data/cards"), task).read_text()) | {"hash": "00ff"}
        place = Path(f"data/transitions/fixture/{task}-100k-v0/card.json")
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(card))
    stored = open_results(LIVE)
    derived.write_claims(SUITE, stored, list(stored.runs.values()), CATALOGUE, LIVE)
    return made


@pytest.fixture
def _no_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger of claims names tasks that the fixtures do not have."""
    monkeypatch.setattr(derived, "verdicts", lambda *_: [])
    monkeypatch.setattr(derived, "read", lambda *_: None)


pytestmark = pytest.mark.usefixtures("_no_claims", "project")


def refused(expected: str) -> None:
    before = sorted(ROOT.rglob("*"))
    with pytest.raises(BenchError, match=expected) as caught:
        published()
    assert "\n" not in str(caught.value)
    assert sorted(ROOT.rglob("*")) == before


def test_a_verified_suite_is_published_with_version_date_and_commit(project: str) -> None:
    files = published()
    folder = ROOT / "fixture"
    assert {"runs.jsonl", "evaluations.csv", "report.pdf", "publication.json"} <= set(files)
    found = json.loads((folder / "publication.json").read_text())
    assert (found["version"], found["commit"]) == ("1.2.3", project)
    shown = json.loads((folder / "report.pdf").read_text())
    assert shown == {key: found[key] for key in ("version", "date", "commit")}
    assert verification.suite(folder, CATALOGUE) == []
    assert sums.differences(ROOT) == []
    commit("published")
    published()  # a second time, in place of the first
    assert verification.suite(folder, CATALOGUE) == []


def test_a_tree_with_changes_publishes_nothing(project: str) -> None:
    Path("new.py").touch()
    refused(f"publish: 1 files differ from commit {project[:10]}, such as new.py; commit or remove")
    Path("new.py").unlink()
    Path("CITATION.cff").write_text("version: 2\n")
    refused("such as CITATION.cff; commit or remove them")


def test_outside_of_a_commit_nothing_is_published() -> None:
    git("checkout", "-q", "--orphan", "empty")
    refused("publish: no commit is checked out here; commit the project with git")


def test_a_changed_run_or_table_is_not_published() -> None:
    path = LIVE / "runs" / RUN / "evaluations.csv"
    text = path.read_text()
    path.write_text(text.replace("2000,0,0,", "2000,0,0,1", 1))
    refused(rf"{RUN}: evaluations.csv: differs from its seal; .* \(and \d more: `python -m bench v")
    path.write_text(text)
    (LIVE / "claims.json").unlink()
    refused(r"claims.json: file not found; run `python -m bench claims`")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"dirty": True}, "commit: was made with uncommitted changes to commit "),
        ({"commit": None}, "commit: was made outside a git checkout; run it again from a commit"),
        ({"commit": "0" * 40}, "commit: was made by commit 0000000000, which this clone does not"),
    ],
)
def test_runs_of_uncommitted_code_are_not_published(changes: dict[str, Any], expected: str) -> None:
    edit_record(LIVE / "runs" / RUN, **changes)
    refused(rf"runs/{RUN}/run.json, {expected}")


def test_every_attempt_at_a_run_must_be_of_committed_code(project: str) -> None:
    first = {"commit": project, "dirty": True}
    edit_record(LIVE / "runs" / RUN, attempts=[first, {"commit": project, "dirty": False}])
    refused(rf"{RUN}/run.json, commit: was made with uncommitted changes")


def test_the_report_says_version_date_and_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("config").symlink_to(PROJECT / "config")
    monkeypatch.setattr(build.pdf, "typeset", lambda *_: None)
    monkeypatch.setattr(build, "write_files", lambda *_: None)
    monkeypatch.setattr(build.html, "build", lambda *_: None)
    made = {"version": "1.2.3", "date": "2026-01-31", "commit": "abc"}
    args = (SUITE, CATALOGUE, LIVE, [], Path("out/report.pdf"), source_hash)
    build.build(*args, publication=made)
    facts = dict(json.loads(Path("out/report/report.json").read_text())["facts"])
    assert facts["report"] == "version 1.2.3, typeset on 2026-01-31 by commit abc"
    assert facts["finished"] == "not recorded"  # the runs of the fixture say no day
    build.build(*args)
    facts = dict(json.loads(Path("out/report/report.json").read_text())["facts"])
    assert "report" not in facts


# --- derived again --------------------------------------------------------------------


def test_what_statistics_changed_is_derived_again() -> None:
    published()
    commit("published")
    folder = ROOT / "fixture"
    assert rederive(ROOT, CATALOGUE) == []
    path = folder / "summary.csv"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"best", b"tied"))
    lines = rederive(ROOT, CATALOGUE)
    assert lines[0] == f"{path}: derived again"
    assert path.read_bytes() == before
    assert verification.suite(folder, CATALOGUE) == []
    assert sums.differences(ROOT) == []


def test_what_is_in_no_commit_is_not_sealed() -> None:
    published()
    commit("published")
    path = ROOT / "fixture/evaluations.csv"
    text = path.read_text()
    path.write_text(text.replace("2000,0,0,", "2000,0,0,1", 1))
    with pytest.raises(BenchError, match=r"evaluations.csv: differs from its seal; restore"):
        rederive(ROOT, CATALOGUE)
    path.write_text(text)
    measured = ROOT / "measured/speeds.csv"
    measured.write_text("rate\n2\n")
    with pytest.raises(BenchError, match=r"speeds.csv: differs from its sum and from the commit"):
        rederive(ROOT, CATALOGUE)
    commit("measured anew")
    assert f"{ROOT / 'measured/SHA256SUMS'}: renewed" in rederive(ROOT, CATALOGUE)
    assert sums.differences(ROOT / "measured") == []


def test_suites_packed_before_there_were_seals_are_sealed_as_committed() -> None:
    published()
    path = ROOT / "fixture/runs.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [{"run": line["run"], "record": line["record"]} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    (ROOT / "fixture/SHA256SUMS").unlink()
    with pytest.raises(BenchError, match=r"runs.jsonl: differs from its sum and from the commit"):
        rederive(ROOT, CATALOGUE)
    commit("as before")
    assert rederive(ROOT, CATALOGUE)[0] == f"{path}: sealed"
    assert verification.suite(ROOT / "fixture", CATALOGUE) == []
