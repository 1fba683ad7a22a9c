"""The hash of a project's own method: what its numbers rest on, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.own_project import begin

from bench.records.provenance import describe
from bench.records.runs import stale_runs
from bench.records.source_hash import own_texts, source_hash

METHOD, SHARED = Path("methods/my_method.py"), Path("methods/shared/scales.py")
IMPORTS = {
    "absolute": "from methods.shared.scales import SCALE",
    "relative": "from .shared.scales import SCALE",
}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(tmp_path / "project", monkeypatch)
    SHARED.parent.mkdir()
    SHARED.write_text("SCALE, OTHER = 2.0, 1\n")


def edit(path: Path, old: str, new: str) -> str:
    """Change a file; return the method's hash."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return source_hash("my_method")


@pytest.mark.parametrize("how", IMPORTS)
def test_it_covers_the_file_and_what_it_imports_from_the_project(how: str) -> None:
    first = source_hash("my_method")
    assert edit(METHOD, "Take one gradient step", "Step") == first
    assert edit(SHARED, "2.0", "3.0") == first  # not imported yet
    uses = edit(METHOD, "from torch import Tensor\n", f"from torch import Tensor\n{IMPORTS[how]}\n")
    scaled = edit(METHOD, "error.abs()", "SCALE * error.abs()")
    assert len({first, uses, scaled}) >= 2
    changed = edit(SHARED, "3.0", "4.0")
    assert changed != scaled
    assert edit(SHARED, "4.0", "3.0") == scaled


def test_it_covers_what_is_imported_from_elsewhere_in_the_project() -> None:
    lab, uses = Path("lab/scales.py"), "from torch import Tensor\nfrom lab import scales\n"
    lab.parent.mkdir()
    lab.write_text("SCALE, OTHER = 2.0, 1\n")
    edit(METHOD, "from torch import Tensor\n", uses)
    first = edit(METHOD, "error.abs()", "scales.SCALE * error.abs()")
    assert edit(lab, "2.0", "3.0") != first
    assert set(own_texts("my_method", "")) == {"lab/scales.py", "methods/my_method.py"}


ENVIRONMENT = """import gymnasium
from lab import physics

class Mine(gymnasium.Env):
    gravity = physics.GRAVITY

gymnasium.register("Mine-v0", entry_point="lab.other:Mine")
"""


def test_the_projects_environment_decides_a_run_and_others_do_not() -> None:
    """With what it imports, and what it names as its entry point."""
    files = {"my_env.py": ENVIRONMENT, "lab/physics.py": "GRAVITY = 9.81\n",
             "lab/other.py": "Mine = 1\n", "lab/unused.py": "x = 1\n"}  # fmt: skip
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    place = "my_env:Mine-v0"
    first = source_hash("iql", place)
    assert first != source_hash("iql") == source_hash("iql", "absent:Mine-v0")
    assert source_hash("iql", "bench.maze:StitchMaze-v0") == source_hash("iql", "Hopper-v4")
    for name, text in files.items():
        Path(name).write_text(f'"""Words."""\n{text}# and more\n')
        assert source_hash("iql", place) == first
        Path(name).write_text(f"{text}y = 2\n")
        assert (source_hash("iql", place) == first) == (name == "lab/unused.py")
        Path(name).write_text(text)
    both = source_hash("my_method", place)
    assert edit(METHOD, "error.abs()", "error") != both
    assert set(own_texts("iql", place)) == {*files} - {"lab/unused.py"}


@pytest.mark.parametrize("env_id", ["../my_env:Mine-v0", "a/b:Mine-v0", ":Mine-v0", "my env:M-v0"])
def test_only_a_module_of_the_folder_is_read(env_id: str) -> None:
    Path("my_env.py").write_text(ENVIRONMENT)
    Path("../my_env.py").write_text(ENVIRONMENT)
    assert own_texts("iql", env_id) == {}


def test_a_stale_run_of_the_project_is_described() -> None:
    settings = {"method": "my_method", "task": {"env_id": "Hopper-v4"}}
    run = {"settings": settings, "source_hash": source_hash("my_method"), "commit": "1" * 40}
    assert stale_runs({"it": run}, source_hash) == []
    edit(METHOD, "error.abs()", "error")
    assert stale_runs({"it": run}, source_hash) == ["it"]
    assert describe(run, True).endswith("the numerics have changed since")


def test_ours_do_not_depend_on_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    here = source_hash("iql")
    edit(METHOD, "error.abs()", "error")
    assert source_hash("iql") == here
