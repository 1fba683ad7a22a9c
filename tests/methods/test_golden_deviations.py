"""How much the small documented deviations change, seen on the recorded runs.

In each, a program as it is published differs from ours (docs/deviations.md), and the record is of
a program that was changed, or of settings that were. Here ours does as the published program.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from helpers.golden import cql as golden_cql
from helpers.golden import ppo, sac
from helpers.golden.case import replay
from helpers.golden.record import Record
from torch import Tensor

from baselines import cql
from bench.learning.squashed_gaussian import SquashedGaussianPolicy

BY_FILE = {case.file: case for case in [*golden_cql.CASES, *sac.CASES]}
Undo = Callable[[Record, Any], contextlib.AbstractContextManager[Any]]


def after_all(file: str, undo: Undo) -> float:
    """How far all parameters are from the record after the last update, changed by `undo`."""
    return list(replay(replace(BY_FILE[file], undo=undo)).parameters.values())[-1]


@contextlib.contextmanager
def with_1e_6_in_the_logarithm(record: Record, state: Any) -> Iterator[None]:
    def log_slope(raw: Tensor) -> Tensor:
        return (1 - torch.tanh(raw).square() + 1e-6).log()

    with patch.object(sys.modules[SquashedGaussianPolicy.__module__], "log_slope", log_slope):
        yield


@pytest.mark.parametrize(("file", "least"), [("sac", 1e-4), ("cql_lagrange", 1e-8)])
def test_what_is_added_in_log_1_minus_a_squared_is_seen(file: str, least: float) -> None:
    assert least < after_all(file, with_1e_6_in_the_logarithm) < 1e-2


@contextlib.contextmanager
def policys_gradient_through_new_critics(record: Record, state: cql.State) -> Iterator[None]:
    """The order of torch 0.4.1: the policy's loss is of the critics as they were, but its backward
    pass multiplies with their weights of after the step, which it finds in the same memory."""
    step_of_critic, step_of_policy = state.critic.descend, state.policy.descend
    held: list[Tensor] = []

    def policy_step(loss: Tensor, max_norm: float | None = None) -> None:
        held.append(loss)

    def critic_step(loss: Tensor, max_norm: float | None = None) -> None:
        step_of_critic(loss, max_norm)
        step_of_policy(held.pop(), max_norm)

    state.policy.descend, state.critic.descend = policy_step, critic_step  # type: ignore[method-assign]
    yield


def test_the_order_of_cqls_old_torch_changes_little() -> None:
    assert 1e-7 < after_all("cql_lagrange", policys_gradient_through_new_critics) < 1e-5


def test_one_more_update_of_imitation_is_seen() -> None:
    """The program counts an update before it compares, so that it imitates in one less."""

    def one_more(s: dict[str, Any]) -> cql.Config:
        return replace(golden_cql.config(s), warm_start=s["policy_eval_start"])

    longer = replace(BY_FILE["cql"], config=one_more)
    differences = replay(longer).parameters
    assert differences[5] < 1e-10  # both imitate until here
    assert differences[20] > 1e-5


class HalvedValueLoss(ppo.Outcome):
    """With cleanrl's vf_coef of 0.5."""

    def _watch(self) -> None:
        descend = self.state.value.descend

        def halved(loss: Tensor, max_norm: float | None = None) -> None:
            descend(0.5 * loss, max_norm)

        self.state.value.descend = halved  # type: ignore[method-assign]
        super()._watch()


def test_the_weight_of_ppos_value_loss_is_hardly_felt() -> None:
    """Neither Adam nor a gradient that is clipped anyway feels a factor, but for their epsilons."""
    assert 1e-9 < max(HalvedValueLoss().parameters.values()) < 1e-6
