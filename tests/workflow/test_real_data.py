"""The documented way from an HDF5 file to a report, through the real `snakemake`."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium
import numpy as np
import pandas as pd
import pytest
from helpers.d4rl_files import Arrays, write
from helpers.http_host import Host
from helpers.paths import ROOT
from helpers.workflow_project import Project

from bench.config.d4rl_files import TABLE
from bench.data import fetch_d4rl

# Of the rows that a project adds to ours.
HEADER = next(
    line
    for line in (ROOT / "workflow/project/tasks.tsv").read_text().splitlines()
    if line.startswith("task\t")
)


def hopper_rows(rows: int) -> Arrays:
    """Random actions in Hopper, recorded as D4RL does."""
    env = gymnasium.make("Hopper-v4", max_episode_steps=15)
    rng = np.random.default_rng(0)
    columns: list[tuple[np.ndarray, np.ndarray, float, bool, bool, np.ndarray]] = []
    observation, _ = env.reset(seed=0)
    for _ in range(rows):
        action = rng.uniform(-1, 1, 3)
        following, reward, terminal, timeout, _ = env.step(action)
        columns.append((observation, action, float(reward), terminal, timeout, following))
        observation = env.reset()[0] if terminal or timeout else following
    env.close()
    names = ("observations", "actions", "rewards", "terminals", "timeouts", "next_observations")
    return {n: np.array(c) for n, c in zip(names, zip(*columns, strict=True), strict=True)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A user's own file by the documented row, and one of D4RL's from a server on loopback."""
    folder = tmp_path_factory.mktemp("project")
    project = Project(folder)
    rows = hopper_rows(400)
    write(folder / "data/mine.hdf5", rows)

    served = write(folder / "served.hdf5", rows)
    facts = {"bytes": served.stat().st_size, "sha256": fetch_d4rl.sha256(served), "segments": ""}
    host = Host(served.read_bytes())
    table = folder / TABLE
    frame = pd.read_csv(table, sep="\t", comment="#", dtype=str, keep_default_na=False)
    mine = frame["dataset"] == "hopper-medium-v2"
    for key, value in facts.items():
        frame.loc[mine, key] = str(value)
    frame.loc[mine, "urls"] = host.url
    frame.to_csv(table, sep="\t", index=False)

    recipe = (ROOT / "docs/your-project.md").read_text().splitlines()
    [row] = [line for line in recipe if line.startswith("mine\t")]
    (folder / "tasks.tsv").write_text(f"{HEADER}\n{row}\n")
    project.suite |= {"tasks": ["mine", "hopper-medium-v2"], "methods": ["bc"]}
    with host.serving():
        done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def card(project: Project, name: str) -> dict[str, object]:
    path = project.folder / "data/transitions" / name / "card.json"
    content: dict[str, object] = json.loads(path.read_text())
    return content


def test_a_file_of_ones_own_is_converted_and_reported(project: Project) -> None:
    content = card(project, "mine/hopper/first-v0")
    assert (content["rows"], content["reading"]) == (400, "full")
    assert content["collection"]["source"] == "data/mine.hdf5"  # type: ignore[index]
    scores = pd.read_csv(project.folder / "results/tiny/scores.csv")
    assert set(scores["task"]) == {"mine", "hopper-medium-v2"}
    audit = pd.read_csv(project.folder / "reports/tiny/tables/data.csv")
    assert audit["origin"].tolist() == ["own file", "D4RL"]


def test_d4rls_file_is_fetched_verified_and_read_as_d4rl_reads_it(project: Project) -> None:
    content = card(project, "d4rl/hopper/medium-v2-d4rl")
    timeouts = int(hopper_rows(400)["timeouts"][:-1].sum())
    assert timeouts > 5
    assert (content["rows"], content["reading"]) == (399 - timeouts, "d4rl")
    assert content["collection"]["source_verified"] is True  # type: ignore[index]
    assert (project.folder / "data/d4rl/hopper_medium-v2.hdf5").exists()


def test_changing_the_reading_repeats_transitions_and_runs_of_that_task(project: Project) -> None:
    table = project.folder / "tasks.tsv"
    before = table.read_text()
    assert not project.planned()
    lines = before.splitlines()
    lines[-1] = lines[-1].removesuffix("full") + "d4rl"
    try:
        table.write_text("\n".join(lines) + "\n")
        planned = project.planned()
    finally:
        table.write_text(before)
    assert planned["transitions"] == planned["train"] == 1
    assert not {"fetch", "convert"} & set(planned)


def test_a_broken_file_stops_before_any_training(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write(tmp_path / "data/mine.hdf5", hopper_rows(30), timeouts=None)
    cells = ["mine", "locomotion", "Hopper-v4", "mine/hopper/first-v0", "hdf5:data/mine.hdf5"]
    row = "\t".join([*cells, "0", "1", "false", "me", "full"])
    (tmp_path / "tasks.tsv").write_text(f"{HEADER}\n{row}\n")
    project.suite |= {"tasks": ["mine"], "methods": ["bc"]}
    done = project.run("bench run")
    assert done.returncode == 2
    assert "error: data/mine.hdf5: the key 'timeouts' is missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results/tiny/runs").exists()
    assert not list((tmp_path / "data").rglob("*main_data*"))
