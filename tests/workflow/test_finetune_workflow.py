"""A suite with an online phase through the real `snakemake`, at a tiny size."""

from __future__ import annotations

import json

import pandas as pd
import pypdfium2
import pytest
import torch
import yaml
from helpers.paths import TESTS
from helpers.workflow_project import Project
from safetensors.torch import load_file

from bench.config.registry import ONLINE

TINY = TESTS / "suites/tiny-finetune.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("finetune"))
    project.suite = yaml.safe_load(TINY.read_text())
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_both_phases_stand_in_one_record(project: Project) -> None:
    scores = pd.read_csv(project.folder / "results/tiny/scores.csv")
    tuned = {(p, s) for p, s in scores[scores.method == "iql"][["phase", "step"]].values.tolist()}
    assert tuned == {("offline", 20), ("offline", 40), ("online", 40), ("online", 60)}
    for name in set(project.suite["methods"]) & set(ONLINE):
        points = scores[scores.method == name][["phase", "step"]].values.tolist()
        assert {tuple(p) for p in points} == {("offline", 0), ("online", 40), ("online", 60)}
    assert scores.groupby(["task", "method"]).seed.nunique().eq(3).all()
    table = pd.read_csv(project.folder / "results/tiny/finetune.csv")
    assert set(table.task) == {*project.suite["tasks"], "total"}
    assert (table.seeds == 3).all()


@pytest.mark.parametrize(("method", "taken"), [("sac_iql", "critic"), ("ppo_iql", "value")])
def test_online_methods_begin_where_iql_ended_offline(
    project: Project, method: str, taken: str
) -> None:
    for task in project.suite["tasks"]:
        iql, other = (
            load_file(project.folder / f"results/tiny/runs/{m}/{task}/0-2/policy.safetensors")
            for m in ("iql", method)
        )
        for name in ("policy.trunk.weights.0", f"{taken}.trunk.weights.2", "observation.mean"):
            assert torch.equal(iql[f"offline.{name}"], other[f"offline.{name}"])
        for networks in (iql, other):  # which both have moved from there
            name = f"{taken}.trunk.weights.0"
            assert not torch.equal(networks[name], networks[f"offline.{name}"])


def test_the_report_has_the_page(project: Project) -> None:
    document = pypdfium2.PdfDocument(project.folder / "reports/tiny.pdf")
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    assert "Fine-tuning: offline to online" in text
    for label in ("IQL", "Cal-QL", "SAC from scratch", "SAC from IQL", "PPO from IQL"):
        assert label in text
    assert "not reached" in text
    html = (project.folder / "reports/tiny.html").read_text()
    assert all(f'<table id="table-{t}"' in html for t in ("finetune", "regret", "online_cost"))
    said = json.loads((project.folder / "reports/tiny/report.json").read_text())["key_result"]
    assert "Fine-tuning " in said[0]
    assert "IQL on" in said[0]


def test_what_came_before_is_of_the_methods_that_learn_offline(project: Project) -> None:
    document = pypdfium2.PdfDocument(project.folder / "reports/tiny.pdf")
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    assert "Scores before the online phase" in text
    for table in ("scores", "evaluations", "aggregate"):
        drawn = (project.folder / f"reports/tiny/tables/{table}.csv").read_text()
        assert [name for name in ("IQL", "SAC", "PPO") if name in drawn] == ["IQL"]
    numbers = (project.folder / "reports/tiny/numbers.tex").read_text()
    assert "iql" in numbers
    assert "sac" not in numbers


def test_repeating_does_nothing_and_a_longer_phase_repeats_the_training(project: Project) -> None:
    done = project.snakemake()
    assert "Nothing to be done" in done.stdout + done.stderr
    online = project.suite["online"]
    try:
        project.suite["online"] = online | {"steps": 80}
        jobs = len(project.suite["tasks"]) * len(project.suite["methods"])
        assert project.planned()["train"] == jobs
    finally:
        project.suite["online"] = online
