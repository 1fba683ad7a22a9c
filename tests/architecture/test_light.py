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


def loaded_after(*steps: list[str]) -> list[set[str]]:
    """Import the modules of each step in one new process; return all that is loaded after each."""
    script = ["import json, sys"]
    for modules in steps:
        script += [f"import {', '.join(modules)}", "print(json.dumps([*sys.modules]))"]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(script)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [set(json.loads(line)) for line in done.stdout.splitlines()]


def test_modules_of_subfolders_count() -> None:
    assert {"bench.report.build", "bench.report.sections.scores"} <= set(light_modules())


def test_a_light_package_loads_nothing_heavy() -> None:
    packages = ["bench", *(f"bench.{name}" for name in LIGHT)]
    steps = [[n for n in light_modules() if package_of(n) == package] for package in packages]
    assert all(steps)
    for package, loaded in zip(packages, loaded_after(*steps), strict=True):
        assert not loaded & set(HEAVY), package  # the first of them that loads it


def test_a_job_starts_without_the_statistics() -> None:
    unwanted = {"rliable", "arch", "scipy.stats", "matplotlib", "pandas", "seaborn"}
    for loaded in loaded_after(["bench.cli.main"], ["bench.training.train"]):
        assert not loaded & unwanted


@pytest.mark.parametrize("path", RULES, ids=label)
def test_rules_never_name_torch(path: Path) -> None:
    code = [line.partition("#")[0] for line in path.read_text().splitlines()]
    assert not [line for line in code if re.search(r"\btorch\b", line)]
