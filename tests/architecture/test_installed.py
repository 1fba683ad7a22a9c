"""What is installed elsewhere is whole, and a project needs nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers.code import ROOTS, label
from helpers.paths import ROOT

from bench.cli.project import new

SHIPPED = ("config", "workflow", "behaviors", "results/published")
# What snakedeploy 0.17 writes, which also copies config/ and profiles/, links as files.
DEPLOYED = """from snakemake.utils import min_version


min_version("6.10.0")


configfile: "config/config.yaml"


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


def test_a_project_needs_only_what_is_installed(site: Path, tmp_path: Path) -> None:
    project = tmp_path / "mine"
    new(project)
    planned = run(site, project, "snakemake", "--dry-run")
    assert re.search(r"^train +3$", planned, re.MULTILINE)
    assert f"{site}/bench/shipped/behaviors/hopper/ladder.safetensors" in planned
    assert f"{site}/bench/shipped/config/claims.yaml" in planned
    assert str(ROOT) not in planned.replace(sys.prefix, "")  # where the interpreter is
    assert "3 training jobs" in run(site, project, "bench", "plan")


def test_the_workflow_is_used_as_the_catalogue_does(site: Path, tmp_path: Path) -> None:
    """From a tag of a repository, with a configuration of its own: snakedeploy's form."""
    repository, project = tmp_path / "repository", tmp_path / "deployed"
    shutil.copytree(ROOT / "workflow", repository / "workflow")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "workflow"], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run([*git, *command], cwd=repository, check=True, capture_output=True)
    for name in ("config", "profiles"):
        shutil.copytree(ROOT / name, project / name)
    (project / "workflow").mkdir()
    (project / "workflow/Snakefile").write_text(DEPLOYED.format(repository=repository))
    suite = project / "config/config.yaml"
    suite.write_text(suite.read_text().replace("suite: quick", "suite: deployed", 1))
    planned = run(site, project, "snakemake", "--dry-run")
    assert "reports/deployed.pdf" in planned
    assert "train             16" in planned
    assert run(site, project, "bench", "status").endswith("16 jobs: 16 waiting\n")
