"""Claims about IQL, read from config/claims.yaml.

A claim is decided by the runs of a suite, by the cards of its datasets, by one of the small exact
problems of `iql/ideas/`, by the benchmark's timings, by the settings of config/methods.yaml, or by
the paper's own tables; `decided_by` says which, and bench.claims.verdicts applies its test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from bench.config.catalogue import Catalogue
from bench.config.registry import IDEAS, base_of
from bench.config.types import Suite, check_distinct
from bench.config.validation import Strict, validate
from bench.config.yaml_files import read_yaml
from bench.errors import BenchError, unknown

CLAIMS = Path("config/claims.yaml")
Quantity = Literal[
    "score",
    "replicated",
    "improvement",
    "change",
    "online",
    "reached",
    "peak",
    "steps",
    "regret",
]
ONLINE = ("change", "online", "reached", "peak", "steps", "regret")  # need an online phase
AT = ("reached", "peak")  # need `by`; `change` may have it
Reference = Literal["paper", "corl"]


class Rule(Strict):
    """The test of a claim: `above` or `below` a bound, or `within` a margin of a number."""

    above: float | None = None
    below: float | None = None
    within: float | None = Field(default=None, gt=0, description="margin; a factor for a ratio")
    of: float | Reference | None = Field(default=None, description="centre of `within`")

    @model_validator(mode="after")
    def _one(self) -> Rule:
        if sum(v is not None for v in (self.above, self.below, self.within)) != 1:
            raise ValueError("test: give one of above, below and within")
        if (self.within is None) != (self.of is None):
            raise ValueError("test: 'within' and 'of' go together; give both or neither")
        return self

    def ends(self) -> tuple[float, float]:
        """Return the open interval in which the test wants the quantity.

        With a published reference it is that of the difference from the reference.
        """
        if self.within is not None:
            middle = self.of if isinstance(self.of, float) else 0.0
            return middle - self.within, middle + self.within
        low = -float("inf") if self.above is None else self.above
        return low, float("inf") if self.below is None else self.below

    def factor_ends(self) -> tuple[float, float]:
        """Return what `ends` does for a ratio, where `within` is a factor."""
        if self.within is None:
            return self.ends()
        assert isinstance(self.of, float)
        return self.of / self.within, self.of * self.within


class Claim(Strict):
    """What every claim has."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    statement: str = Field(min_length=1, description="the claim in our own words")
    source: str = Field(min_length=1)
    refuted_by: str = Field(min_length=1, description="what would refute it, in words")
    remark: str = ""
    decided_by: str
    test: Rule


class RunClaim(Claim):
    """A claim about scores, with one test per part: a method, a rival, and a task or total."""

    decided_by: Literal["runs"] = "runs"
    protocol: str = Field(description="the suite file of config/ whose settings the runs must have")
    contradicted: bool = Field(default=False, description="the paper's own numbers say otherwise")
    methods: tuple[str, ...] = Field(min_length=1)
    against: tuple[str, ...] = ()
    factor: float = Field(default=1.0, gt=0, description="times `against`, which is subtracted")
    tasks: tuple[str, ...] = Field(min_length=1, description="rows of tasks.tsv, and groups")
    each_task: bool = Field(default=False, description="one part per task instead of their total")
    quantity: Quantity
    by: int | None = Field(default=None, gt=0, description="environment steps")

    @model_validator(mode="after")
    def _consistent(self) -> RunClaim:
        if self.quantity == "improvement" and not self.against:
            raise ValueError("against: improvement compares methods; name the others")
        if self.quantity in AT and self.by is None:
            raise ValueError(f"by: {self.quantity} needs a number of environment steps; give it")
        if self.by is not None and self.quantity not in (*AT, "change"):
            raise ValueError(f"by: has no meaning for {self.quantity}; remove it")
        if self.quantity == "replicated" and self.test.above is None:
            raise ValueError("test: replicated counts tasks; give `above`")
        for name in ("methods", "against", "tasks"):
            check_distinct(name, getattr(self, name))
        if both := set(self.methods) & set(self.against):
            raise ValueError(f"against: {min(both)} is one of the methods; remove it")
        if self.quantity == "peak" and self.test.below is None:
            raise ValueError(
                "test: the best of several evaluations can only show that none is higher; use below"
            )
        if self.factor != 1 and self.quantity != "score":
            raise ValueError("factor: multiplies scores only; remove it")
        if isinstance(self.test.of, str) and self.quantity not in ("score", "replicated"):
            raise ValueError("test, of: published scores are compared with scores; give a number")
        if self.quantity == "replicated" and (self.against or self.each_task):
            raise ValueError("replicated: counts tasks; remove against and each_task")
        return self


class DataClaim(Claim):
    """A claim about datasets, decided by an entry of their cards' `proof`, one part per task."""

    decided_by: Literal["data"]
    tasks: tuple[str, ...] = Field(min_length=1)
    value: str = Field(description="key of `proof` in the dataset's card")


class IdeaClaim(Claim):
    """A claim about an idea, decided by a number of one of the experiments in iql/ideas/."""

    decided_by: Literal["idea"]
    idea: Literal[IDEAS]  # type: ignore[valid-type]
    value: str = Field(description="key of the experiment's result")


class CostClaim(Claim):
    """A claim about the cost of an update, decided by the benchmark's timings on one machine."""

    decided_by: Literal["benchmark"]
    method: str
    rival: str


class SettingClaim(Claim):
    """A claim about a setting of a method, decided by config/methods.yaml, one part per family."""

    decided_by: Literal["settings"]
    method: str
    setting: str
    families: tuple[str, ...] = Field(min_length=1)


class TableClaim(Claim):
    """A claim about a ratio of scores in the paper's Table 1: one part per set of tasks."""

    decided_by: Literal["published"]
    method: str
    rival: str
    sets: tuple[str, ...] = Field(min_length=1, description="groups whose totals are compared")


KINDS: dict[str, type[Claim]] = {
    "runs": RunClaim,
    "data": DataClaim,
    "idea": IdeaClaim,
    "benchmark": CostClaim,
    "settings": SettingClaim,
    "published": TableClaim,
}
KEYS = ("groups", "claims")


@dataclass(frozen=True)
class Ledger:
    """config/claims.yaml; `protocols` are the suites to which its claims refer, by name."""

    groups: Mapping[str, Sequence[str]]
    claims: Sequence[Claim]
    protocols: Mapping[str, Suite]

    def expanded(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the tasks of groups; other names stand for themselves."""
        return tuple(task for name in names for task in self.groups.get(name, (name,)))

    def tasks_of(self, claim: RunClaim | DataClaim) -> tuple[str, ...]:
        """Return the tasks that a claim names, directly or through a group."""
        return self.expanded(claim.tasks)


def ids(path: Path = CLAIMS) -> list[str]:
    """Return the ids of all claims, without validating the rest of the file."""
    entries = read_yaml(path).get("claims", [])
    return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


def read(catalogue: Catalogue, path: Path = CLAIMS) -> Ledger:
    """Read and validate the ledger; raise BenchError naming the claim and the problem."""
    raw = read_yaml(path)
    for key in raw:
        if key not in KEYS:
            raise unknown(str(path), "key", key, KEYS)
    kinds = (("groups", dict), ("claims", list))
    if not all(isinstance(raw.get(key), kind) and raw[key] for key, kind in kinds):
        raise BenchError(f"{path}: the keys {' and '.join(KEYS)} are needed; add them.")
    claims = [_claim(entry, number, path) for number, entry in enumerate(raw["claims"], start=1)]
    names = {claim.protocol for claim in claims if isinstance(claim, RunClaim)}
    files = {name: CLAIMS.parent / f"{name}.yaml" for name in sorted(names)}
    protocols = {name: catalogue.read_suite(file) for name, file in files.items()}
    ledger = Ledger({k: tuple(v) for k, v in raw["groups"].items()}, claims, protocols)
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise BenchError(f"{path}: claim '{claim.id}' is given twice; remove one.")
        seen.add(claim.id)
        _check(claim, ledger, catalogue, f"{path}, {claim.id}")
    return ledger


def _claim(raw: Any, number: int, path: Path) -> Claim:
    if not isinstance(raw, dict):
        raise BenchError(f"{path}, claim {number}: expected keys and values; see the other claims.")
    where = f"{path}, {raw.get('id', f'claim {number}')}"
    kind = raw.get("decided_by", "runs")
    if kind not in KINDS:
        raise unknown(f"{where}, decided_by", "kind", str(kind), KINDS)
    return validate(KINDS[kind], raw, where)


def _check(claim: Claim, ledger: Ledger, catalogue: Catalogue, where: str) -> None:
    """Raise BenchError if a claim names what does not exist, or what its protocol does not do."""
    if isinstance(claim, RunClaim | DataClaim):
        tasks = ledger.tasks_of(claim)
        if len(set(tasks)) < len(tasks):
            raise BenchError(
                f"{where}, tasks: a task is named twice, perhaps by a group; remove one."
            )
        for task in tasks:
            if task not in catalogue.tasks:
                known = {*catalogue.tasks, *ledger.groups}
                raise unknown(f"{where}, tasks", "task or group", task, known)
    if isinstance(claim, RunClaim):
        _check_protocol(claim, ledger, catalogue, where)
    elif isinstance(claim, CostClaim | SettingClaim | TableClaim):
        rivals = () if isinstance(claim, SettingClaim) else (claim.rival,)
        for method in (claim.method, *rivals):
            if method not in catalogue.methods:
                raise unknown(where, "method", method, catalogue.methods)
    if isinstance(claim, SettingClaim):
        fields = catalogue.schemas[claim.method]["properties"]
        if claim.setting not in fields:
            raise unknown(f"{where}, setting", f"{claim.method} setting", claim.setting, fields)
        for family in claim.families:
            layers = catalogue.methods[claim.method].families
            if family not in layers:
                raise unknown(f"{where}, families", "family", family, layers)


def _check_protocol(claim: RunClaim, ledger: Ledger, catalogue: Catalogue, where: str) -> None:
    suite = ledger.protocols[claim.protocol]
    for method in (*claim.methods, *claim.against):
        if base_of(method) not in catalogue.methods:
            raise unknown(where, "method", method, catalogue.methods)
        if method not in suite.methods:
            raise BenchError(
                f"{where}, protocol: {claim.protocol} does not train {method}; add it to that "
                "suite, or name another."
            )
    for task in ledger.tasks_of(claim):
        if task not in suite.tasks:
            raise BenchError(
                f"{where}, protocol: {claim.protocol} does not train on {task}; add it to that "
                "suite, or name another."
            )
        family = catalogue.tasks[task].family
        if claim.quantity not in ONLINE:
            continue
        for method in (*claim.methods, *claim.against):
            online = suite.online_of(method, family)
            if online is None:
                raise BenchError(
                    f"{where}, protocol: {claim.protocol} has no online phase of {method}; "
                    "name another suite."
                )
            if claim.by is not None and (claim.by % online.every or claim.by > online.steps):
                raise BenchError(
                    f"{where}, by: {claim.protocol} does not evaluate {method} at step "
                    f"{claim.by:,}; make `by` a multiple of online.every, {online.every:,}, up to "
                    f"{online.steps:,}."
                )
