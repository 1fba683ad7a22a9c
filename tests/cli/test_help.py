"""The help of the command line: verbs by use, arguments by name, completion, the version."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml
from helpers.command_line import call
from helpers.paths import ROOT

import bench.environments.stitch_maze  # noqa: F401  (gymnasium_robotics greets on standard error when imported)
from bench.cli import main


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_help_lists_the_verbs_by_use_and_hides_what_the_workflow_calls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    verbs = re.findall(r"^  ([a-z-]+)  +[A-Z].*\.$", shown, re.MULTILINE)
    assert verbs == [name for group in main.GROUPS.values() for name in group]
    assert not set(main.INTERNAL) & set(verbs)
    uses = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert uses == list(main.GROUPS)
    assert call(monkeypatch) == 2
    assert capsys.readouterr().err == shown


def test_help_names_the_arguments_and_lists_what_may_stand_for_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in ("train", "explain"):
        assert call(monkeypatch, verb, "--help") == 0
        shown = capsys.readouterr().out
        assert "METHOD TASK" in shown.splitlines()[0]
        assert "METHOD: iql, td3_bc, " in shown
        assert "TASK: halfcheetah-medium, hopper-medium, " in shown


def test_the_version_is_that_of_the_citation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--version") == 0
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert capsys.readouterr().out == f"iql-reproduction {citation['version']}\n"


def test_a_shell_can_complete_verbs_and_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "completion", "--shell", "bash") == 0
    script = capsys.readouterr().out
    for word in ("train", "status", "--configfile", "--executor", "recorded"):
        assert word in script
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("verb", main.VERBS)
def test_every_verb_explains_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert call(monkeypatch, verb, "--help") == 0
    shown = " ".join(capsys.readouterr().out.split())
    summary = (main.VERBS[verb].__doc__ or "").split(".")[0].split(":")[0]
    assert summary[:40] in shown


def test_help_needs_no_torch() -> None:
    script = "import sys, bench.cli.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0
