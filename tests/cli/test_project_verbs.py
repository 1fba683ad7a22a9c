"""The verbs for a user's project: what is made, and how a method is checked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.command_line import call
from helpers.d4rl_files import FLAGS, arrays, write
from helpers.own_project import begin, called
from helpers.projects import one_sentence

from bench.cli.project import check, new
from bench.errors import BenchError
from bench.paths import SHIPPED


def test_a_project_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    new(folder)
    made = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    expected = {"Snakefile", "suite.yaml", "tasks.tsv", "methods/my_method.py", "README.md"}
    assert made == expected | {".gitignore", "CITATION.cff"}
    statements = [s for s in (folder / "Snakefile").read_text().split("\n\n\n") if s.strip()]
    assert len(statements) == 3
    assert not [p for p in folder.rglob("*") if p.is_file() and str(SHIPPED) in p.read_text()]
    assert f"cd {folder}" in capsys.readouterr().out
    (folder / "suite.yaml").write_text("mine")
    with pytest.raises(BenchError) as failure:
        new(folder)
    assert "is not empty" in one_sentence(failure.value)
    assert (folder / "suite.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["my_methid"], "unknown method 'my_methid'; did you mean 'my_method'?"),
        (["my_method", "--config", "{"], "--config: not valid JSON"),
        (["my_method", "--config", "[1]"], "--config: not a JSON object"),
        (["my_method", "--config", '{"wdith": 3}'], "unknown setting 'wdith'"),
        (["ppo"], "ppo learns only from its own steps"),
    ],
)
def test_a_check_that_cannot_be_made_is_refused(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin(tmp_path / "mine", monkeypatch)
    assert called(monkeypatch, "check", *arguments) == 2
    assert said in capsys.readouterr().err


def test_a_check_says_what_is_wrong_and_why_updates_are_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(tmp_path / "mine", monkeypatch)
    path = Path("methods/my_method.py")
    text = path.read_text().replace(
        "    return state.policy(obs", "    return 3 + state.policy(obs"
    )
    path.write_text(
        text.replace(
            "    state.policy.desc",
            "    loss = loss * 1 if loss.sum() > 0 else loss\n    state.policy.desc",
        )
    )
    with pytest.raises(SystemExit) as stop:
        check("my_method")
    assert stop.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    lines = lines[lines.index(next(x for x in lines if x.startswith("no "))) :]
    assert lines[0] == "no   shapes: act returns actions outside [-1, 1]; squash or clip them."
    assert lines[1:-2] == [
        "yes  seeds differ",
        "yes  the same seeds give the same bits",
        "yes  a seed alone is as in a block",
        "yes  a resumed run is bit-equal",
        "yes  recorded updates are the eager ones",
    ]
    assert lines[-2].startswith("no   it improves on a tiny problem: after 600 updates")
    assert lines[-1].startswith("note methods/my_method.py:")
    assert lines[-1].endswith("it is executed eagerly.")


def test_an_environment_of_the_project_is_found_and_old_robots_pass_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`iql-bench` is a script elsewhere, so that Python by itself would not look here."""
    begin(tmp_path / "mine", monkeypatch)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(Path.cwd()))])
    monkeypatch.delitem(sys.modules, "found_here", raising=False)
    Path("found_here.py").write_text(
        "import gymnasium\n"
        "gymnasium.register('Found-v0', entry_point=lambda: gymnasium.make('Hopper-v4'))\n"
    )
    write(Path("mine.hdf5"), arrays(*FLAGS))
    with Path("tasks.tsv").open("a") as table:
        table.write("\t".join(["mine", "locomotion", "found_here:Found-v0", "mine/hopper/first-v0",
                               "hdf5:mine.hdf5", "0", "1", "false", "me", "full"]))  # fmt: skip
    assert call(monkeypatch, "convert", "mine") == 0
    assert call(monkeypatch, "transitions", "mine") == 0
    shown = capsys.readouterr()
    assert "data/transitions/mine/hopper/first-v0/card.json: " in shown.out
    assert "Deprecat" not in shown.err
    Path("found_here.py").write_text("raise LookupError('no model')")
    monkeypatch.delitem(sys.modules, "found_here")
    assert call(monkeypatch, "transitions", "mine") == 2
    said = (
        "error: env_id 'found_here:Found-v0': cannot be made (LookupError: no model); correct it."
    )
    assert said in capsys.readouterr().err
