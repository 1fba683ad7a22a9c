"""Where policies learned from fixed data go (the paper's section 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch

from bench.report.figures.method_styles import look
from bench.report.figures.style import GREY, STYLE, panels, save
from iql.ideas import line
from iql.ideas.overestimation import WAYS

TITLE = "Distributional shift: where the learned policy acts"
EPISODES, LENGTH = 100, 40


def roll_out(policy: line.Policy, policies: int = len(line.SEEDS)) -> dict[str, Any]:
    """Roll out from random positions of the data; return the actions and the reward per step.

    `policies` is the number of policies that `policy` holds, in its leading axis.
    """
    rng = np.random.default_rng(7)
    places = rng.uniform(-1, 1, (policies, EPISODES))
    actions, earned = [], []
    for _ in range(LENGTH):
        with torch.no_grad():
            chosen = policy(torch.from_numpy(places).float()[..., None])[..., 0].numpy()
        actions.append(chosen)
        places, rewards = line.step(places, chosen)
        earned.append(rewards)
    done = np.stack(actions)  # (steps, S, episodes)
    return {
        "actions": done[:, 0, :20].ravel().tolist(),
        "outside": (np.abs(done) > line.SUPPORT).mean((0, 2)).tolist(),
        "reward": np.stack(earned).mean((0, 2)).tolist(),
    }


def measure() -> dict[str, Any]:
    """Return the actions in the data and of each policy, and the mean reward per step."""
    rows = line.data()
    found: dict[str, Any] = {"data": rows["a"][:2000, 0].tolist()}
    found["data_reward"] = float(rows["r"].mean())
    for way, train in (("q_learning", line.train_q_learning), ("iql", line.train_iql)):
        found[way] = roll_out(train().policy)
    return found


def draw(result: dict[str, Any], stem: Path) -> None:
    """Draw actions of data and policies (first seed), and each seed's share outside and reward."""
    bins = np.linspace(-1, 1, 41).tolist()
    with mpl.rc_context(STYLE):
        figure, (left, right) = panels(2, 2.1, 2)
        left.hist(result["data"], bins, density=True, color="0.85", label="data")
        for way, label in WAYS.items():
            color = look("iql" if way == "iql" else "cql").color
            left.hist(result[way]["actions"], bins, density=True, histtype="step", color=color,
                      label=label)  # fmt: skip
            right.plot(result[way]["outside"], result[way]["reward"], "o", color=color, alpha=0.7)
        right.axhline(result["data_reward"], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
        left.set(title="actions (density)", xlabel="action", yscale="log")
        right.set(title="reward per step (dashed: data)",
                  xlabel="share of actions outside the data's range")  # fmt: skip
        right.set_xlim(-0.04, 1.04)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        save(figure, stem)


def sentences(result: dict[str, Any]) -> list[str]:
    """Return what the figure shows, with the numbers behind it."""

    def tell(way: str) -> str:
        outside, reward = (np.mean(result[way][k]) for k in ("outside", "reward"))
        share = f"takes {outside:.0%} of its actions outside the data's range"
        return f"{share} and earns {reward:.2f} per step"

    return [
        "We roll out the policies of the experiment on overestimation from positions of the data. "
        "The one that is greedy in the Q learned with a maximum over all actions "
        f"{tell('q_learning')}; IQL's {tell('iql')}. The mean reward per step in the data is "
        f"{result['data_reward']:.2f}.",
    ]
