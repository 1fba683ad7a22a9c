"""How rlkit's recorded AWAC updates are replayed, with relative and with absolute weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from torch import Tensor

from baselines import awac
from helpers.golden.case import Case
from helpers.golden.record import TWINS, Draw, Named, Record, laid_out


def config(s: dict[str, Any]) -> awac.Config:
    return awac.Config(
        beta=s["beta"],
        relative=s["normalize_over_batch"] is True,  # or "exp"
        discount=s["discount"],
        polyak=s["soft_target_tau"],
        learning_rate=s["qf_lr"],
        weight_decay=s["policy_weight_decay"],
        policy_hidden=tuple(s["policy_hidden"]),
        hidden=tuple(s["critic_hidden"]),
    )


def draws(record: Record, t: int) -> list[Draw]:
    return [("normal", record(f"draw/{name}")[t]) for name in ("next", "policy")]


def reported(record: Record, t: int) -> Named:
    # The program's relative weights sum to 1, ours to the size of the batch.
    factor = record.settings["batch"] if record.settings["normalize_over_batch"] is True else 1
    return {
        "critic_loss": record("loss/qf1_loss")[t] + record("loss/qf2_loss")[t],
        "largest_weight": factor * record("loss/largest_weight")[t],
    }


@contextlib.contextmanager
def loss_times_batch_size(record: Record, state: awac.State) -> Iterator[None]:
    own, size = awac.policy_loss, record.settings["batch"]

    def scaled(weights: Tensor, log_prob: Tensor) -> Tensor:
        return size * own(weights, log_prob)

    with patch.object(awac, "policy_loss", scaled):
        yield


LAYOUT: dict[str, Any] = {
    "policy.trunk": "policy",
    "policy.log_std": "policy/log_std_logits",
    **TWINS,
}
RELATIVE = Case("awac", awac, config, laid_out(LAYOUT), draws, reported, float32=1e-5)
ABSOLUTE = Case(
    "awac_exp",
    awac,
    config,
    laid_out(LAYOUT),
    draws,
    reported,
    undone="policy's loss times the batch size, felt through Adam's epsilon",
    undo=loss_times_batch_size,
    float32=1e-5,
)
CASES = [RELATIVE, ABSOLUTE]
