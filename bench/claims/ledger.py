"""Claims about IQL, read from config/claims.yaml.

bench.claims.verdicts tests each claim on a suite's scores; the claims section of the report shows
the verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from bench.config.catalogue import Catalogue
from bench.config.validation import Strict, validate
from bench.config.yaml_files import read_yaml
from bench.errors import BenchError, unknown
from bench.statistics.inference import Above, Test, Within

CLAIMS = Path("config/claims.yaml")
Quantity = Literal["score", "change", "online", "reached", "improvement", "cost"]
Reference = Literal["paper", "corl"]


class Protocol(Strict):
    """The training to which the claims refer."""

    updates: dict[str, int] = Field(description="by method; `all` for the others")
    online_steps: int = Field(gt=0, description="environment steps of the online phase")
    source: str = Field(min_length=1)

    def updates_of(self, method: str) -> int:
        """Return the offline updates of a method."""
        return self.updates.get(method, self.updates["all"])

    @model_validator(mode="after")
    def _all(self) -> Protocol:
        if "all" not in self.updates:
            raise ValueError("updates: the key 'all' is missing; add it")
        return self


class Rule(Strict):
    """The test of a claim: `above` or `below` a bound, or `within` a margin of a number."""

    above: float | None = None
    below: float | None = None
    within: float | None = Field(default=None, gt=0, description="margin; a factor for cost")
    of: float | Reference | None = Field(default=None, description="centre of `within`")

    @model_validator(mode="after")
    def _one(self) -> Rule:
        if sum(v is not None for v in (self.above, self.below, self.within)) != 1:
            raise ValueError("test: give one of above, below and within")
        if (self.within is None) != (self.of is None):
            raise ValueError("test: 'within' and 'of' go together; give both or neither")
        return self

    def as_test(self, cost: bool) -> Test:
        """Return the test of the quantity or, for `cost`, of its logarithm.

        With a published reference, the test is of the difference from it, around 0.
        """
        if self.above is not None:
            return Above(math.log(self.above) if cost else self.above)
        if self.below is not None:
            return Above(math.log(self.below) if cost else self.below, -1)
        assert self.within is not None
        middle = self.of if isinstance(self.of, float) else 0.0
        if cost:
            middle, margin = math.log(middle), math.log(self.within)
        else:
            margin = self.within
        return Within(middle - margin, middle + margin)


class Claim(Strict):
    """One entry of `claims`, with one test per part: a method, a rival, and a task or total."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    statement: str = Field(min_length=1, description="the claim in our own words")
    source: str = Field(min_length=1)
    remark: str = ""
    contradicted: bool = Field(default=False, description="the paper's own numbers say otherwise")
    methods: tuple[str, ...] = Field(min_length=1)
    against: tuple[str, ...] = ()
    factor: float = Field(default=1.0, gt=0, description="times `against`, which is subtracted")
    tasks: tuple[str, ...] = Field(default=(), description="rows of tasks.tsv, and groups of them")
    each_task: bool = Field(default=False, description="one part per task instead of their total")
    quantity: Quantity
    by: int | None = Field(default=None, gt=0, description="environment steps, for `reached`")
    test: Rule
    published: dict[str, float] = Field(
        default={}, description="by task, rival or method, where no file of config/published has it"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Claim:
        if self.quantity in ("cost", "improvement") and not self.against:
            raise ValueError(f"against: {self.quantity} compares methods; name the others")
        if (self.quantity == "cost") != (not self.tasks):
            raise ValueError("tasks: required for every quantity but cost; name tasks or a group")
        if (self.quantity == "reached") != (self.by is not None):
            raise ValueError("by: goes with the quantity 'reached'; give both or neither")
        if isinstance(self.test.of, str) and self.quantity != "score":
            raise ValueError("test, of: published scores are compared with scores; give a number")
        return self


class Ledger(Strict):
    """config/claims.yaml."""

    protocol: Protocol
    groups: dict[str, tuple[str, ...]]
    claims: tuple[Claim, ...] = Field(min_length=1)

    def tasks_of(self, claim: Claim) -> tuple[str, ...]:
        """Return the tasks that a claim names, directly or through a group."""
        return tuple(task for name in claim.tasks for task in self.groups.get(name, (name,)))


def read(catalogue: Catalogue, path: Path = CLAIMS) -> Ledger:
    """Read and validate the ledger; raise BenchError naming the claim and the problem."""
    ledger = validate(Ledger, read_yaml(path), str(path))
    seen: set[str] = set()
    for claim in ledger.claims:
        where = f"{path}, {claim.id}"
        if claim.id in seen:
            raise BenchError(f"{path}: claim '{claim.id}' is given twice; remove one.")
        seen.add(claim.id)
        for method in (*claim.methods, *claim.against):
            if method not in catalogue.methods:
                raise unknown(where, "method", method, catalogue.methods)
        for task in ledger.tasks_of(claim):
            if task not in catalogue.tasks:
                known = {*catalogue.tasks, *ledger.groups}
                raise unknown(f"{where}, tasks", "task or group", task, known)
    return ledger


def rule_text(claim: Claim, labels: Mapping[str, str]) -> str:
    """Return the test in words, such as `IQL - 2 x CQL > 0`."""
    label = f"{claim.factor:g} \N{MULTIPLICATION SIGN} " if claim.factor != 1 else ""
    ours = " or ".join(labels[m] for m in claim.methods)
    others = [labels[m] for m in claim.against]
    rival = f"each of {', '.join(others)}" if len(others) > 1 else "".join(others)
    if claim.quantity == "cost":
        subject = f"an update of {ours} / {rival}"
    elif claim.quantity == "improvement":
        subject = f"P({ours} > {rival})"
    else:
        subject = f"{ours} \N{MINUS SIGN} {label}{rival}" if rival else ours
    subject += {
        "change": ", online \N{MINUS SIGN} offline,",
        "online": ", after the online phase,",
        "reached": f", best of {claim.by or 0:,} steps,",
    }.get(claim.quantity, "")
    test = claim.test
    if test.above is not None:
        bound = f"> {_plain(test.above)}"
    elif test.below is not None:
        bound = f"< {_plain(test.below)}"
    else:
        goal = {"paper": "the paper\u2019s score", "corl": "CORL\u2019s score"}
        middle = goal[test.of] if isinstance(test.of, str) else _plain(test.of or 0.0)
        sign = "a factor of " if claim.quantity == "cost" else "\N{PLUS-MINUS SIGN}"
        bound = f"within {sign}{_plain(test.within or 0.0)} of {middle}"
    return f"{subject} {bound}"


def _plain(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")
