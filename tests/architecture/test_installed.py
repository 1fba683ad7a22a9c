"""What is installed elsewhere is whole, and a project of one's own runs on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.code import ROOTS, label
from helpers.paths import ROOT

SHIPPED = ("config", "workflow", "behaviors", "results/published")
DEPLOYED = """configfile: "config/config.yaml"


module iql:
    snakefile:
        gitfile("{repository}", path="workflow/Snakefile", tag="v1")
    config:
        config


use rule * from iql
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """The wheel's content, as installed."""
    folder = wheel.parent / "site"
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def run(site: Path, folder: Path, *arguments: str) -> str:
    """Run a module of Python in a folder on the installed code; return what it prints."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def shrink(path: Path, **changes: Any) -> None:
    """Make a suite as small as it can be and still be compared."""
    suite = yaml.safe_load(path.read_text())
    suite |= {"rows": 2000, "updates": 40, "log_every": 20, "bootstrap": 20}
    suite |= {"evaluation": {"every": 20, "episodes": 1}}
    suite["overrides"][0]["config"] = {"hidden": [8]}
    path.write_text(yaml.safe_dump(suite | changes))


def files_of(folder: Path) -> set[Path]:
    """The files of a folder that are not compiled ones."""
    return {p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def test_a_wheel_has_every_module_and_what_the_code_reads(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for root in ROOTS:
        assert {label(path) for path in files_of(ROOT / root)} <= held
    for name in SHIPPED:
        files = files_of(ROOT / name)
        assert len(files) > 5
        assert {f"bench/shipped/{label(path)}" for path in files} <= held
    (entries,) = (n for n in held if n.endswith(".dist-info/entry_points.txt"))
    text = zipfile.ZipFile(wheel).read(entries).decode()
    assert "iql-bench = bench.cli.main:main" in text


def test_a_project_runs_on_what_is_installed(site: Path, tmp_path: Path) -> None:
    before = files_of(site)
    project = tmp_path / "mine"
    run(site, tmp_path, "bench", "new", str(project))
    shrink(project / "suite.yaml", methods=["bc", "my_method"])
    run(site, project, "snakemake", "--cores", "2")
    assert (project / "reports/first.pdf").read_bytes().startswith(b"%PDF")
    report = json.loads((project / "reports/first/report.json").read_text())
    assert report["title"] == "A first look at my data"
    assert report["key_result"][0].startswith("Compared with BC, my_method ")
    assert report["commit"] == "not recorded"
    names = [section["name"] for section in report["sections"]]
    assert names[0] == "Notes"
    assert not {"Claims", "Published scores"} & set(names)
    assert (project / "results/first/runs/my_method/example/0-2/run.json").exists()
    assert files_of(site) == before  # everything that was written is in the project


def test_the_workflow_is_used_as_the_catalogue_does(site: Path, tmp_path: Path) -> None:
    """From a tag of a repository, with a configuration of its own: snakedeploy's form."""
    repository, project = tmp_path / "repository", tmp_path / "deployed"
    shutil.copytree(ROOT / "workflow", repository / "workflow")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "workflow"], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run([*git, *command], cwd=repository, check=True, capture_output=True)
    for name in ("config", "workflow"):
        (project / name).mkdir(parents=True)
    (project / "workflow/Snakefile").write_text(DEPLOYED.format(repository=repository))
    suite = yaml.safe_load((ROOT / "config/quick.yaml").read_text())
    (project / "config/config.yaml").write_text(yaml.safe_dump(suite | {"suite": "deployed"}))
    planned = run(site, project, "snakemake", "--dry-run")
    assert "reports/deployed.pdf" in planned
    assert "train             16" in planned
