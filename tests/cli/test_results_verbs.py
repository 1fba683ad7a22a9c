"""The verbs that read results: what is gathered anew, and what they print."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from helpers.paths import ROOT

from bench.cli import results
from bench.cli.results import claims, explain
from bench.errors import BenchError
from bench.report import build

QUICK = ROOT / "results/published/quick"


def test_a_report_gathers_what_has_ended_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("config", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    folder = Path("results/quick")
    run = folder / "runs/iql/hopper-medium-replay/0-4/run.json"
    run.parent.mkdir(parents=True)
    run.touch()
    calls: list[str] = []

    def write(name: str, file: str) -> None:
        def verb(*_: object) -> None:
            calls.append(name)
            (folder / file).touch()

        monkeypatch.setattr(results, name, verb)

    write("statistics", "aggregate.csv")
    write("claims", "claims.json")
    monkeypatch.setattr(build, "build", lambda *_: calls.append("build"))
    results.report()
    assert calls == ["statistics", "claims", "build"]
    results.report()
    assert calls[3:] == ["build"]
    later = (folder / "claims.json").stat().st_mtime + 10
    os.utime(run, (later, later))
    monkeypatch.setattr(results, "statistics", lambda *_: os.utime(folder / "aggregate.csv"))
    results.report()
    assert calls[4:] == ["claims", "build"]


def test_a_number_of_the_published_results_is_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    explain("hopper-medium-replay", "iql", folder=QUICK)
    shown = capsys.readouterr().out
    assert "row hopper-medium-replay, column IQL of Scores: 25.9" in shown
    lines = (QUICK / "runs.jsonl").read_text().splitlines()
    names = [json.loads(line)["run"] for line in lines]
    line = names.index("iql/hopper-medium-replay/0-4") + 1
    assert f"quick/runs.jsonl, line {line}: done, seeds 0, 1, 2, 3, 4" in shown
    assert "quick/evaluations.csv, rows iql,hopper-medium-replay,0-4" in shown


def test_claims_need_scores(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="run `python -m bench statistics`"):
        claims(folder=tmp_path)


def test_the_bibtex_is_of_the_citation_file() -> None:
    text = (ROOT / "docs/citing.md").read_text().replace("{", "").replace("}", "")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    paper = citation["references"][0]
    for value in (citation["title"], citation["version"], paper["title"], paper["year"]):
        assert re.search(rf"= {re.escape(str(value))}", text)
    assert paper["identifiers"][0]["value"] in text
