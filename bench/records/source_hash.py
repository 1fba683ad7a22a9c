"""A hash of the code that decides a run's numbers: of what it says, not of its bytes.

Hashed are the top-level statements that a run reaches: those of the training run's module and of
the method's, the registrations of environments, and every definition that these refer to, directly
or through others. The file of a statement and the order of statements do not count, nor does what
bench.records.source_form leaves out.

A module from which no import leads to one of LIBRARIES computes no number and is left out: errors,
progress, the registry, and the types of settings, whose values are part of a run's identity.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from bench.config.registry import METHODS, base_of
from bench.records.source_form import PACKAGES, Module, Statement

RUNS = ("bench.training.train", "bench.train")  # where a run is defined, today or in older commits
LIBRARIES = {"torch", "numpy", "gymnasium", "mujoco"}
ROOT = Path(__file__).parents[__name__.count(".")]
REGISTERS = re.compile(r"^\s*gymnasium\.register\(", re.MULTILINE)


@cache
def source_hash(method: str) -> str:
    """The hash of a registered method's source in this checkout."""
    return tree_hash(here(), module_of(method))


@cache
def here() -> Tree:
    """This checkout."""
    return Tree.read(ROOT)


def module_of(method: str) -> str:
    """The module of a registered method, such as iql.iql."""
    return METHODS[base_of(method)].module


def tree_hash(tree: Tree, module: str) -> str:
    """The hash of the method in `module`, in any checkout."""
    return hashlib.sha256("\n".join(sorted(_lines(tree, module))).encode()).hexdigest()


def changed(old: Tree, new: Tree, module: str) -> list[str]:
    """The files of checkout `new` with statements that `old` lacks, then `removed in FILE`."""
    before, after = _lines(old, module), _lines(new, module)
    added = [s for line, s in after.items() if line not in before]
    gone = [s for line, s in before.items() if line not in after]
    files = {s.file for s in added}
    redefined = {name for s in added for name in s.names}
    removed = {s.file for s in gone if not redefined & {*s.names}} - files
    return sorted(files) + [f"removed in {file}" for file in sorted(removed)]


def _lines(tree: Tree, module: str) -> dict[str, Statement]:
    """What is hashed: a line a statement. It says which definition is meant by each name that
    several have."""
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

    def __init__(self, texts: Mapping[str, str]):
        """`texts` has the content of each file by its path, such as bench/training/train.py."""
        self.texts = texts
        self.files = {_module_name(file): file for file in texts}
        self.modules: dict[str, Module] = {}

    @classmethod
    def read(cls, folder: Path) -> Tree:
        """The checkout in a folder."""
        paths = [p for package in PACKAGES for p in sorted((folder / package).rglob("*.py"))]
        return cls({p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in paths})

    def module(self, name: str) -> Module:
        """A module of ours, parsed."""
        if name not in self.modules:
            file = self.files[name]
            self.modules[name] = Module(name, file, self.texts[file], self.own)
        return self.modules[name]

    def own(self, dotted: str) -> tuple[str, str]:
        """The longest beginning of a.b.c that is a module of ours, and the rest; else nothing."""
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            if (name := ".".join(parts[:end])) in self.files:
                return name, ".".join(parts[end:])
        return "", ""

    def computes(self, name: str) -> bool:
        """Whether imports lead from a module to one of LIBRARIES."""
        seen: set[str] = set()
        left = {name}
        while left:
            seen.add(current := left.pop())
            if self.module(current).libraries & LIBRARIES:
                return True
            left |= self.module(current).imports - seen
        return False

    def environments(self) -> set[str]:
        """The modules that register environments; Gymnasium imports them by name."""
        return {name for name, file in self.files.items() if REGISTERS.search(self.texts[file])}

    def reached(self, method: str) -> list[Statement]:
        """The statements that decide the numbers of a run; `method` is a module."""
        run = next(name for name in RUNS if name in self.files)
        left = {f"{run}.*", f"{method}.*", *self.environments()}
        left |= {*self.module(method).scope.values()}  # it may import parts of its contract
        seen: set[str] = set()
        found: dict[int, Statement] = {}
        while left:
            seen.add(dotted := left.pop())
            name, rest = self.own(dotted)
            if not name or not (name == method or self.computes(name)):
                continue
            module, wanted = self.module(name), rest.partition(".")[0]
            # Whatever is wanted of a module, importing it runs the statements without a name.
            parts = [s for s in module.statements if wanted in ("*", *s.names) or not s.names]
            found |= {id(s): s for s in parts}
            left |= {r for s in parts for r in s.references} | module.top_imports
            if wanted in module.scope:
                left.add(module.scope[wanted])  # where it is from, if this module imports it
            left -= seen
        return list(found.values())


def _module_name(file: str) -> str:
    parts = PurePosixPath(file).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
