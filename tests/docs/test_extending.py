"""The recipes of docs/extending, followed to the letter in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from helpers import warm_jobs
from helpers.pages import ROOT

COPIED = ("bench", "iql", "baselines", "config", "workflow", "results/published/quick")
LINKED = ("Snakefile", "behaviors", "results/published/benchmark")
STEP = re.compile(
    r"^(Write|Append to|Add to `METHODS` in) `([\w/.-]+)`[^`]*?:\n\n```\w+\n(.*?)```",
    re.MULTILINE | re.DOTALL,
)
COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


# What the tests of all methods need besides, when a new method runs them.
TESTED = ("tests", "docs", "pyproject.toml")
UNLISTED = {
    "suite": "unlisted",
    "title": "A method without settings of its own",
    "tasks": ["hopper-medium-replay", "pointmaze-large-stitch"],
    "methods": ["bc", "bc_absolute", "bc_absolute@learning_rate=0.01"],
    "seeds": [0, 1, 2],
    "updates": 100,
    "log_every": 50,
    "evaluation": {"every": 50, "episodes": 2},
    "overrides": [{"config": {"hidden": [16]}, "reason": "a test"}],
}


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
        if verb.startswith("Add"):
            start = re.search(r"^METHODS\b.*\{\n", content, re.MULTILINE)
            assert start
            path.write_text(content[: start.end()] + block + content[start.end() :])
        else:
            path.write_text(content + block)


def attempt(checkout: Path, commands: str) -> subprocess.CompletedProcess[str]:
    """Run shell commands on the copy's code."""
    return subprocess.run(
        ["bash", "-ec", commands],
        cwd=checkout,
        env=os.environ | warm_jobs.environment() | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
    )


def run(checkout: Path, commands: str) -> str:
    """Return what commands print that must succeed."""
    done = attempt(checkout, commands)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def follow(page: str, checkout: Path) -> str:
    """Run the page's commands; return what they print."""
    (commands,) = COMMANDS.findall((ROOT / f"docs/extending/{page}.md").read_text())
    return run(checkout, commands)


def test_a_task(checkout: Path) -> None:
    (checkout / "data").mkdir()
    (checkout / "data/mine.hdf5").touch()
    write(steps_of("task"), checkout)
    said = follow("task", checkout)
    assert "dataset: mine/hopper/first-v0" in said
    assert re.search(r"^convert +1$", said, re.MULTILINE)
    assert re.search(r"^train +2$", said, re.MULTILINE)


def test_a_suite(checkout: Path) -> None:
    write(steps_of("suite"), checkout)
    said = follow("suite", checkout)
    assert re.search(r"^train +4$", said, re.MULTILINE)


def test_a_claim(checkout: Path) -> None:
    write(steps_of("claim"), checkout)
    said = follow("claim", checkout)
    assert "hopper-medium-iql-beats-bc: " in said
    assert "claims.json: 44 claims, not written" in said
    published = checkout / "results/published/quick/claims.json"
    assert published.read_bytes() == (ROOT / "results/published/quick/claims.json").read_bytes()


def test_a_method(checkout: Path) -> None:
    """A file and a row make a method; its entry in the method file adds label and settings."""
    file, row, settings = steps_of("method")
    write([file, row], checkout)
    every_verb_takes_the_method(checkout)
    it_passes_the_tests_of_all_methods(checkout)
    write([settings], checkout)
    said = follow("method", checkout)
    assert "method: bc_absolute" in said
    assert re.search(r"^train +8$", said, re.MULTILINE)


def every_verb_takes_the_method(checkout: Path) -> None:
    (checkout / "config/unlisted.yaml").write_text(yaml.safe_dump(UNLISTED))
    suite = "--configfile config/unlisted.yaml"
    before = attempt(checkout, f"python -m bench status {suite}")
    assert before.returncode == 2
    assert "method 'bc_absolute' is missing; run `python -m bench schema`." in before.stderr
    run(checkout, "python -m bench schema")
    planned = run(checkout, f"snakemake -n {suite}")
    assert "rule train:" in planned
    assert "runs/bc_absolute@learning_rate=0.01/hopper-medium-replay/0-2/run.json" in planned
    verbs = ("status", "plan", "statistics", "explain hopper-medium-replay bc_absolute", "report")
    said = run(checkout, f"python - <<'END'\n{in_one_process(verbs, suite)}END\n")
    assert "6 jobs: 6 waiting" in said
    assert "bc_absolute, learning rate 0.01" in said
    assert "bc_absolute on hopper-medium-replay, suite unlisted" in said
    page = (checkout / "reports/unlisted.html").read_text()
    assert "locomotion: the method&#39;s own defaults" in page.replace("\u2019", "&#39;")


def in_one_process(verbs: Sequence[str], suite: str) -> str:
    """Return a script that runs the verbs one after another, as `python -m bench VERB` does."""
    calls = [[*verb.split(), *suite.split()] for verb in verbs]
    return (
        f"import sys\nfrom bench.cli.main import main\nfor sys.argv[1:] in {calls}:\n    main()\n"
    )


def it_passes_the_tests_of_all_methods(checkout: Path) -> None:
    for name in TESTED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    files = (
        *("methods/test_contract.py", "methods/test_deviations.py", "speed/test_samples.py"),
        *("report/test_figures.py", "architecture/test_packages.py"),
    )
    chosen = "(bc_absolute or look or registered or schemas or share) and not compiled"
    said = run(
        checkout,
        f"python -m pytest -vv -p no:cacheprovider -k '{chosen}' "
        + " ".join(f"tests/{name}" for name in files),
    )
    assert "test_contract.py::test_improves_on_its_tiny_problem[bc_absolute] PASSED" in said


def test_a_figure(checkout: Path) -> None:
    shutil.copytree(checkout / "results/published/quick", checkout / "results/quick")
    write(steps_of("figure"), checkout)
    path = checkout / "bench/report/sections/__init__.py"
    content = path.read_text()
    for old, name in (("    settings,\n)", "    spread,\n)"), ("    curves.section,\n", "")):
        assert content.count(old) == 1
        new = old.removesuffix(")") + (name or "    spread.section,\n")
        content = content.replace(old, new)
    path.write_text(content)
    follow("figure", checkout)
    assert (checkout / "reports/quick/figures/spread.svg").exists()
    assert "Standard deviation over seeds" in (checkout / "reports/quick.html").read_text()
