"""The optimiser over a stack of seeds against torch's own over each seed alone."""

from __future__ import annotations

import math

import pytest
import torch

from bench.learning.learner import Learner, Momentum, Target, constant, cosine, linear, warm_up
from bench.learning.networks import ValueNet
from bench.learning.streams import Streams

SEEDS = (0, 1, 2)


def make(seeds: tuple[int, ...] = SEEDS) -> Learner[ValueNet]:
    return Learner(ValueNet([3, 8], Streams(seeds, "initialisation")), constant(1e-2))


@pytest.mark.parametrize("max_norm", [None, 0.1])
def test_a_stack_is_independent_adams(max_norm: float | None) -> None:
    stack = make()
    alone = [
        [p.detach().select(-3, s).clone().requires_grad_() for p in stack.parameters]
        for s in range(3)
    ]
    optimisers = [torch.optim.Adam(parameters, lr=1e-2) for parameters in alone]
    for _ in range(5):
        x, y = torch.randn(3, 16, 3), torch.randn(3, 16)
        stack.descend((stack(x) - y).square().mean(-1), max_norm)
        for s, (parameters, optimiser) in enumerate(zip(alone, optimisers, strict=True)):
            w0, w1, b0, b1 = parameters
            out = ((x[s] @ w0 + b0).relu() @ w1 + b1).squeeze(-1)
            optimiser.zero_grad()
            (out - y[s]).square().mean().backward()
            if max_norm is not None:
                torch.nn.utils.clip_grad_norm_(parameters, max_norm)
            optimiser.step()
    for s, parameters in enumerate(alone):
        for ours, theirs in zip(stack.parameters, parameters, strict=True):
            torch.testing.assert_close(
                ours.detach().select(-3, s), theirs.detach(), atol=1e-6, rtol=0
            )


def test_a_stack_is_independent_descents_with_momentum() -> None:
    rate = linear(0.05, 20)
    stack = Momentum(ValueNet([3, 8], Streams(SEEDS, "initialisation")), rate)
    alone = [
        [p.detach().select(-3, s).clone().requires_grad_() for p in stack.parameters]
        for s in range(3)
    ]
    optimisers = [torch.optim.SGD(parameters, lr=1.0, momentum=0.9) for parameters in alone]
    for t in range(10):
        x, y = torch.randn(3, 16, 3), torch.randn(3, 16)
        stack.descend((stack(x) - y).square().mean(-1))
        for s, (parameters, optimiser) in enumerate(zip(alone, optimisers, strict=True)):
            w0, w1, b0, b1 = parameters
            out = ((x[s] @ w0 + b0).relu() @ w1 + b1).squeeze(-1)
            optimiser.param_groups[0]["lr"] = rate(t)
            optimiser.zero_grad()
            (out - y[s]).square().mean().backward()
            optimiser.step()
    assert stack.updates == 10
    for s, parameters in enumerate(alone):
        for ours, theirs in zip(stack.parameters, parameters, strict=True):
            torch.testing.assert_close(
                ours.detach().select(-3, s), theirs.detach(), atol=1e-6, rtol=0
            )


def test_parameters_are_views_of_the_flat_tensor() -> None:
    learner = make()
    learner.flat.fill_(3.0)
    assert all((p == 3).all() for p in learner.parameters)
    assert sum(p.numel() for p in learner.parameters) == learner.flat.numel()


def test_target_follows_and_starts_equal() -> None:
    learner = make()
    target = Target(learner)
    before = target.flat.clone()
    assert torch.equal(before, learner.flat)
    learner.flat.add_(1.0)
    target.track(learner, 0.25)
    torch.testing.assert_close(target.flat, before + 0.25)
    x = torch.randn(3, 2, 3)
    assert not target(x).requires_grad


def test_schedules() -> None:
    assert constant(0.1)(10**6) == 0.1
    rate = cosine(0.2, 100)
    assert [rate(0), rate(50), rate(100), rate(150)] == pytest.approx([0.2, 0.1, 0.0, 0.0])
    assert rate(25) == pytest.approx(0.1 * (1 + math.cos(math.pi / 4)))
    assert [linear(0.4, 10)(t) for t in (0, 5, 10, 11)] == pytest.approx([0.4, 0.2, 0.0, 0.0])
    assert [warm_up(0.4, 4)(t) for t in (0, 1, 3, 4, 99)] == pytest.approx([0.1, 0.2, *[0.4] * 3])
    assert warm_up(0.4, 0)(0) == 0.4


def test_decoupled_decay_shrinks_whatever_the_gradient() -> None:
    net = ValueNet([3, 8], Streams(SEEDS, "initialisation"))
    learner = Learner(net, warm_up(0.1, 2), decoupled_decay=0.5)
    before = learner.flat.clone()
    for _ in range(3):
        learner.descend(0 * learner(torch.ones(3, 4, 3)).mean(-1))
    torch.testing.assert_close(learner.flat, before * (1 - 0.025) * (1 - 0.05) ** 2)


def test_restored_learner_continues_bit_equal() -> None:
    data = [(torch.randn(3, 8, 3), torch.randn(3, 8)) for _ in range(6)]

    def fit(learner: Learner[ValueNet], part: slice) -> None:
        for x, y in data[part]:
            learner.descend((learner(x) - y).square().mean(-1))

    whole, resumed = make(), make()
    fit(whole, slice(0, 3))
    saved = {k: v.clone() for k, v in whole.tensors().items()}
    fit(whole, slice(3, 6))
    resumed.restore(saved)
    fit(resumed, slice(3, 6))
    assert torch.equal(whole.flat, resumed.flat)
