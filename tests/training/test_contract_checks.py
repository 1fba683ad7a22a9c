"""Each check of the contract finds the method that breaks it, and says so in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines import bc
from bench.training.contract import checks
from bench.training.contract.problem import Problem, reaching

DATA = reaching()
Update = Callable[..., dict[str, Tensor]]


def broken(**changes: Any) -> Problem:
    """Cloning, with some of its functions replaced."""
    module = ModuleType("broken")
    module.__dict__.update({**vars(bc), **changes, "__file__": __file__})
    return Problem(module, {}, DATA)


def updating(loss: Callable[[Tensor], Tensor], descend: bool = True) -> Problem:
    """Cloning, whose loss (S,) is changed before the step."""

    def update(state: Any, batch: Any, config: Any, streams: Any) -> dict[str, Tensor]:
        error = (state.policy(batch.observations) - batch.actions).square().mean((-2, -1))
        found = loss(error)
        if descend:
            state.policy.descend(found)
        return {"loss": found.detach()}

    return broken(update=update)


def alike(spec: Any, config: Any, streams: Any, updates: int) -> Any:
    state = bc.init(spec, config, streams, updates)
    with torch.no_grad():
        for value in state.policy.net.parameters():
            value.copy_(value[..., :1, :, :].expand_as(value))
    return state


def twice(state: Any, observations: Tensor, config: Any) -> Tensor:
    return 3 + bc.act(state, observations, config)


def first(state: Any, observations: Tensor, config: Any) -> Tensor:
    return bc.act(state, observations, config)[0]


def counting() -> Callable[[Tensor], Tensor]:
    """A loss that depends on how often it was called, which no checkpoint holds."""
    calls = [0]

    def loss(error: Tensor) -> Tensor:
        calls[0] += 1
        return error * calls[0] ** 0.5 + error.square() / calls[0]

    return loss


BROKEN: dict[str, tuple[checks.Check, Callable[[], Problem], str]] = {
    "a metric of the block": (
        checks.has_shapes,
        lambda: broken(update=lambda *a: {"loss": bc.update(*a)["actor_loss"].mean()}),
        "the metric loss has the shape () for 2 seeds",
    ),
    "no metric": (checks.has_shapes, lambda: broken(update=lambda *_: {}), "returns no metrics"),
    "a metric that is not finite": (
        checks.has_shapes, lambda: updating(lambda e: e / 0, descend=False), "is not finite",
    ),
    "actions of one seed": (checks.has_shapes, lambda: broken(act=first), "act returns (7, 2)"),
    "actions that are too large": (checks.has_shapes, lambda: broken(act=twice), "outside [-1, 1]"),
    "the same initial weights": (checks.seeds_differ, lambda: broken(init=alike), "begin with the"),
    "draws of its own": (
        checks.repeats,
        lambda: updating(lambda e: e * (1 + torch.rand_like(e))),
        "draw from streams alone",
    ),
    "a loss over the block": (
        checks.is_alone_as_in_a_block,
        lambda: updating(lambda e: e * e.detach().sum()),
        "seed 3 alone and in a block of five differ by",
    ),
    "a count outside the state": (
        checks.resumes, lambda: updating(counting()), "a resumed run ends with different",
    ),
    "no learning": (
        checks.improves, lambda: updating(lambda e: e, descend=False), "of the regret before",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_check_finds_what_breaks_it(case: str) -> None:
    check, make, said = BROKEN[case]
    found = check(make())
    assert found is not None
    assert said in found
    assert found[-1] == "."


def test_an_error_of_the_method_is_a_sentence_with_its_line() -> None:
    def update(state: Any, batch: Any, config: Any, streams: Any) -> dict[str, Tensor]:
        raise ValueError("no such\nshape")

    (name, said), *rest = checks.findings(broken(update=update))
    assert name == "shapes"
    assert said is not None
    assert said.startswith("test_contract_checks.py, line ")
    assert said.endswith("ValueError: no such shape.")
    assert rest == []
