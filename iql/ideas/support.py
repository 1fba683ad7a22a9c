"""The best action in the data, not the best of all actions (the paper's section 4.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from bench.report.figures.style import INK, STYLE, panels, save
from iql.ideas.expectiles import exact

TITLE = "The maximum within the support of the data"
ACTIONS = 12
UNSEEN = (3, 7, 8)  # actions that the behaviour never takes
EXPECTILES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
NEAR_ONE = 1 - 1e-6
SEED = 3


def measure() -> dict[str, Any]:
    """Return V at one state whose actions have fixed values and a fixed behaviour."""
    rng = np.random.default_rng(SEED)
    q = np.sort(rng.uniform(0, 1, ACTIONS))[rng.permutation(ACTIONS)]
    q[UNSEEN[1]] = q.max() + 0.4  # the best action is unseen
    behaviour = rng.dirichlet(np.ones(ACTIONS))
    behaviour[list(UNSEEN)] = 0
    behaviour /= behaviour.sum()
    seen = behaviour > 0

    def v(expectile: float) -> float:
        return float(exact(q[seen], behaviour[seen], expectile))

    return {
        "q": q.tolist(),
        "behaviour": behaviour.tolist(),
        "expectiles": list(EXPECTILES),
        "v": [v(t) for t in EXPECTILES],
        "mean": float(behaviour @ q),
        "best_seen": float(q[seen].max()),
        "best": float(q.max()),
        "below_best_seen": float(q[seen].max()) - v(NEAR_ONE),
        "half_from_mean": abs(v(0.5) - float(behaviour @ q)),
    }


def draw(result: dict[str, Any], stem: Path) -> None:
    """Draw the actions, and V as the expectile rises."""
    q, behaviour = np.array(result["q"]), np.array(result["behaviour"])
    with mpl.rc_context(STYLE):
        figure, (left, right) = panels(2, 2.0, 2)
        seen = behaviour > 0
        places = np.arange(len(q))
        left.bar(places[seen], q[seen], color="C0", alpha=0.6)
        left.bar(places[~seen], q[~seen], color="white", edgecolor="0.5", linestyle="--")
        left.plot(places, behaviour, "o", color=INK)
        left.set(title="Q (bars), probability (dots); dashed: not in the data", xlabel="action")
        left.set_xticks(places)
        away = 1 - np.array(result["expectiles"])
        right.plot(away, result["v"], "o-", color="C0", label="V")
        for name, label, line in (
            ("best", "best of all actions", (0, (1, 1))),
            ("best_seen", "best in the data", "-"),
            ("mean", "mean over the data", (0, (4, 2))),
        ):
            right.axhline(result[name], color=INK, linewidth=0.8, linestyle=line, label=label)
        right.set(title="V against the expectile", xlabel="1 − τ", xscale="log")
        right.invert_xaxis()
        right.legend(loc="center left", bbox_to_anchor=(1, 0.5))
        save(figure, stem)


def sentences(result: dict[str, Any]) -> list[str]:
    """Return what the figure shows, with the numbers behind it."""
    below = result["best_seen"] - result["v"][-1]
    return [
        f"A state has {ACTIONS} actions, {len(UNSEEN)} of which are absent from the data. V rises "
        f"from the mean over the data ({result['mean']:.2f}) to within {below:.3f} of the best "
        f"action in the data ({result['best_seen']:.2f}) at τ = {result['expectiles'][-1]}, and to "
        f"within {result['below_best_seen']:.0e} at τ = 1 − 10⁻⁶. At τ = 0.5 it is the mean to "
        f"within {result['half_from_mean']:.0e}. The "
        f"best action overall ({result['best']:.2f}) is never queried, and V never exceeds the "
        "best action in the data.",
    ]
