"""The hash of a project's own method: what its numbers rest on, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.own_project import begin

from bench.errors import BenchError
from bench.records.source_hash import source_hash

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


def test_an_import_from_elsewhere_in_the_project_is_refused() -> None:
    Path("helpers.py").write_text("SCALE = 2.0\n")
    with pytest.raises(BenchError) as failure:
        edit(METHOD, "from torch import Tensor\n", "from torch import Tensor\nimport helpers\n")
    assert str(failure.value) == (
        "methods/my_method.py: imports helpers from outside methods/, where a change would go "
        "unnoticed; move it to methods/."
    )


def test_ours_do_not_depend_on_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    here = source_hash("iql")
    edit(METHOD, "error.abs()", "error")
    assert source_hash("iql") == here
