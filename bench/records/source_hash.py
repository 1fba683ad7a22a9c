"""A hash of the code that determines a run's numbers, independent of its exact bytes.

It covers the top-level statements that a run reaches: those of the training module and of the
method's module, the registrations of environments, and every definition that these refer to,
directly or indirectly. The file of a statement and the order of statements do not matter, nor does
anything that bench.records.source_form omits.

A module whose imports never lead to one of LIBRARIES computes no numbers and is excluded: errors,
progress, the registry, and the types of settings, whose values are part of a run's identity.

Of a project's own method, the hash covers its file and what that imports from methods/, whatever
these import; the versions of installed packages are recorded in run.json instead.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from bench.config.registry import entry_of, own_file
from bench.errors import BenchError
from bench.paths import OWN_METHODS
from bench.records.source_form import PACKAGES, Module, Statement

RUNS = ("bench.training.train", "bench.train")  # the training module, today and in older commits
LIBRARIES = {"torch", "numpy", "gymnasium", "mujoco"}
ROOT = Path(__file__).parents[__name__.count(".")]
REGISTERS = re.compile(r"^\s*gymnasium\.register\(", re.MULTILINE)


def source_hash(method: str) -> str:
    """Return the hash of a method's source: of this checkout, and of the project for its own."""
    files = sorted(OWN_METHODS.rglob("*.py")) if own_file(method) else []
    texts = tuple((path.as_posix(), path.read_text("utf-8")) for path in files)
    return _hash(module_of(method), texts)


@cache
def _hash(module: str, texts: tuple[tuple[str, str], ...]) -> str:
    return tree_hash(_with(texts) if texts else here(), module)


def _with(texts: tuple[tuple[str, str], ...]) -> Tree:
    """Return this checkout and a project's methods; raise BenchError where these import others."""
    tree = Tree(dict(texts), here())
    for path, _ in texts:
        used = tree.module(_module_name(path)).libraries - {*PACKAGES, str(OWN_METHODS)}
        for name in sorted(used):
            if Path(f"{name}.py").exists() or Path(name, "__init__.py").exists():
                raise BenchError(
                    f"{path}: imports {name} from outside {OWN_METHODS}/, where a change would go "
                    f"unnoticed; move it to {OWN_METHODS}/."
                )
    return tree


@cache
def here() -> Tree:
    """Return the source tree of this checkout."""
    return Tree.read(ROOT)


def module_of(method: str) -> str:
    """Return the module name of a method, such as iql.iql."""
    return entry_of(method).module


def tree_hash(tree: Tree, module: str) -> str:
    """Return the hash of the method in `module` in the given checkout."""
    return hashlib.sha256("\n".join(sorted(_lines(tree, module))).encode()).hexdigest()


def changed(old: Tree, new: Tree, module: str) -> list[str]:
    """Return the files of `new` with statements that `old` lacks, then `removed in FILE`."""
    before, after = _lines(old, module), _lines(new, module)
    added = [s for line, s in after.items() if line not in before]
    gone = [s for line, s in before.items() if line not in after]
    files = {s.file for s in added}
    redefined = {name for s in added for name in s.names}
    removed = {s.file for s in gone if not redefined & {*s.names}} - files
    return sorted(files) + [f"removed in {file}" for file in sorted(removed)]


def _lines(tree: Tree, module: str) -> dict[str, Statement]:
    """Return the lines to hash, one per statement.

    A line also holds the digests of the definitions meant by names that are defined repeatedly.
    """
    found = tree.reached(module)
    meanings, places = defaultdict(set), defaultdict(set)
    for statement in found:
        for name in statement.names:
            meanings[name].add(statement.digest)
            places[f"{statement.module}.{name}"].add(statement.digest)
    lines = {}
    for statement in found:
        shared = (r for r in statement.references if len(meanings[r.rpartition(".")[2]]) > 1)
        meant = [digest for r in shared for digest in sorted(places[r])]
        lines[" ".join([statement.digest, *meant])] = statement
    return lines


class Tree:
    """Our packages in one checkout, as text; nothing is imported."""

    def __init__(self, texts: Mapping[str, str], base: Tree | None = None):
        """Take the content of each file by its path, such as bench/training/train.py.

        `base` is a tree to which the files are added, and in which nothing refers to them.
        """
        self.base = base
        self.texts: Mapping[str, str] = {**base.texts, **texts} if base else texts
        self.files = {_module_name(file): file for file in self.texts}
        self.modules: dict[str, Module] = {}

    @classmethod
    def read(cls, folder: Path) -> Tree:
        """Read the checkout in a folder."""
        paths = [p for package in PACKAGES for p in sorted((folder / package).rglob("*.py"))]
        return cls({p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in paths})

    def module(self, name: str) -> Module:
        """Return one of our modules, parsed."""
        if self.base is not None and name in self.base.files:
            return self.base.module(name)
        if name not in self.modules:
            file = self.files[name]
            self.modules[name] = Module(name, file, self.texts[file], self.own)
        return self.modules[name]

    def own(self, dotted: str) -> tuple[str, str]:
        """Split a.b.c into the longest prefix that is one of our modules, and the rest.

        Both are empty if there is no such prefix.
        """
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            if (name := ".".join(parts[:end])) in self.files:
                return name, ".".join(parts[end:])
        return "", ""

    def computes(self, name: str) -> bool:
        """Return whether imports lead from a module to one of LIBRARIES."""
        seen: set[str] = set()
        left = {name}
        while left:
            seen.add(current := left.pop())
            if self.module(current).libraries & LIBRARIES:
                return True
            left |= self.module(current).imports - seen
        return False

    def environments(self) -> set[str]:
        """Return the modules that register environments; Gymnasium imports them by name."""
        return {name for name, file in self.files.items() if REGISTERS.search(self.texts[file])}

    def reached(self, method: str) -> list[Statement]:
        """Return the statements that determine the numbers of a run; `method` is a module."""
        run = next(name for name in RUNS if name in self.files)
        left = {f"{run}.*", f"{method}.*", *self.environments()}
        left |= {*self.module(method).scope.values()}  # it may import parts of its contract
        seen: set[str] = set()
        found: dict[int, Statement] = {}
        while left:
            seen.add(dotted := left.pop())
            name, rest = self.own(dotted)
            if not name or not (name == method or is_own(name) or self.computes(name)):
                continue
            module, wanted = self.module(name), rest.partition(".")[0]
            # Importing a module runs its unnamed statements, whichever name is wanted.
            parts = [s for s in module.statements if wanted in ("*", *s.names) or not s.names]
            found |= {id(s): s for s in parts}
            left |= {r for s in parts for r in s.references} | module.top_imports
            if wanted in module.scope:
                left.add(module.scope[wanted])  # its origin, if this module imports it
            left -= seen
        return list(found.values())


def is_own(module: str) -> bool:
    """Return whether a module is one of the project's methods, or what they share."""
    return module.split(".")[0] == str(OWN_METHODS)


def _module_name(file: str) -> str:
    parts = PurePosixPath(file).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
