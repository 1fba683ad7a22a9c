"""A canonical form of a module's top-level statements, unchanged by moving or rewording code.

Names are resolved to what they refer to: `nets.MLP`, and `MLP` or `Net` imported from there, all
become `MLP`, and `np.exp` becomes `numpy.exp`. Docstrings, annotations, imports, blocks for type
checkers and the strings of `raise` and `print` are omitted. The form is the same in every version
of Python.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

PACKAGES = ("bench", "iql", "baselines")
# Fields of a syntax tree that do not affect results, or that only some versions of Python have.
IGNORED = {"annotation", "returns", "ctx", "kind", "type_comment", "type_params"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# What Gymnasium imports by name: bench.maze:StitchMaze, or the start of an f-string with it.
PLACE = re.compile(rf"^((?:{'|'.join(PACKAGES)})[\w.]*):(\w*)")

ENTRY = re.compile(r"([A-Za-z_][\w.]*):\w[\w.-]*")  # what Gymnasium imports by name, in any package

Scope = Mapping[str, str]  # what a name refers to, as a.b.c; empty for a local variable
Own = Callable[[str], tuple[str, str]]  # a.b.c -> our module a.b and the rest, or two empty strings


@dataclass
class Statement:
    """A top-level statement of one of our modules."""

    file: str
    module: str
    names: tuple[str, ...]  # that it defines; none if the statement has another effect on import
    node: ast.stmt
    scope: Scope
    own: Own

    @cached_property
    def content(self) -> tuple[str, list[str]]:
        """The digest of its form, and our names in it as module.name (module.* means all)."""
        references: list[str] = []
        form = _Form(self.own, references)(self.node, self.scope)
        return hashlib.sha256(ascii(form).encode()).hexdigest(), references

    @property
    def digest(self) -> str:
        return self.content[0]

    @property
    def references(self) -> list[str]:
        return self.content[1]


class Module:
    """One parsed file; `own` recognises the dotted names of our modules."""

    def __init__(self, name: str, file: str, text: str, own: Own):
        body = [node for node in _absolute(ast.parse(text), file).body if not _typing(node)]
        top = list(_same_scope(body))
        everywhere = _modules(n for node in body for n in ast.walk(node))
        # What its names refer to, both its own and the imported ones.
        self.scope = {n: f"{name}.{n}" for n in _bound(top)} | _imported(top)
        self.imports = {own(dotted)[0] for dotted in everywhere} - {""}
        self.top_imports = {own(dotted)[0] for dotted in _modules(top)} - {""}
        self.libraries = {dotted.partition(".")[0] for dotted in everywhere}
        self.statements = [
            Statement(file, name, _defined(node), node, self.scope, own)
            for node in body
            if not _silent(node)
        ]


class _Form:
    """A converter of syntax trees to nested tuples; it adds our names in them to `references`."""

    def __init__(self, own: Own, references: list[str]):
        self.own, self.references = own, references

    def __call__(self, node: Any, scope: Scope, quiet: bool = False) -> Any:
        """Return the form of a node, list or plain value; `quiet` omits strings."""
        if isinstance(node, list):
            kept = [n for n in node if not _silent(n) and not (quiet and _is_text(n))]
            return tuple(self(n, scope, quiet) for n in kept)
        if isinstance(node, str):
            if place := PLACE.match(node):
                self.references.append(f"{place[1]}.{place[2] or '*'}")
            return PLACE.sub(r"\2", node)
        if not isinstance(node, ast.AST) or (quiet and _is_text(node)):
            return node if not isinstance(node, ast.AST) else None
        if isinstance(node, ast.Name | ast.Attribute) and (name := self._name(node, scope)):
            return name
        if isinstance(node, COMPREHENSIONS):
            scope = _entered(node, scope)
        quiet = quiet or isinstance(node, ast.Raise) or _is_print(node)
        form: list[Any] = [type(node).__name__]
        for key, value in ast.iter_fields(node):
            if key not in IGNORED and value is not None and value != []:
                part = self._part(node, key, value, scope, quiet)
                form += [] if part in (None, ()) else [(key, part)]
        return tuple(form)

    def _part(self, node: ast.AST, key: str, value: Any, scope: Scope, quiet: bool) -> Any:
        """Return a field's form, in the scope in which it is evaluated."""
        if isinstance(node, ast.ClassDef) and key == "body":  # methods do not see the class's names
            inner = _entered(node, scope)
            kept = [n for n in value if not _silent(n)]
            return tuple(self(n, scope if isinstance(n, FUNCTIONS) else inner) for n in kept)
        enters = isinstance(node, FUNCTIONS) and key == "body"
        return self(value, _entered(node, scope) if enters else scope, quiet)

    def _name(self, node: ast.expr, scope: Scope) -> tuple[str, str] | None:
        """Return what a.b.c refers to; None if it starts with a local or built-in name."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or not scope.get(node.id):
            return None
        dotted = ".".join([scope[node.id], *attributes])
        module, rest = self.own(dotted)
        if not module:
            return "name", dotted
        self.references.append(f"{module}.{rest.partition('.')[0] or '*'}")
        return "name", rest or module.rpartition(".")[2]


def _absolute(tree: ast.Module, file: str) -> ast.Module:
    """Return the tree of a file with `from .x import y` written as `from package.x import y`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = file.split("/")[: -node.level]
            node.module = ".".join([*package, *([node.module] if node.module else [])])
    return tree


def _same_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield these nodes and their descendants, excluding those in a scope of their own."""
    for node in nodes:
        yield node
        if not isinstance(node, SCOPES):
            yield from _same_scope(ast.iter_child_nodes(node))


def _entered(node: ast.AST, scope: Scope) -> Scope:
    """Return the scope inside a function, a class or a comprehension."""
    inside = list(_same_scope(ast.iter_child_nodes(node)))
    shared = {name for n in inside if isinstance(n, ast.Global) for name in n.names}
    local = dict.fromkeys(_bound(inside) - shared, "")
    return {**scope, **local, **_imported(inside)}


def _bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that these nodes bind, except by imports."""
    found: set[str] = set()
    for n in nodes:
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store):
            found.add(n.id)
        elif isinstance(n, ast.arg):
            found.add(n.arg)
        elif (
            isinstance(n, (*DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and n.name
        ):
            found.add(n.name)
    return found


def _imported(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """Return what the imports among these nodes bind, by name."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def _modules(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the dotted names in these nodes' imports: a.b, and a.b.c for `from a.b import c`."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports_of(text: str, file: str) -> set[str]:
    """Return the dotted names that a file imports, as `_modules`, and those in `a.b:c` strings.

    Such strings name what Gymnasium makes.
    """
    nodes = list(ast.walk(_absolute(ast.parse(text), file)))
    strings = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return _modules(nodes) | {found[1] for s in strings if (found := ENTRY.fullmatch(s))}


def _defined(node: ast.stmt) -> tuple[str, ...]:
    """Return the names that a statement defines or assigns; none for other statements."""
    if isinstance(node, DEFINITIONS):
        return (node.name,)
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        return ()
    flat = [e for t in targets for e in (t.elts if isinstance(t, ast.Tuple) else [t])]
    return tuple(e.id for e in flat if isinstance(e, ast.Name))


def _typing(node: Any) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _silent(node: Any) -> bool:
    """Return whether a statement is an import or a docstring."""
    docstring = isinstance(node, ast.Expr) and _is_text(node.value)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)


def _is_text(node: Any) -> bool:
    plain = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return plain or isinstance(node, ast.JoinedStr)


def _is_print(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == "print"
