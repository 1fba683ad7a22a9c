"""A new project through the real `snakemake`, far from the checkout, up to its report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.paths import ROOT
from helpers.warm_jobs import printed

from bench.cli.project import new

SMALL = {
    "methods": ["bc", "my_method"],
    "rows": 2000,
    "updates": 40,
    "log_every": 20,
    "bootstrap": 20,
    "evaluation": {"every": 20, "episodes": 1},
    "overrides": [{"config": {"hidden": [8]}, "reason": "a test"}],
}


def snakemake(folder: Path, *arguments: str) -> str:
    """Run the workflow in a folder; return what it prints."""
    return printed(folder, "python", "-m", "snakemake", "--cores", "2", *arguments)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "mine"
    new(folder)
    suite = folder / "suite.yaml"
    suite.write_text(yaml.safe_dump(yaml.safe_load(suite.read_text()) | SMALL))
    snakemake(folder)
    return folder


def report_of(project: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project / "reports/first/report.json").read_text())
    return content


def test_everything_is_written_in_the_project(project: Path) -> None:
    made = {path.name for path in project.iterdir()}
    assert {"data", "results", "reports", "logs"} <= made
    assert (project / "reports/first.pdf").read_bytes().startswith(b"%PDF")
    record = json.loads((project / "results/first/runs/my_method/example/0-2/run.json").read_text())
    assert record["settings"]["config"] == {"hidden": [8]}
    assert (record["settings"]["method"], record["commit"]) == ("my_method", None)


def test_the_report_is_about_the_project(project: Path) -> None:
    report = report_of(project)
    assert report["title"] == "A first look at my data"
    assert " from BC " in report["key_result"][0]
    assert report["authors"] == ["Your name"]
    assert report["commit"] == "not recorded"
    names = [section["name"] for section in report["sections"]]
    assert names[:2] == ["Overview", "Notes"]
    assert not {"Claims", "Published scores"} & set(names)
    assert str(ROOT) not in json.dumps(report)


def test_an_edited_method_repeats_its_runs_alone(project: Path) -> None:
    method = project / "methods/my_method.py"
    assert "Nothing to be done" in snakemake(project, "--dry-run")
    method.write_text(method.read_text().replace("error.abs()", "2 * error.abs()"))
    planned = snakemake(project, "--dry-run")
    assert re.search(r"^train +1$", planned, re.MULTILINE)
    assert "results/first/runs/my_method/example/0-2/policy.safetensors" in planned
