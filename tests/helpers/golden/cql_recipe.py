"""How recorded updates of SimpleSAC's AntMaze recipe and of Cal-QL are replayed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from baselines import cal_ql, cql
from bench.learning.learner import Learner
from bench.learning.squashed_gaussian import Scalar
from helpers.golden.case import Case
from helpers.golden.cql import draws
from helpers.golden.record import TWINS, Named, Record, laid_out


def config(s: dict[str, Any]) -> dict[str, Any]:
    """What both programs name alike."""
    return {
        "min_q_weight": s["cql_min_q_weight"],
        "samples": s["cql_n_actions"],
        "target_gap": s["cql_target_action_gap"] * s["cql_min_q_weight"],
        "initial_log_multiplier": 1.0,
        "max_target_backup": s["cql_max_target_backup"],
        "discount": s["discount"],
        "polyak": s["soft_target_update_rate"],
        "learning_rate": s["qf_lr"],
        "policy_learning_rate": s["policy_lr"],
        "hidden": tuple(int(width) for width in s["qf_arch"].split("-")),
        "policy_hidden": tuple(int(width) for width in s["policy_arch"].split("-")),
        "orthogonal": s["orthogonal_init"],
        "log_std_min": -20.0,
        "log_std_scaling": (s["log_std_multiplier"], s["log_std_offset"]),
    }


def recipe(s: dict[str, Any]) -> cql.Config:
    return cql.Config(
        **config(s),
        clip_gap=s["cql_clip_diff_min"],
        warm_start=s["bc_updates"],
        backup_entropy=s["backup_entropy"],
        action_limit=s["action_limit"],
    )


def calibrated(s: dict[str, Any]) -> cal_ql.Config:
    return cal_ql.Config(**config(s))


LAYOUT: dict[str, Any] = {
    "policy.trunk": "policy",
    "policy.affine.0": "log_std_multiplier",
    "policy.affine.1": "log_std_offset",
    "temperature.value": "log_alpha",
    "multiplier.value": "log_alpha_prime",
    **TWINS,
}


def common(r: Named) -> Named:
    """What both programs report alike."""
    return {
        "actor_loss": r["policy_loss"],
        "gap": (r["cql_qf1_diff"] + r["cql_qf2_diff"]) / 2,
        "multiplier": r["alpha_prime"],
        "multiplier.descend": r["alpha_prime_loss"],
    }


def reported(record: Record, t: int) -> Named:
    r = {key.partition("/")[2]: record(key)[t] for key in record.under("loss")}
    bellman = r["qf1_loss"] + r["qf2_loss"]
    sampled = [r[f"cql_q{i}_{k}"] for i in (1, 2)
               for k in ("rand", "current_actions", "next_actions")]  # fmt: skip
    found = common(r) | {
        "critic_loss": bellman,
        "critic.descend": bellman + r["cql_min_qf1_loss"] + r["cql_min_qf2_loss"],
        "q": (r["average_qf1"] + r["average_qf2"]) / 2,
        "sampled_q": torch.stack(sampled).mean(),
        "entropy": -r["log_pi"],
    }
    if not record.settings["temperature_steps_first"]:
        found |= {"temperature": r["alpha"], "temperature.descend": r["alpha_loss"]}
    return found


def reported_by_cal_ql(record: Record, t: int) -> Named:
    r = {key.partition("/")[2]: record(key)[t] for key in record.under("loss")}
    # One name lacks a letter there.
    rates = ("cql_q1_current", "cql_q2_current", "cql_q1_next", "ql_q2_next")
    return common(r) | {
        "critic_loss": r["qf1_bellman_loss"] + r["qf2_bellman_loss"],
        "critic.descend": r["qf1_loss"] + r["qf2_loss"],
        "q": (r["q1_pred_mean"] + r["q2_pred_mean"]) / 2,
        "entropy": -r["log_pi_mean"],
        "temperature": r["alpha"],
        "temperature.descend": r["alpha_loss"],
        "below_floor": torch.stack([r[f"bound_rate_{k}_actions"] for k in rates]).mean(),
    }


class HeldBack(Learner[Scalar]):
    """After its step, an update still gets the value of before."""

    before: Tensor | None = None

    def descend(self, loss: Tensor, max_norm: float | None = None) -> None:
        self.before = self.net().detach().clone()
        super().descend(loss, max_norm)

    def __call__(self, *inputs: Tensor) -> Tensor:
        before, self.before = self.before, None
        return self.net() if before is None else before


@contextlib.contextmanager
def temperature_of_before(record: Record, state: cql.State) -> Iterator[None]:
    state.temperature = HeldBack(state.temperature.net, state.temperature.schedule)
    yield


BEFORE = "the temperature of before its step in the policy's loss"
CASES = [
    Case(
        "cql_recipe",
        cql,
        recipe,
        laid_out(LAYOUT),
        draws,
        reported,
        changed="in one of two records the temperature steps before it is used",
    ),
    Case(
        "cql_recipe_as_published",
        cql,
        recipe,
        laid_out(LAYOUT),
        draws,
        reported,
        undone=BEFORE,
        undo=temperature_of_before,
    ),
    Case(
        "cal_ql",
        cal_ql,
        calibrated,
        laid_out(LAYOUT),
        draws,
        reported_by_cal_ql,
        columns=("returns",),
        undone=BEFORE,
        undo=temperature_of_before,
    ),
]
