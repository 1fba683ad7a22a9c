"""The recipes of docs/extending, followed to the letter in a copy of the repository."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from helpers.pages import ROOT
from helpers.warm_jobs import printed

COPIED = ("bench", "iql", "baselines", "config", "workflow", "results/published/quick")
LINKED = ("Snakefile", "behaviors", "results/published/benchmark")
STEP = re.compile(
    r"^(Write|Append to) `([\w/.-]+)`[^`]*?:\n\n```\w+\n(.*?)```",
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


def steps_of(page: str) -> list[tuple[str, str, str]]:
    """Return what the page says to write: how, in which file, and the text."""
    found = STEP.findall((ROOT / f"docs/extending/{page}.md").read_text())
    assert found
    return found


def write(steps: list[tuple[str, str, str]], checkout: Path) -> None:
    for verb, name, block in steps:
        path = checkout / name
        content = "" if verb == "Write" else path.read_text()
        assert path.exists() == (verb != "Write")
        path.write_text(content + block)


def follow(page: str, checkout: Path) -> str:
    """Run the page's commands on the copy's code; return what they print."""
    (commands,) = COMMANDS.findall((ROOT / f"docs/extending/{page}.md").read_text())
    return printed(checkout, "bash", "-ec", commands, PYTHONPATH=str(checkout))


def test_a_claim(checkout: Path) -> None:
    write(steps_of("claim"), checkout)
    said = follow("claim", checkout)
    assert "hopper-medium-iql-beats-bc: " in said
    assert "claims.json: 44 claims, not written" in said
    published = checkout / "results/published/quick/claims.json"
    assert published.read_bytes() == (ROOT / "results/published/quick/claims.json").read_bytes()


def test_a_figure(checkout: Path) -> None:
    shutil.copytree(checkout / "results/published/quick", checkout / "results/quick")
    write(steps_of("figure"), checkout)
    path = checkout / "bench/report/contents.py"
    content = path.read_text()
    for before, new in (
        ("    settings,\n", "    spread,\n"),
        ("    curves.section,\n", "    spread.section,\n"),
    ):
        assert content.count(before) == 1
        content = content.replace(before, before + new)
    path.write_text(content)
    follow("figure", checkout)
    assert (checkout / "reports/quick/figures/spread.svg").exists()
    assert "Standard deviation over seeds" in (checkout / "reports/quick.html").read_text()
