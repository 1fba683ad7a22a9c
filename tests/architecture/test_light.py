"""Where only tables are read, nothing heavy is loaded: workflow, report, command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.code import MODULES, RULES, label, package_of
from helpers.paths import ROOT

HEAVY = ("torch", "gymnasium", "gymnasium_robotics", "minari", "mujoco")
LIGHT = ("config", "records", "statistics", "claims", "literature", "report", "jobs", "cli")
ENTRIES = {"bench.antmaze", "bench.locomotion", "bench.maze", "bench.__main__"}


def light_modules() -> list[str]:
    packages = {"bench", *(f"bench.{name}" for name in LIGHT)}
    return [n for n in MODULES if package_of(n) in packages and n not in ENTRIES]


def loaded_by(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; import json, sys; print(json.dumps([*sys.modules]))"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return list(json.loads(done.stdout))


def test_modules_of_subfolders_count() -> None:
    assert {"bench.report.build", "bench.report.sections.scores"} <= set(light_modules())


@pytest.mark.parametrize("package", ["bench", *(f"bench.{name}" for name in LIGHT)])
def test_a_light_package_loads_nothing_heavy(package: str) -> None:
    mine = [name for name in light_modules() if package_of(name) == package]
    assert mine
    assert not set(loaded_by(f"import {', '.join(mine)}")) & set(HEAVY)


@pytest.mark.parametrize("module", ["bench.cli.main", "bench.training.train"])
def test_a_job_starts_without_the_statistics(module: str) -> None:
    unwanted = {"rliable", "arch", "scipy.stats", "matplotlib", "pandas", "seaborn"}
    assert not set(loaded_by(f"import {module}")) & unwanted


@pytest.mark.parametrize("path", RULES, ids=label)
def test_rules_never_name_torch(path: Path) -> None:
    code = [line.partition("#")[0] for line in path.read_text().splitlines()]
    assert not [line for line in code if re.search(r"\btorch\b", line)]
