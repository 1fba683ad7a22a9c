"""The recipes of docs/extending, followed to the letter in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.pages import ROOT

COPIED = ("bench", "iql", "baselines", "config", "workflow", "results/published/quick")
LINKED = ("Snakefile", "behaviors", "results/published/benchmark")
STEP = re.compile(
    r"^(Write|Append to|Add to `METHODS` in) `([\w/.-]+)`[^`]*?:\n\n```\w+\n(.*?)```",
    re.MULTILINE | re.DOTALL,
)
COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository that a recipe may change, without data."""
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in LINKED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def write(page: str, checkout: Path) -> None:
    """Write what the page says to write."""
    steps = STEP.findall((ROOT / f"docs/extending/{page}.md").read_text())
    assert steps
    for verb, name, block in steps:
        path = checkout / name
        content = "" if verb == "Write" else path.read_text()
        assert path.exists() == (verb != "Write")
        if verb.startswith("Add"):
            start = re.search(r"^METHODS\b.*\{\n", content, re.MULTILINE)
            assert start
            path.write_text(content[: start.end()] + block + content[start.end() :])
        else:
            path.write_text(content + block)


def run(page: str, checkout: Path) -> str:
    """Run the page's commands; returns what they print."""
    text = (ROOT / f"docs/extending/{page}.md").read_text()
    (commands,) = COMMANDS.findall(text)
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=checkout,
        env=os.environ
        | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(checkout),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_task(checkout: Path) -> None:
    (checkout / "data").mkdir()
    (checkout / "data/mine.hdf5").touch()
    write("task", checkout)
    said = run("task", checkout)
    assert "dataset: mine/hopper/first-v0" in said
    assert re.search(r"^convert +1$", said, re.MULTILINE)
    assert re.search(r"^train +2$", said, re.MULTILINE)


def test_a_suite(checkout: Path) -> None:
    write("suite", checkout)
    said = run("suite", checkout)
    assert re.search(r"^train +4$", said, re.MULTILINE)


def test_a_claim(checkout: Path) -> None:
    write("claim", checkout)
    said = run("claim", checkout)
    entries = (checkout / "results/published/quick/claims.json").read_text()
    assert '"id": "hopper-medium-iql-beats-bc"' in entries
    assert "claims.json: 22 claims" in said


def test_a_method(checkout: Path) -> None:
    write("method", checkout)
    said = run("method", checkout)
    assert "method: bc_absolute" in said
    assert re.search(r"^train +8$", said, re.MULTILINE)


def test_a_figure(checkout: Path) -> None:
    shutil.copytree(checkout / "results/published/quick", checkout / "results/quick")
    write("figure", checkout)
    path = checkout / "bench/report/sections/__init__.py"
    content = path.read_text()
    for old, name in (("    settings,\n)", "    spread,\n)"), ("    curves.section,\n", "")):
        assert content.count(old) == 1
        new = old.removesuffix(")") + (name or "    spread.section,\n")
        content = content.replace(old, new)
    path.write_text(content)
    run("figure", checkout)
    assert (checkout / "reports/quick/figures/spread.svg").exists()
    assert "Standard deviation over seeds" in (checkout / "reports/quick.html").read_text()
