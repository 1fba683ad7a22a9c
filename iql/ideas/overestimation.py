"""The effect on Q of bootstrapping from unseen actions (the paper's sections 1 and 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch

from bench.report.figures.method_styles import look
from bench.report.figures.style import INK, STYLE, panels, save
from iql.ideas import line

TITLE = "Overestimation: a maximum over actions absent from the data"
PLACE = 0.6  # position at which Q is drawn against the action
WAYS = {"q_learning": "maximum over all actions", "iql": "IQL"}


def measure() -> dict[str, Any]:
    """Return values during training and the final Q over the action, with the best possible."""
    grid = np.linspace(-1, 1, 101)
    places, best = line.best_q(grid)
    inside = np.abs(places) <= 1
    seen = np.abs(grid) <= line.SUPPORT
    _, best_seen = line.best_q(grid[seen])
    row = int(np.abs(places - PLACE).argmin())
    result: dict[str, Any] = {
        "actions": grid.tolist(),
        "best_q": best[row].tolist(),
        "best": float(best[inside].max(1).mean()),
        "best_seen": float(best_seen[inside].max(1).mean()),
    }
    seeds = len(line.SEEDS)
    actions = torch.from_numpy(grid).float()[None, :, None].expand(seeds, -1, 1)
    here = torch.full_like(actions, float(places[row]))
    for way, train in (("q_learning", line.train_q_learning), ("iql", line.train_iql)):
        trained = train()
        with torch.no_grad():
            q = trained.q(here, actions)
        result[way] = {"steps": trained.steps, "values": trained.values, "q": q.tolist()}
    return result


def draw(result: dict[str, Any], stem: Path) -> None:
    """Draw the mean value during training (left) and Q over the action at one position (right)."""
    with mpl.rc_context(STYLE):
        figure, (left, right) = panels(2, 2.1, 2)
        for way, label in WAYS.items():
            color = look("iql" if way == "iql" else "cql").color
            values, q = np.array(result[way]["values"]), np.array(result[way]["q"])
            left.plot(result[way]["steps"], values, color=color, linewidth=0.7, alpha=0.7)
            left.plot([], [], color=color, label=label)
            right.plot(result["actions"], q.T, color=color, linewidth=0.7, alpha=0.7)
        left.axhline(result["best"], color=INK, linewidth=0.9, label="best possible")
        left.set(title="value at positions of the data, per seed", xlabel="updates")
        right.plot(result["actions"], result["best_q"], color=INK, linewidth=0.9)
        right.axvspan(-line.SUPPORT, line.SUPPORT, color="0.93", zorder=0)
        right.set(title=f"Q at {PLACE} by action (shaded: in the data)", xlabel="action")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        save(figure, stem)


def sentences(result: dict[str, Any]) -> list[str]:
    """Return what the figure shows, with the numbers behind it."""
    q_end, iql_end = (np.array(result[w]["values"])[-1] for w in ("q_learning", "iql"))
    return [
        "The toy problem is a walk on a line whose data contain only small steps; larger steps "
        f"are costly ({len(line.SEEDS)} seeds, {line.UPDATES:,} updates). The optimal mean value "
        f"at positions of the data is {result['best']:.2f}, or {result['best_seen']:.2f} with the "
        "data's actions alone. Bootstrapping from the maximum over all actions of the smaller of "
        f"two target critics estimates {q_end.mean():.2f} (seeds: {q_end.min():.2f} to "
        f"{q_end.max():.2f}). IQL, which never queries an action outside the data, estimates "
        f"{iql_end.mean():.2f} (seeds: {iql_end.min():.2f} to {iql_end.max():.2f}).",
        "Outside the shaded range no data correct the critic, and the maximum picks its largest "
        "error.",
    ]
