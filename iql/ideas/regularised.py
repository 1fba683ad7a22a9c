"""Weights exp(temperature A) as the solution of a KL-regularised problem, which DPO shares.

Maximising E_policy[A] - KL(policy | behaviour) / temperature has the solution
behaviour(a) exp(temperature A(a)) / Z [Peters et al. 2010; Peng et al. 2019, arXiv:1910.00177].
IQL's policy loss fits it by weighted regression on the data; DPO (Rafailov et al. 2023,
arXiv:2305.18290) fits it from preferences between actions that follow Bradley and Terry's model.
Here each of the three problems is minimised by itself at one state.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from torch import Tensor

from bench.report.figures.style import INK, STYLE, panels, save
from iql.iql import MAX_WEIGHT, policy_loss

TITLE = "One policy from three objectives"
ROWS = (40, 25, 60, 10, 30, 15, 5, 55)  # of the data with each action
TEMPERATURES = (0.5, 1.0, 3.0)
SHOWN = 3.0
SEED = 3

Objective = Callable[[Tensor], Tensor]  # log-probabilities (actions,) -> loss ()


def solve(objective: Objective, actions: int) -> np.ndarray:
    """Return the policy (actions,) that minimises `objective`, found from the uniform policy."""
    logits = torch.zeros(actions, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = objective(logits.log_softmax(0))
        loss.backward()
        return loss

    for _ in range(5):
        optimiser.step(closure)
    found: np.ndarray = logits.detach().softmax(0).numpy()
    return found


def regularised(advantage: Tensor, behaviour: Tensor, temperature: float) -> Objective:
    """Return -E_policy[A] + KL(policy | behaviour) / temperature."""

    def loss(log_policy: Tensor) -> Tensor:
        ratio = log_policy - behaviour.log()
        return (log_policy.exp() * (ratio / temperature - advantage)).sum()

    return loss


def regression(advantage: Tensor, rows: Tensor, temperature: float) -> Objective:
    """Return IQL's policy loss (iql/iql.py) on one batch of all rows of the data."""
    return lambda log_policy: policy_loss(
        advantage[rows][None], log_policy[rows][None], temperature
    ).sum()


def preference(advantage: Tensor, behaviour: Tensor, temperature: float) -> Objective:
    """Return DPO's expected loss, with pairs from the behaviour and preferences by A."""
    pairs = behaviour[:, None] * behaviour
    preferred = (advantage[:, None] - advantage).sigmoid()

    def loss(log_policy: Tensor) -> Tensor:
        reward = (log_policy - behaviour.log()) / temperature
        margin = reward[:, None] - reward
        return -(pairs * preferred * torch.nn.functional.logsigmoid(margin)).sum() * 2

    return loss


def measure() -> dict[str, Any]:
    """Return the three minimisers and the formula by temperature, and their largest distance."""
    rows = torch.repeat_interleave(torch.arange(len(ROWS)), torch.tensor(ROWS))
    behaviour = torch.tensor(ROWS, dtype=torch.float64) / sum(ROWS)
    q = torch.from_numpy(np.random.default_rng(SEED).uniform(0, 1, len(ROWS)))
    advantage = q - (behaviour * q).sum()
    if float((max(TEMPERATURES) * advantage).exp().max()) > MAX_WEIGHT:
        raise AssertionError("IQL's bound on the weights would bind")
    policies = []
    for temperature in TEMPERATURES:
        weights = behaviour * (temperature * advantage).exp()
        found = {
            "formula": (weights / weights.sum()).numpy(),
            "regularised": solve(regularised(advantage, behaviour, temperature), len(ROWS)),
            "regression": solve(regression(advantage, rows, temperature), len(ROWS)),
            "preference": solve(preference(advantage, behaviour, temperature), len(ROWS)),
        }
        policies.append({name: policy.tolist() for name, policy in found.items()})
    apart = [_distance(p["formula"], p[name]) for p in policies for name in p]
    return {
        "behaviour": behaviour.tolist(),
        "advantage": advantage.tolist(),
        "temperatures": list(TEMPERATURES),
        "policies": policies,
        "largest_distance": max(apart),
        "distance_from_behaviour": _distance(behaviour.tolist(), policies[-1]["formula"]),
    }


def _distance(one: list[float], two: list[float]) -> float:
    """Return the total variation distance of two policies."""
    return float(np.abs(np.array(one) - np.array(two)).sum() / 2)


def draw(result: dict[str, Any], stem: Path) -> None:
    """Draw behaviour and the three policies, and log policy / behaviour against the advantage."""
    policy = result["policies"][result["temperatures"].index(SHOWN)]
    with mpl.rc_context(STYLE):
        figure, (left, right) = panels(2, 2.0, 2)
        places = np.arange(len(result["behaviour"]))
        left.bar(places, result["behaviour"], color="0.85", label="behaviour")
        names = {"regularised": "KL-regularised", "regression": "IQL's loss", "preference": "DPO"}
        for (name, label), mark in zip(names.items(), ("o", "x", "+"), strict=True):
            left.plot(places, policy[name], mark, label=label, markerfacecolor="none")
            ratio = np.log(np.array(policy[name]) / np.array(result["behaviour"]))
            right.plot(result["advantage"], ratio, mark, markerfacecolor="none")
        ends = np.array([min(result["advantage"]), max(result["advantage"])])
        formula = np.array(policy["formula"]) / np.array(result["behaviour"])
        shift = np.log(formula[0]) - SHOWN * result["advantage"][0]
        right.plot(ends, SHOWN * ends + shift, color=INK, linewidth=0.8)
        left.set(title=f"probability of each action, temperature {SHOWN:g}", xlabel="action")
        left.set_xticks(places)
        right.set(title="log policy / behaviour (line: slope = temperature)", xlabel="advantage")
        left.legend(fontsize=6)
        save(figure, stem)


def sentences(result: dict[str, Any]) -> list[str]:
    """Return what the figure shows, with the numbers behind it."""
    temperatures = ", ".join(f"{t:g}" for t in result["temperatures"])
    return [
        f"At a state with {len(ROWS)} actions in the data, we minimise three objectives "
        "separately: the advantage with a KL penalty towards the behaviour policy, IQL's "
        "advantage-weighted regression, and DPO's loss on preferences between actions that follow "
        f"the advantage. At temperatures {temperatures}, all three give the policy that is "
        "proportional to the behaviour times exp(temperature × advantage): their total variation "
        f"distance from it is at most {result['largest_distance']:.0e}, where the behaviour itself "
        f"is {result['distance_from_behaviour']:.2f} away at temperature "
        f"{result['temperatures'][-1]:g}.",
        "The kinship ends there: DPO learns from preferences and IQL from rewards, and IQL bounds "
        f"the weights at {MAX_WEIGHT:g}, which does not bind here.",
    ]
