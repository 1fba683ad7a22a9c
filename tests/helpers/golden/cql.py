"""How the authors' recorded CQL updates are replayed: imitation, Lagrange, both backups."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from baselines import cql
from helpers.golden.case import Case
from helpers.golden.record import TWINS, Draw, Named, Record, by_sample, laid_out


def config(s: dict[str, Any]) -> cql.Config:
    return cql.Config(
        min_q_weight=s["min_q_weight"],
        samples=s["num_random"],
        target_gap=s["lagrange_thresh"] if s["with_lagrange"] else None,
        max_target_backup=s["max_q_backup"],
        backup_entropy=not s["deterministic_backup"],
        warm_start=max(s["policy_eval_start"] - 1, 0),  # the program counts, then compares
        discount=s["discount"],
        polyak=s["soft_target_tau"],
        learning_rate=s["qf_lr"],
        policy_learning_rate=s["policy_lr"],
        hidden=tuple(s["hidden"]),
    )


LAYOUT: dict[str, Any] = {
    "policy.trunk": "policy",
    "temperature.value": "log_alpha",
    "multiplier.value": "log_alpha_prime",
    **TWINS,
}


def draws(record: Record, t: int) -> list[Draw]:
    """One block of normals, (1 + 2 n + backup, B, act), then the uniforms."""
    single = [record(f"draw/{k}")[t].unsqueeze(0) for k in ("policy", "next")
              if f"draw/{k}" in record]  # fmt: skip
    current, ahead, uniform = (
        by_sample(record(f"draw/{k}")[t]) for k in ("current", "ahead", "uniform")
    )
    if "draw/next_backup" in record:
        single.append(by_sample(record("draw/next_backup")[t]))
    return [
        ("normal", torch.cat([single[0], current, ahead, single[1]])),
        ("uniform", uniform),
    ]


def reported(record: Record, t: int) -> Named:
    r = {key.partition("/")[2]: record(key)[t] for key in record.under("loss")}
    conservative = torch.stack([r["min_qf1_loss"], r["min_qf2_loss"]])
    found = {
        "critic_loss": r["qf1_loss"] + r["qf2_loss"] - conservative.sum(),
        "critic.descend": r["qf1_loss"] + r["qf2_loss"],
        "temperature.descend": r["alpha_loss"],
        "temperature": r["alpha"],
        "entropy": -r["log_pi"],
    }
    if "alpha_prime" not in r:
        return found | {"gap": conservative.mean() / record.settings["min_q_weight"]}
    return found | {"multiplier": r["alpha_prime"], "multiplier.descend": r["alpha_prime_loss"]}


@contextlib.contextmanager
def smaller_of_the_best(record: Record, state: cql.State) -> Iterator[None]:
    """As the program, each critic's best action first, then the smaller value."""
    own = cql.target_value

    def of_the_best(q: Tensor, log_pi: Tensor, temperature: Tensor | None) -> Tensor:
        return own(q.amax(2, keepdim=True), log_pi[:, :1], temperature)

    with patch.object(cql, "target_value", of_the_best):
        yield


CHANGED = (
    "no 1e-6 added in log(1 - a^2); all gradients of the networks as they were; targets start as "
    "copies of the critics"
)
CASES = [
    Case(name, cql, config, laid_out(LAYOUT), draws, reported, changed=CHANGED)
    for name in ("cql", "cql_lagrange", "cql_entropy_backup")
]
MAX_BACKUP = Case(
    "cql_max_backup",
    cql,
    config,
    laid_out(LAYOUT),
    draws,
    reported,
    changed=CHANGED,
    undone="each critic's best next action, then the smaller value",
    undo=smaller_of_the_best,
)
CASES.append(MAX_BACKUP)
