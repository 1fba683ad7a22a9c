"""A hash of the code that determines a run's numbers, independent of its exact bytes.

It covers the top-level statements that a run reaches: those of the training module and of the
method's module, the registrations of environments, and every definition that these refer to,
directly or indirectly. The file of a statement and the order of statements do not matter, nor does
anything that bench.records.source_form omits.

A module whose imports never lead to one of LIBRARIES computes no numbers and is excluded: errors,
progress, the registry, and the types of settings, whose values are part of a run's identity.

Of a project's own method, the hash covers its file and what that imports from the project's folder,
whatever these import, and of its own environment all of its module; the versions of installed
packages are recorded in run.json instead.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from bench.config.registry import entry_of, file_of, own_file
from bench.errors import BenchError
from bench.records.source_form import PACKAGES, Module, Statement, imports_of

RUNS = ("bench.training.train", "bench.train")  # the training module, today and in older commits
LIBRARIES = {"torch", "numpy", "gymnasium", "mujoco"}
ROOT = Path(__file__).parents[__name__.count(".")]
REGISTERS = re.compile(r"^\s*gymnasium\.register\(", re.MULTILINE)


def source_hash(method: str, env_id: str = "") -> str:
    """Return the hash of a method's source, with that of a project's own environment."""
    texts = own_texts(method, env_id)
    own = tuple(sorted(texts.items()))
    return _hash(module_of(method), own, _environment(env_id) if texts else "")


def own_texts(method: str, env_id: str) -> dict[str, str]:
    """Return the content by path of the project's files that decide a run.

    They are a method of its own, the module of an environment of its own, and what these import
    from the project's folder. `a.b:c` in a string counts as an import of a.b.
    """
    left = {_environment(env_id)} | ({module_of(method)} if own_file(method) else set())
    seen: set[str] = set()
    found: dict[str, str] = {}
    while left:
        seen.add(name := left.pop())
        path = file_of(name) if name.split(".")[0] not in PACKAGES else None
        if path is not None:
            text = found[path.as_posix()] = path.read_text(encoding="utf-8")
            try:
                left |= {part for n in imports_of(text, str(path)) for part in _prefixes(n)}
            except (SyntaxError, ValueError) as error:
                raise BenchError(f"{path}: not valid Python ({error}); correct it.") from None
        left -= seen
    return found


def _environment(env_id: str) -> str:
    """Return the module that an id such as module:Hopper-v9 names; empty without one."""
    return env_id.rpartition(":")[0]


def _prefixes(dotted: str) -> list[str]:
    parts = dotted.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


@cache
def _hash(module: str, own: tuple[tuple[str, str], ...], environment: str) -> str:
    tree = Tree(dict(own), here()) if own else here()
    return tree_hash(tree, module, environment)


@cache
def here() -> Tree:
    """Return the source tree of this checkout."""
    return Tree.read(ROOT)


def module_of(method: str) -> str:
    """Return the module name of a method, such as iql.iql."""
    return entry_of(method).module


def tree_hash(tree: Tree, module: str, environment: str = "") -> str:
    """Return the hash of the method in `module`, and of a project's environment, in a checkout."""
    lines = _lines(tree, module, environment)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def changed(old: Tree, new: Tree, module: str) -> list[str]:
    """Return the files of `new` with statements that `old` lacks, then `removed in FILE`."""
    before, after = _lines(old, module), _lines(new, module)
    added = [s for line, s in after.items() if line not in before]
    gone = [s for line, s in before.items() if line not in after]
    files = {s.file for s in added}
    redefined = {name for s in added for name in s.names}
    removed = {s.file for s in gone if not redefined & {*s.names}} - files
    return sorted(files) + [f"removed in {file}" for file in sorted(removed)]


def _lines(tree: Tree, module: str, environment: str = "") -> dict[str, Statement]:
    """Return the lines to hash, one per statement.

    A line also holds the digests of the definitions meant by names that are defined repeatedly.
    """
    found = tree.reached(module, environment)
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

    def reached(self, method: str, environment: str = "") -> list[Statement]:
        """Return the statements that determine the numbers of a run.

        `method` is a module, and `environment` one of the project, of which all is taken.
        """
        run = next(name for name in RUNS if name in self.files)
        left = {f"{run}.*", f"{method}.*", *self.environments()}
        left |= {*self.module(method).scope.values()}  # it may import parts of its contract
        left |= {f"{name}.*" for name in self._all_of(environment)}
        seen: set[str] = set()
        found: dict[int, Statement] = {}
        while left:
            seen.add(dotted := left.pop())
            name, rest = self.own(dotted)
            if not name or not (name == method or self.is_own(name) or self.computes(name)):
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

    def is_own(self, name: str) -> bool:
        """Return whether a module is the project's."""
        return self.base is not None and name not in self.base.files

    def _all_of(self, environment: str) -> set[str]:
        """Return a project's environment and the modules of the project that it leads to."""
        seen: set[str] = set()
        left = {environment} & {*self.files}
        while left:
            seen.add(name := left.pop())
            file = self.files[name]
            named = {self.own(dotted)[0] for dotted in imports_of(self.texts[file], file)}
            left |= {n for n in named if n and self.is_own(n)} - seen
        return seen


def _module_name(file: str) -> str:
    parts = PurePosixPath(file).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
