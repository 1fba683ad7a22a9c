"""The registry of methods, one row each. A method is a module with Config, init, update and act.

Modules are named as strings, so that reading the registry imports neither methods nor torch.

A project may have methods of its own: `mine` is then the file methods/mine.py, or the module in the
project's folder that methods.yaml names. A suite that names it is the only thing that has it
executed; a name holds no path, so no other file can be meant.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.config.yaml_files import read_yaml
from bench.errors import BenchError
from bench.paths import OWN_METHODS, OWN_SETTINGS, let_import


@dataclass(frozen=True)
class Phase:
    """A part of a run with one kind of update: its share of the run, and its first update."""

    share: float
    first: int


@dataclass(frozen=True)
class Sample:
    """The updates that the benchmark times in place of a whole run of a million.

    `cycle` consecutive updates contain each kind of update in proportion. `phases` divide a run
    that no single cycle represents. `batch` and `config` replace the method's own values where
    those are unsuitable for timing.
    """

    cycle: int = 1
    phases: tuple[Phase, ...] = (Phase(1.0, 0),)
    batch: int = 256
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One method. Only `module` is required.

    Attributes:
        module: import path of the method's file.
        cost: measured time of an update, relative to behavior cloning; None if not measured. Long
            jobs start first, so that none runs alone at the end.
        online_only: learns only from its own steps and never reads a dataset.
        fine_tunes: supports an online phase; the module has `explore`.
        starts_from: method whose networks initialise this one; the module has `adopt`.
        variant_of: method that this one varies, through its module or through its settings in
            config/methods.yaml.
        sample: the updates that the benchmark times.
        tiny: settings that suit the contract's tiny problem (bench.training.contract).
        style: index of its colour, line and marker (bench.report.figures.method_styles), the same
            in every figure.
    """

    module: str
    cost: float | None = None
    online_only: bool = False
    fine_tunes: bool = False
    starts_from: str | None = None
    variant_of: str | None = None
    sample: Sample = Sample()
    tiny: Mapping[str, Any] = field(default_factory=dict)
    style: int | None = None


# CQL and BEAR imitate in their first updates instead of maximising values: `warm_start`.
WARM_START = Sample(phases=(Phase(0.04, 0), Phase(0.96, 40_000)))
# Clone and evaluate, evaluate, improve; every other evaluation update moves the target.
ONESTEP = Sample(
    cycle=2, phases=(Phase(5 / 21, 0), Phase(15 / 21, 238_095), Phase(1 / 21, 952_380))
)
# An iteration of 1,200 updates computes the returns of all rows once. The benchmark's data have a
# tenth of D4RL's 1,000,000 rows, so a tenth of the updates keeps the proportion.
AWR = Sample(cycle=120, config={"critic_updates": 20, "policy_updates": 100})

# Settings for the contract's tiny problem.
CQL = {"policy_learning_rate": 1e-3, "warm_start": 20, "min_q_weight": 1.0, "samples": 3}
CQL_ANTMAZE = {
    "policy_learning_rate": 1e-3,
    "warm_start": 20,
    "samples": 3,
    "target_gap": 1.0,
    "initial_log_multiplier": 1.0,
    "clip_gap": -200.0,
    "max_target_backup": True,
    "policy_hidden": (32,),
    "orthogonal": True,
    "log_std_min": -20.0,
    "log_std_scaling": (0.0, -1.0),
    "action_limit": 0.999,
}
CAL_QL = {
    "policy_learning_rate": 1e-3,
    "min_q_weight": 1.0,
    "samples": 3,
    "target_gap": None,
    "policy_hidden": (32,),
    "sparse": False,
}
BEAR = {"vae_hidden": (64, 64), "policy_learning_rate": 1e-3, "warm_start": 20}
SMALL_AWR = {
    "policy_learning_rate": 1e-2,
    "learning_rate": 5e-2,
    "critic_updates": 5,
    "policy_updates": 10,
}
DT = {"context": 3, "layers": 1, "width": 32, "target_return": 1.0, "return_scale": 1.0}


def _variant(module: str, style: int) -> Entry:
    return Entry(module, cost=4, variant_of="iql", style=style)


METHODS: dict[str, Entry] = {
    "iql": Entry("iql.iql", cost=4, fine_tunes=True, style=0),
    "bc": Entry("baselines.bc", cost=1, style=1),
    "bc10": Entry("baselines.bc10", cost=1, style=2),
    # The policy is updated every other time.
    "td3_bc": Entry("baselines.td3_bc", cost=3, sample=Sample(cycle=2), style=3),
    "awac": Entry(
        "baselines.awac", cost=20, fine_tunes=True, tiny={"policy_hidden": (32, 32)}, style=5
    ),
    "onestep": Entry("baselines.onestep", cost=30, sample=ONESTEP, style=6),
    "cql": Entry("baselines.cql", cost=75, fine_tunes=True, sample=WARM_START, tiny=CQL, style=4),
    "cql_antmaze": Entry(
        "baselines.cql", cost=75, fine_tunes=True, sample=WARM_START, tiny=CQL_ANTMAZE, style=13
    ),
    "cal_ql": Entry("baselines.cal_ql", cost=80, fine_tunes=True, tiny=CAL_QL, style=8),
    "bcq": Entry("baselines.bcq", cost=15, tiny={"vae_hidden": (64, 64)}, style=10),
    "bear": Entry("baselines.bear", cost=22, sample=WARM_START, tiny=BEAR, style=11),
    "awr": Entry("baselines.awr", cost=1, sample=AWR, tiny=SMALL_AWR, style=12),
    # A batch is windows of 20 steps: recording 256 of them took 3.6 GB for one seed at width 256.
    "dt": Entry("baselines.dt", cost=50, sample=Sample(batch=64), tiny=DT, style=7),
    "iql_old_v": _variant("iql.variants.old_v", 26),
    "iql_joint": _variant("iql.variants.joint", 30),
    "iql_online_q": _variant("iql.variants.online_q", 21),
    "iql_deterministic": _variant("iql.variants.deterministic", 18),
    "iql_raw_rewards": _variant("iql.iql", 22),
    "iql_standardised": _variant("iql.iql", 23),
    "iql_wide_std": _variant("iql.iql", 24),
    "iql_constant_rate": _variant("iql.iql", 35),
    "sac": Entry("baselines.sac", cost=5, online_only=True, fine_tunes=True, style=14),
    "sac_iql": Entry(
        "baselines.sac", cost=5, online_only=True, fine_tunes=True, starts_from="iql", style=15
    ),
    # PPO's cost is per environment step: one step's share of an update.
    "ppo": Entry("baselines.ppo", cost=1, online_only=True, fine_tunes=True, style=9),
    "ppo_iql": Entry(
        "baselines.ppo", cost=1, online_only=True, fine_tunes=True, starts_from="iql", style=16
    ),
}
VARIANTS = tuple(name for name, entry in METHODS.items() if entry.variant_of)
ONLINE = tuple(name for name, entry in METHODS.items() if entry.online_only)
OFFLINE = tuple(name for name in METHODS if name not in (*VARIANTS, *ONLINE))
FINE_TUNED = tuple(name for name, entry in METHODS.items() if entry.fine_tunes)


def base_of(name: str) -> str:
    """Return the registered method behind a name: `iql` for `iql@expectile=0.5`."""
    return name.partition("@")[0]


def settings_of(name: str) -> dict[str, str]:
    """Return the values in a method's name by setting: those after each @."""
    pairs = (part.partition("=") for part in name.split("@")[1:])
    return {setting: value for setting, _, value in pairs}


def file_of(module: str) -> Path | None:
    """Return the file of a module in the current folder, relative to it, or None without one."""
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    places = Path(*parts).with_suffix(".py"), Path(*parts, "__init__.py")
    return next((path for path in places if path.is_file()), None)


def own_file(name: str) -> Path | None:
    """Return the project's file behind a method's name, or None if the method is no such file."""
    base = base_of(name)
    if base in METHODS or not re.fullmatch(r"[a-z0-9_]+", base):
        return None
    path = OWN_METHODS / f"{base}.py"
    return path if path.is_file() else file_of(str(_own_settings(base).get("module", "")))


def _own_settings(base: str) -> Mapping[str, Any]:
    """Return what methods.yaml says of one of the project's methods; Catalogue validates it."""
    entry = read_yaml(OWN_SETTINGS).get(base) if OWN_SETTINGS.exists() else None
    return entry if isinstance(entry, dict) else {}


def is_known(name: str) -> bool:
    """Return whether a method is registered here or a file of the project."""
    return base_of(name) in METHODS or own_file(name) is not None


def known() -> list[str]:
    """Return the names of the registered methods and of the project's own."""
    named = read_yaml(OWN_SETTINGS) if OWN_SETTINGS.exists() else ()
    names = sorted({path.stem for path in OWN_METHODS.glob("*.py")} | {*map(str, named)})
    return [*METHODS, *filter(own_file, names)]


def entry_of(name: str) -> Entry:
    """Return the row of a method, whose name may have the form base@setting=value.

    A project's own method is read, not executed: with `explore` or `collect` it can have an online
    phase; methods.yaml says whether it has no other.
    """
    path = own_file(name)
    if path is None:
        return METHODS[base_of(name)]
    body = _parsed(path).body
    defined = {n.name for n in body if isinstance(n, ast.FunctionDef)}
    defined |= {a.asname or a.name for n in body if isinstance(n, ast.ImportFrom) for a in n.names}
    return Entry(
        _module_of(path),
        fine_tunes=bool({"explore", "collect"} & defined),
        online_only=_own_settings(base_of(name)).get("online_only") is True,
    )


def _module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def weight(name: str) -> float:
    """Return the cost of an update, for ordering jobs; 1 if it has not been measured."""
    return entry_of(name).cost or 1


def load(name: str) -> ModuleType:
    """Import and return a method's module; raise BenchError where a project's own cannot be."""
    path = own_file(name)
    entry = entry_of(name)
    return importlib.import_module(entry.module) if path is None else _own(path, entry)


def _own(path: Path, entry: Entry) -> ModuleType:
    """Import a method of the project, with what it imports from the project's folder."""
    let_import()
    try:
        module = importlib.import_module(entry.module)
    except Exception as error:  # whatever its code raises
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise BenchError(f"{path}: cannot be imported ({why}); correct it.") from error
    if module.__file__ is None or Path(module.__file__) != path.resolve():
        raise BenchError(
            f"{path}: Python finds {module.__file__} first; put an empty __init__.py beside it."
        )
    for needed in ("Config", "init", "update"):
        if not hasattr(module, needed):
            raise BenchError(f"{path}: {needed} is missing; a method's file defines it.")
    if not hasattr(module, "act") and not hasattr(module, "begin"):
        raise BenchError(f"{path}: act is missing; a method's file defines it, or begin.")
    if hasattr(module, "collect") and not entry.online_only:
        raise BenchError(
            f"{path}: collect: a method that learns on-policy sees no data; write `online_only: "
            f"true` for it in {OWN_SETTINGS}."
        )
    if entry.online_only and not entry.fine_tunes:
        raise BenchError(
            f"{path}: explore is missing; a method that {OWN_SETTINGS} calls online_only defines "
            "it, or collect."
        )
    return module


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise BenchError(f"{path}: not valid Python ({error}); correct it.") from None


# The paper's ideas as experiments, in the order of the ideas report: iql/ideas/NAME.py.
IDEAS = (
    *("losses", "expectiles", "support", "stitching", "overestimation", "shift"),
    "regularised",
)
# The figures with sliders, in the order of their page: iql/sliders/NAME.py.
SLIDERS = ("losses", "expectiles", "stitching", "overestimation", "support", "shift")
