"""The source tree as data: modules, their packages, and who imports whom."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from helpers.paths import ROOT

ROOTS = ("bench", "iql", "baselines")
FILES = sorted(p for root in ROOTS for p in (ROOT / root).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
RULES = [ROOT / "Snakefile", ROOT / "workflow/Snakefile", *(ROOT / "workflow").rglob("*.smk")]


class Import(NamedTuple):
    """One imported module of ours, and whether the statement stands in a function."""

    module: str
    inside: bool


class Package(NamedTuple):
    """A row of the table in docs/architecture.md."""

    purpose: str
    may_import: frozenset[str]


def label(path: Path) -> str:
    """The path from the root of the repository."""
    return str(path.relative_to(ROOT))


@functools.cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def found_in(paths: Iterable[Path], check: Callable[[Path], Any]) -> dict[str, Any]:
    """What a check finds, by file; files where it finds nothing are left out."""
    return {label(path): found for path in paths if (found := check(path))}


def name_of(path: Path) -> str:
    """The dotted name of a module's file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def package_of(module: str) -> str:
    """`bench.config` for its modules; `bench` for those directly in it; else `iql`, `baselines`."""
    parts = module.split(".")
    folder = ROOT.joinpath(*parts[:2]).is_dir()
    return ".".join(parts[:2]) if parts[0] == "bench" and folder else parts[0]


def imports(path: Path, source: str | None = None) -> list[Import]:
    """All imports of our modules, lazy ones and those for type checkers included."""
    parsed = tree(path) if source is None else ast.parse(source)
    found: list[Import] = []

    def visit(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{label(path)}: relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append(Import(inner if inner in MODULES else node.module, inside))
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(parsed, False)
    return [i for i in found if i.module.split(".")[0] in ROOTS]


@functools.cache
def graph() -> dict[str, frozenset[str]]:
    """The modules that each of our modules imports."""
    return {
        name: frozenset(i.module for i in imports(path) if i.module != name)
        for name, path in MODULES.items()
    }


@functools.cache
def packages() -> dict[str, Package]:
    """The table of docs/architecture.md: package, what it is for, what it may import."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(bench\.\w+)` \| (.+?) \| *(.*?) *\|$", text, flags=re.M)
    names = [name for name, _, _ in rows]
    allowed = {
        name: names if cell == "all" else [f"bench.{word}" for word in re.findall(r"\w+", cell)]
        for name, _, cell in rows
    }
    return {name: Package(purpose, frozenset(allowed[name])) for name, purpose, _ in rows}
