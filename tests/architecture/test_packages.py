"""One package a stage: who may import whom, as the table in docs/architecture.md says."""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from helpers.code import (
    FILES,
    MODULES,
    ROOTS,
    found_in,
    graph,
    imports,
    label,
    package_of,
    packages,
    tree,
)
from helpers.paths import ROOT

from bench.config.registry import IDEAS, METHODS, SLIDERS

MOST_MODULES = 20  # a folder, without its __init__
# Modules directly in bench/ that are no ground: they register environments under stored ids.
ENTRIES = {"bench.antmaze", "bench.locomotion", "bench.maze"}
GROUND = {n for n in MODULES if package_of(n) == "bench" and n not in {*ENTRIES, "bench.__main__"}}
# A method that is another one plus a term, or that differs from it in one term, may import it.
BUILDS_ON = {"baselines.bc10": {"baselines.bc"}, "baselines.cal_ql": {"baselines.cql"}}
CIRCLE = {"a": {"b"}, "b": {"c"}, "c": {"a"}}


def test_the_table_has_every_package() -> None:
    folders = {f"bench.{p.parent.name}" for p in (ROOT / "bench").glob("*/__init__.py")}
    assert set(packages()) == folders
    assert len(folders) == 16


@pytest.mark.parametrize("name", packages())
def test_a_package_says_in_a_sentence_what_it_is_for(name: str) -> None:
    path = ROOT.joinpath(*name.split("."), "__init__.py")
    assert ast.get_docstring(ast.parse(path.read_text())) == packages()[name].purpose


@pytest.mark.parametrize("name", packages())
def test_a_package_imports_what_its_row_allows(name: str) -> None:
    mine = {module for module in graph() if package_of(module) == name}
    used = {package_of(i) for module in mine for i in graph()[module]} - {name, "bench"}
    assert used <= packages()[name].may_import
    entries = {i for module in mine for i in graph()[module]} & ENTRIES
    assert not entries, "import the environment from bench.environments"


def test_the_rows_themselves_form_no_circle() -> None:
    order = {name: row.may_import for name, row in packages().items() if name != "bench.cli"}
    list(TopologicalSorter(order).static_order())


@pytest.mark.parametrize("name", sorted(GROUND))
def test_ground_imports_ground_alone(name: str) -> None:
    assert graph()[name] <= GROUND


def test_no_module_reaches_itself() -> None:
    list(TopologicalSorter(graph()).static_order())


def test_a_circle_would_be_found() -> None:
    with pytest.raises(CycleError):
        list(TopologicalSorter(CIRCLE).static_order())


def lazy(module: ast.Module) -> list[str]:
    """The imports inside functions."""
    functions = [n for n in ast.walk(module) if isinstance(n, ast.FunctionDef)]
    inner = [n for f in functions for n in ast.walk(f)]
    return [ast.unparse(n) for n in inner if isinstance(n, ast.Import | ast.ImportFrom)]


def test_imports_stand_at_the_top() -> None:
    """Except in the command line, whose verbs load what they need."""
    paths = [path for path in FILES if not label(path).startswith("bench/cli/")]
    assert found_in(paths, lambda path: lazy(tree(path))) == {}
    assert lazy(ast.parse("def f():\n    if g:\n        import h\nimport i\n")) == ["import h"]


def test_lazy_imports_count(tmp_path: Path) -> None:
    source = "def f():\n    from bench.errors import BenchError\nimport bench.paths\n"
    found = {i.module: i.inside for i in imports(tmp_path / "x.py", source)}
    assert found == {"bench.errors": True, "bench.paths": False}


def test_a_folder_holds_at_most_twenty_modules() -> None:
    count = Counter(label(path.parent) for path in FILES if path.name != "__init__.py")
    assert {folder: n for folder, n in count.items() if n > MOST_MODULES} == {}


def test_no_stage_knows_a_method() -> None:
    """A method is looked up by name; a list of methods beside the registry would go stale."""
    for name, used in graph().items():
        if name.startswith("bench"):
            assert {i.split(".")[0] for i in used} <= {"bench"}, name


@pytest.mark.parametrize("name", sorted({entry.module for entry in METHODS.values()}))
def test_a_method_imports_learning_alone(name: str) -> None:
    allowed = BUILDS_ON.get(name, {"iql.iql"} if name.startswith("iql.variants.") else set())
    others = graph()[name] - allowed - {"bench.data.transitions"}
    assert {package_of(i) for i in others} <= {"bench.learning"}


def test_every_method_file_is_registered() -> None:
    files = {n for n in MODULES if n.split(".")[0] in ROOTS[1:] and MODULES[n].stem != "__init__"}
    ideas = {name for name in files if name.startswith("iql.ideas.")}
    assert {name.rpartition(".")[2] for name in ideas} == {*IDEAS, "line"}
    sliders = {name for name in files if name.startswith("iql.sliders.")}
    assert {name.rpartition(".")[2] for name in sliders} == {*SLIDERS, "fitted", "words"}
    assert files - ideas - sliders == {entry.module for entry in METHODS.values()}
