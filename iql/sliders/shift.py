"""How far the temperature moves the policy from the data, with the same advantages throughout."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bench.learning.learner import Learner, constant
from bench.learning.networks import GaussianPolicy
from bench.learning.streams import Streams
from bench.report.interactive.scene import Axis, Control, Mark, Panel, Position, Scene
from bench.report.table import number
from iql.ideas import line
from iql.ideas.shift import roll_out
from iql.iql import MAX_WEIGHT, policy_loss
from iql.sliders import fitted
from iql.sliders.words import apart, span

TEMPERATURES = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0)
START = 3.0
UPDATES, RATE = 400, 3e-3
SHOWN = 300  # rows of the data that are drawn


def measure() -> dict[str, Any]:
    """Return for each temperature the policies' actions, rewards per step and weights.

    The advantages are those of IQL's backup after its last iteration.
    """
    found = fitted.iterate("iql")
    data, advantage = found.rows, found.advantage
    count, seeds = len(TEMPERATURES), len(line.SEEDS)
    policy = Learner(
        GaussianPolicy([1, *line.HIDDEN, 1], Streams(line.SEEDS * count, "sliders")),
        constant(RATE),
    )

    def of_all(x: torch.Tensor) -> torch.Tensor:
        return x.repeat(count, *[1] * (x.dim() - 1))

    # exp(temperature A) is all that the loss makes of the two, so A is scaled beforehand.
    scaled = of_all(advantage) * torch.tensor(TEMPERATURES).repeat_interleave(seeds)[:, None]
    places, actions = of_all(data.places), of_all(data.actions)
    for _ in range(UPDATES):
        policy.descend(policy_loss(scaled, policy.net.log_prob(places, actions), 1.0))
    grid = torch.linspace(-1, 1, 41)
    with torch.no_grad():
        moved = policy(grid[None, :, None].expand(count * seeds, -1, 1))[..., 0]
    rolled = roll_out(policy, count * seeds)
    weights = scaled.exp().clamp(max=MAX_WEIGHT).numpy().reshape(count, seeds, -1)

    def by_temperature(flat: Any) -> list[Any]:
        rows: list[Any] = np.asarray(flat).reshape(count, seeds, *np.shape(flat)[1:]).tolist()
        return rows

    return {
        "temperatures": list(TEMPERATURES),
        "places": data.places[0, :SHOWN, 0].tolist(),
        "actions": data.actions[0, :SHOWN, 0].tolist(),
        "grid": grid.tolist(),
        "policies": by_temperature(moved),
        "reward": by_temperature(rolled["reward"]),
        "outside": by_temperature(rolled["outside"]),
        "effective": (weights.sum(2) ** 2 / (weights**2).sum(2) / weights.shape[2]).tolist(),
        "capped": (weights >= MAX_WEIGHT * (1 - 1e-6)).mean(2).tolist(),
        "data_reward": float(data.rewards[0].mean()),
    }


def scene(result: dict[str, Any]) -> Scene:
    """Return the figure: the temperature."""
    values = tuple(f"{t:g}" for t in result["temperatures"])
    numbers = list(range(len(values)))
    rewards = np.array(result["reward"])
    low = min(float(rewards.min()), result["data_reward"])
    panels = (
        Panel(
            "Actions by position",
            Axis("position (the reward is highest at 0)", -1, 1),
            Axis("action", -0.42, 0.42),
            (Mark("points", "data", result["places"], result["actions"], "data"),),
        ),
        Panel(
            "Reward per step of the policy",
            Axis("temperature", 0, numbers[-1], values),
            Axis("reward", low - 0.05, float(rewards.max()) + 0.05),
            (
                Mark("line", "iql", numbers, rewards.mean(1).tolist(), "policy, mean of seeds"),
                Mark("line", "mean", [0, numbers[-1]], [result["data_reward"]] * 2, "data"),
            ),
        ),
    )
    positions = tuple(
        Position(
            (
                tuple(
                    Mark("line", "iql", result["grid"], curve, "" if seed else "policy, by seed")
                    for seed, curve in enumerate(result["policies"][k])
                ),
                (Mark("points", "here", [k] * len(line.SEEDS), result["reward"][k], "seeds"),),
            ),
            _sentences(result, k),
        )
        for k in numbers
    )
    return Scene(
        "From imitation to the best of the data",
        "How far does the policy leave the behaviour, and does that pay?",
        "The walk on a line again. V and Q are IQL’s after the last iteration and stay the same; "
        "policies that differ in the temperature alone are fitted to the data’s actions with "
        "IQL’s policy loss.",
        (Control("Temperature", values, result["temperatures"].index(START)),),
        panels,
        positions,
    )


def _sentences(result: dict[str, Any], k: int) -> tuple[str, ...]:
    policies, grid = np.array(result["policies"][k]), np.array(result["grid"])
    towards = float((-np.sign(grid) * policies).mean())  # positive: towards the middle
    rewards, base = result["reward"][k], result["data_reward"]
    mean = float(np.mean(rewards))
    direction = "towards the middle" if towards > 0 else "away from the middle"
    temperature = f"{result['temperatures'][k]:g}"
    return (
        f"At temperature {temperature}, the policy’s action is on average {abs(towards):.2f} "
        f"{direction}; the data’s largest is {line.SUPPORT:.2f}. It earns {number(mean, 2)} per "
        f"step (seeds: {span(rewards, 2)}), {apart(mean, base)} the data’s {number(base, 2)}, and "
        f"takes {np.mean(result['outside'][k]):.0%} of its actions outside the data’s range.",
        f"The weighted data are worth {np.mean(result['effective'][k]):.0%} of the rows (effective "
        f"sample size); {np.mean(result['capped'][k]):.0%} of the weights are capped at "
        f"{MAX_WEIGHT:g}.",
    )
