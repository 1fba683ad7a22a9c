"""IQL's three losses at one error after another, with the gradients that autograd finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.report.interactive.scene import Axis, Control, Mark, Panel, Position, Scene
from bench.report.table import number
from iql import iql

EXPECTILES = (0.5, 0.7, 0.9, 0.99)
TEMPERATURE = iql.Config().temperature
ERRORS = tuple(k / 10 for k in range(-20, 21))
START = 0.5
REACH = 0.6  # half the length of a drawn tangent

Loss = Callable[[Tensor], Tensor]  # (1,) -> (1,)


def slope(loss: Loss, at: float) -> tuple[float, float]:
    """Return a loss and its derivative at a number."""
    x = torch.tensor([at], dtype=torch.float64, requires_grad=True)
    found = loss(x)
    found.sum().backward()
    assert x.grad is not None
    return float(found.detach()), float(x.grad)


def measure() -> dict[str, Any]:
    """Return each loss and its gradient at every error.

    The value loss and its derivative in V, where Q - V is the error; the policy loss's derivative
    in log pi, where the advantage is the error; the critic loss and its derivative in Q, where Q
    minus its target is the error.
    """

    def value(u: float, expectile: float) -> tuple[float, float]:
        return slope(lambda v: iql.expectile_loss(-v[None], expectile), -u)

    def policy(u: float) -> tuple[float, float]:
        advantage = torch.tensor([[u]], dtype=torch.float64)
        return slope(lambda p: iql.policy_loss(advantage, p[None], TEMPERATURE), 0.0)

    def critic(u: float) -> tuple[float, float]:
        return slope(lambda q: iql.critic_loss(q[None, None], torch.zeros_like(q[None])), u)

    return {
        "errors": list(ERRORS),
        "expectiles": list(EXPECTILES),
        "value": [[value(u, t) for u in ERRORS] for t in EXPECTILES],
        "policy": [policy(u) for u in ERRORS],
        "critic": [critic(u) for u in ERRORS],
    }


def scene(result: dict[str, Any]) -> Scene:
    """Return the figure: an error, and the expectile."""
    errors = result["errors"]
    weights = [-gradient for _, gradient in result["policy"]]
    squares = [loss for loss, _ in result["critic"]]
    high = max(loss for curve in result["value"] for loss, _ in curve)
    panels = (
        Panel("Value loss", Axis("u = Q − V", errors[0], errors[-1]), Axis("loss", 0, high)),
        Panel(
            f"Policy loss, temperature {TEMPERATURE:g}",
            Axis("advantage A = Q − V", errors[0], errors[-1]),
            Axis("weight of log π(a|s)", 0, 1.1 * max(weights)),
            (Mark("line", "iql", errors, weights, "weight: minus the gradient in log π"),),
        ),
        Panel(
            "Critic loss",
            Axis("Q − (r + γ V(s′))", errors[0], errors[-1]),
            Axis("loss", 0, max(squares)),
            (Mark("line", "iql", errors, squares, "loss"),),
        ),
    )
    positions = tuple(
        Position(_marks(result, row, place), _sentences(result, row, place))
        for row in range(len(result["expectiles"]))
        for place in range(len(errors))
    )
    controls = (
        Control("Expectile τ", tuple(f"{t:g}" for t in result["expectiles"]), 2),
        Control("Error u", tuple(number(u) for u in errors), errors.index(START)),
    )
    return Scene(
        "Three losses and their gradients",
        "What does one transition do to V, to the policy and to Q?",
        "The same error is put into each of the three losses of iql/iql.py, and automatic "
        "differentiation gives the gradient. A tangent shows its slope.",
        controls,
        panels,
        positions,
    )


def _marks(result: dict[str, Any], row: int, place: int) -> tuple[tuple[Mark, ...], ...]:
    errors, u = result["errors"], result["errors"][place]
    losses = [loss for loss, _ in result["value"][row]]
    value, in_v = result["value"][row][place]
    square, in_q = result["critic"][place]
    weight = -result["policy"][place][1]

    def tangent(height: float, gradient: float) -> Mark:
        x = np.array([u - REACH, u + REACH])
        return Mark("line", "here", x.tolist(), (height + gradient * (x - u)).tolist(), "tangent")

    def here(height: float) -> Mark:
        return Mark("points", "here", [u], [height])

    return (
        # The horizontal axis is Q - V, so the slope there is minus the gradient in V.
        (Mark("line", "iql", errors, losses, "loss"), tangent(value, -in_v), here(value)),
        (here(weight),),
        (tangent(square, in_q), here(square)),
    )


def _sentences(result: dict[str, Any], row: int, place: int) -> tuple[str, ...]:
    u, t = result["errors"][place], result["expectiles"][row]
    value, in_v = result["value"][row][place]
    opposite = abs(result["value"][row][-1 - place][1])
    weight = -result["policy"][place][1]
    square, in_q = result["critic"][place]
    moves = "raises V" if in_v < 0 else "lowers V" if in_v > 0 else "leaves V where it is"
    first = (
        f"At u = {number(u)} and τ = {t:g}, the value loss is {value:.3f} and its gradient in V is "
        f"{number(in_v, 3)}: a step {moves}."
    )
    if u and opposite:
        ratio = f"{abs(in_v) / opposite:.2f}"
        strength = "just as" if ratio == "1.00" else f"{ratio} times as"
        first += f" It pulls {strength} strongly as an error of the same size on the other side."
    capped = weight >= iql.MAX_WEIGHT * (1 - 1e-9)
    second = (
        f"The policy loss gives the transition’s action weight {weight:.3g}, where an average "
        "action (A = 0) has weight 1"
        + (f"; exp({TEMPERATURE:g} A) is capped at {iql.MAX_WEIGHT:g} here." if capped else ".")
    )
    step = "lowers Q" if in_q > 0 else "raises Q" if in_q < 0 else "leaves Q where it is"
    third = (
        f"With the same error against its target, Q has loss {square:.2f} and gradient "
        f"{number(in_q, 1)}: a step {step}."
    )
    return first, second, third
