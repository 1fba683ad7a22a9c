"""The shape of the code: who imports whom, sizes, forbidden names and unsafe loading."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import schemas
from bench.methods import IDEAS, METHODS, VARIANTS
from bench.source_hash import Tree

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "iql", "baselines")
CODE = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]
RULES += [ROOT / "workflow/Snakefile"]

# The rest runs where only tables are read: in the workflow's own process, in its report.
REACHED = {s.module for m in METHODS.values() for s in Tree.read(ROOT).reached(m)}
COMPUTES = {name.removeprefix("bench.") for name in REACHED if name.startswith("bench.")}
COMPUTES |= {"ant_collect", "behavior", "benchmark_worker", "collect", "d4rl", "reading"}
COMPUTES |= {"recorder", "trace", "__init__", "__main__"}
LIGHT = sorted({p.stem for p in (ROOT / "bench").glob("*.py")} - COMPUTES)
HEAVY = ("torch", "gymnasium", "gymnasium_robotics", "minari", "mujoco")
# What methods are built from: networks and their optimisers, random draws, and the data.
LEARNING = {"learner", "nets", "policies", "rng", "transformer", "types", "vae"}
LEARNING |= {"replay", "transforms", "transitions"}
# A method that is another one plus a term may import it.
BUILDS_ON = {"bc10": {"baselines.bc"}, "cal_ql": {"baselines.cql"}} | {
    name: {"iql.iql"} for name in VARIANTS
}


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path, top_level: bool = False) -> set[str]:
    """Modules that a file imports; `from a import b` counts as a.b where that is a file."""
    tree = ast.parse(path.read_text())
    found: set[str] = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{label(path)}: relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_file = (ROOT / inner.replace(".", "/")).with_suffix(".py").exists()
                found.add(inner if is_file else node.module)
    return found


def own(names: set[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] in PACKAGES}


# --- arrows ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "bench").rglob("*.py")), ids=label)
def test_bench_imports_no_method(path: Path) -> None:
    assert {name.split(".")[0] for name in own(imports(path))} <= {"bench"}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_built_from_networks_and_data(name: str) -> None:
    """It knows neither the training run nor settings, files or environments."""
    path = ROOT / f"{METHODS[name].module.replace('.', '/')}.py"
    allowed = {f"bench.{module}" for module in LEARNING} | BUILDS_ON.get(name, set())
    assert own(imports(path)) <= allowed


def test_every_method_file_is_registered() -> None:
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("iql", "baselines")
        for path in (ROOT / package).rglob("*.py")
        if path.stem != "__init__"
    }
    ideas = {name for name in files if name.startswith("iql.ideas.")}
    assert {name.rpartition(".")[2] for name in ideas} == {*IDEAS, "line"}
    assert files - ideas == {entry.module for entry in METHODS.values()}


# --- light modules --------------------------------------------------------------------


def test_the_light_modules_are_those_that_must_be() -> None:
    expected = {"errors", "methods", "progress", "records", "stats", "suite", "watch", "cli"}
    report = {"report.build", "report.html", "report.figures.style", "report.sections.scores"}
    assert expected | report | {"schemas"} <= set(LIGHT)


@pytest.mark.parametrize("name", LIGHT)
def test_a_light_module_imports_nothing_heavy_itself(name: str) -> None:
    found = imports(MODULES[name], top_level=True)
    assert not {module.split(".")[0] for module in found} & set(HEAVY)


def test_light_modules_load_nothing_heavy() -> None:
    script = f"""
import importlib, json, sys
loaded = {{}}
for name in {LIGHT!r}:
    importlib.import_module("bench." + name.removesuffix(".__init__"))
    loaded[name] = [m for m in {HEAVY!r} if m in sys.modules]
print(json.dumps(loaded))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {name: [] for name in LIGHT}


@pytest.mark.parametrize("path", sorted((ROOT / "bench/report").rglob("*.py")), ids=label)
def test_the_report_imports_nothing_inside_a_function(path: Path) -> None:
    tree = ast.parse(path.read_text())
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    inner = [n for function in functions for n in ast.walk(function)]
    assert not [n for n in inner if isinstance(n, ast.Import | ast.ImportFrom)]


def test_a_folder_of_the_report_has_at_most_20_modules() -> None:
    folders = [path.parent for path in (ROOT / "bench/report").rglob("*.py")]
    assert max(map(folders.count, folders)) <= 20


@pytest.mark.parametrize("module", ["bench.cli", "bench.train"])
def test_a_job_starts_without_the_statistics(module: str) -> None:
    script = f"import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"rliable", "arch", "scipy.stats", "matplotlib", "pandas", "seaborn"}


@pytest.mark.parametrize("path", RULES, ids=label)
def test_rules_never_name_torch(path: Path) -> None:
    code = [line.partition("#")[0] for line in path.read_text().splitlines()]
    assert not [line for line in code if re.search(r"\btorch\b", line)]


# --- sizes and names ------------------------------------------------------------------


@pytest.mark.parametrize("path", [*CODE, *RULES, *TESTS], ids=label)
def test_a_file_is_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def identifiers(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        for field in ("id", "attr", "arg", "name", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found.add(value)
    return found


def test_identifiers_sees_every_kind_of_name(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("import a as b\ndef c(d, *, e=1):\n    f = g.h(i=j)\nclass K: pass\n")
    assert identifiers(path) == {*"abcdefghij", "K"}


@pytest.mark.parametrize("path", CODE, ids=label)
def test_no_name_is_tau(path: Path) -> None:
    """The paper's letter means an expectile here and a soft update there."""
    assert not [n for n in identifiers(path) if "tau" in n.lower().split("_")]


def test_no_rule_says_tau() -> None:
    for path in RULES:
        assert not re.search(r"\btau\b", path.read_text()), label(path)


# --- loading --------------------------------------------------------------------------

UNSAFE_MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "torch.load", "os.system"}
UNSAFE_OPTIONS = {("allow_pickle", True), ("weights_only", False), ("shell", True)}


def unsafe(source: str) -> list[str]:
    """What in a file could execute what it loads."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            found += sorted(names & UNSAFE_MODULES)
        elif isinstance(node, ast.ImportFrom):
            found += sorted({(node.module or "").split(".")[0]} & UNSAFE_MODULES)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            options = {
                (k.arg, k.value.value) for k in node.keywords if isinstance(k.value, ast.Constant)
            }
            safe = called == "torch.load" and ("weights_only", True) in options
            if called in UNSAFE_CALLS and not safe:
                found.append(called)
            found += [f"{name}={value}" for name, value in options & UNSAFE_OPTIONS]
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pickle", ["pickle"]),
        ("from pickle import load", ["pickle"]),
        ("np.load(p, allow_pickle=True)", ["allow_pickle=True"]),
        ("torch.load(p)", ["torch.load"]),
        ("torch.load(p, weights_only=False)", ["torch.load", "weights_only=False"]),
        ("torch.load(p, weights_only=True); np.load(p, allow_pickle=False)", []),
        ("yaml.load(t); yaml.safe_load(t)", ["yaml.load"]),
    ],
)
def test_unsafe_loading_would_be_found(source: str, expected: list[str]) -> None:
    assert unsafe(source) == expected


@pytest.mark.parametrize("path", [*CODE, *TESTS], ids=label)
def test_nothing_that_is_loaded_can_execute(path: Path) -> None:
    assert unsafe(path.read_text()) == []


# --- generated files ------------------------------------------------------------------


def test_schemas_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    schemas.write(check=True)
