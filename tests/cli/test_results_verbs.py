"""The verbs that read results: what is gathered anew, and what they print."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from helpers.paths import ROOT

from bench.cli import results
from bench.cli.publishing import publish, verify
from bench.cli.results import claims, explain
from bench.config.types import Suite
from bench.errors import BenchError
from bench.publishing import publish as publishing
from bench.publishing.publish import Typeset
from bench.report import build

QUICK = ROOT / "results/published/quick"
HOPPER = pd.read_csv(QUICK / "summary.csv", index_col=["task", "method"]).loc[
    ("hopper-medium-replay", "iql"), "mean"
]
MEAN = f"{HOPPER:.6f}"


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the published results of `quick`, where a project keeps its own."""
    for name in ("config", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(QUICK, tmp_path / "results/quick")
    (tmp_path / "results/published").symlink_to(QUICK.parent)  # claims may rest on other results
    monkeypatch.chdir(tmp_path)
    return Path("results/quick")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def changed_run(folder: Path) -> str:
    """Let IQL lose an episode of the maze that it won; return the run's name."""
    path = folder / "evaluations.csv"
    run = "iql,pointmaze-large-stitch,0-4,offline,"
    row = next(r for r in path.read_text().splitlines() if r.startswith(run) and ",1.0," in r)
    edit(path, row, row.replace(",1.0,", ",0.0,"))
    return "iql/pointmaze-large-stitch/0-4"


def test_a_report_derives_what_does_not_follow_from_the_episodes(
    quick: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "build", lambda *_: None)
    results.report()  # the suite may be described in other words than when it was published
    capsys.readouterr()
    before = {path.name: path.read_bytes() for path in quick.iterdir()}
    results.report()
    assert "did not follow" not in capsys.readouterr().out
    edit(quick / "summary.csv", MEAN, f"9{MEAN[1:]}")
    (quick / "claims.json").unlink()
    results.report()
    shown = capsys.readouterr().out
    assert "results/quick/summary.csv: did not follow from the episodes; written anew" in shown
    assert "results/quick/claims.json: did not follow" in shown
    assert {path.name: path.read_bytes() for path in quick.iterdir()} == before


def test_statistics_leave_out_a_changed_run_by_name(
    quick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = changed_run(quick)
    results.statistics()
    assert f"{name}: not verified, left out: results/quick/runs.jsonl, line" in (
        capsys.readouterr().err
    )
    summary = (quick / "summary.csv").read_text().splitlines()
    assert len(summary) == 1 + 15
    assert not [row for row in summary if row.startswith("pointmaze-large-stitch,iql,")]


def test_statistics_of_nothing_are_refused(quick: Path) -> None:
    for path in quick.iterdir():
        path.unlink()
    with pytest.raises(BenchError, match="results/quick: no verified run of this suite; run it"):
        results.statistics()
    assert list(quick.iterdir()) == []


def test_an_explanation_is_of_the_episodes_and_names_what_differs(
    quick: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(quick / "summary.csv", MEAN, f"9{MEAN[1:]}")
    explain("iql", "hopper-medium-replay")
    shown = capsys.readouterr()
    assert f"row hopper-medium-replay, column IQL of Scores: {HOPPER:.1f}" in shown.out
    wrong = "not verified: results/quick/summary.csv, line 6 (hopper-medium-replay, iql, 5), mean: "
    assert f"{wrong}9{MEAN[1:]}" in shown.err
    name = changed_run(quick)
    explain("iql", "pointmaze-large-stitch")
    shown = capsys.readouterr()
    assert "column IQL of Scores: not run" in shown.out
    assert "run       not verified: results/quick/runs.jsonl, line " in shown.out
    assert f"{name}: not verified, left out" in shown.err


def test_claims_and_effects_need_scores_that_follow(quick: Path) -> None:
    path = quick / "scores.csv"
    row = path.read_text().splitlines()[1]
    edit(path, row, row.replace(",10", ",11"))
    with pytest.raises(BenchError, match=r"scores.csv, line 2 .*episodes: 11, but the episodes"):
        claims()


def test_verify_exits_with_what_it_finds(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify("quick")
    verified = [f"results/{name}: verified" for name in ("quick", "published/quick")]
    assert capsys.readouterr().out.splitlines() == verified
    edit(quick / "claims.json", "not run", "not ran")
    with pytest.raises(SystemExit) as stop:
        verify("results/quick")
    assert stop.value.code == 1
    shown = capsys.readouterr().out
    assert re.search(r"claims.json, [\w-]+, verdict: \"not ran\", but the episodes give", shown)
    with pytest.raises(BenchError, match="quack: no folder of results"):
        verify("quack")


def test_a_number_of_the_published_results_is_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    explain("iql", "hopper-medium-replay", folder=QUICK)
    shown = capsys.readouterr().out
    explain("hopper-medium-replay", "iql", folder=QUICK)  # as older reports say it
    assert capsys.readouterr().out == shown
    assert f"row hopper-medium-replay, column IQL of Scores: {HOPPER:.1f}" in shown
    lines = (QUICK / "runs.jsonl").read_text().splitlines()
    names = [json.loads(line)["run"] for line in lines]
    line = names.index("iql/hopper-medium-replay/0-4") + 1
    assert f"quick/runs.jsonl, line {line}: done, seeds 0, 1, 2, 3, 4" in shown
    assert "quick/evaluations.csv, rows iql,hopper-medium-replay,0-4" in shown


def test_claims_need_scores(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"suite\.json: file not found; name a folder of results"):
        claims(folder=tmp_path)


def test_the_bibtex_is_of_the_citation_file() -> None:
    text = (ROOT / "docs/citing.md").read_text().replace("{", "").replace("}", "")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    paper = citation["references"][0]
    for value in (citation["title"], citation["version"], paper["title"], paper["year"]):
        assert re.search(rf"= {re.escape(str(value))}", text)
    assert paper["identifiers"][0]["value"] in text


def test_publish_typesets_the_suite_that_ran(
    quick: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built: list[tuple[object, ...]] = []

    def build_it(suite: Suite, _: object, folder: Path, *rest: object, publication: object) -> None:
        built.append((suite.suite, folder, rest[-1], publication))

    def run(folder: Path, root: Path, _: object, typeset: Typeset, curves: object) -> list[str]:
        typeset({"version": "1"}, Path("out.pdf"))
        return [str(folder), str(root)]

    monkeypatch.setattr(build, "build", build_it)
    monkeypatch.setattr(publishing, "publish", run)
    publish("quick")
    assert built == [("quick", quick, Path("out.pdf"), {"version": "1"})]
    assert capsys.readouterr().out == "results/published/quick: results/quick, results/published\n"
    with pytest.raises(BenchError, match="publish: no suite given"):
        publish()
