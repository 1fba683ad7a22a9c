"""What two critics say of an action, seen or not, and how often each was asked about it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.report.interactive.scene import Axis, Control, Look, Mark, Panel, Position, Scene
from bench.report.table import number
from iql.ideas import line
from iql.sliders import fitted
from iql.sliders.words import apart

LOOKS: dict[str, Look] = {"maximum": "rival", "iql": "iql"}
START = 0.8


def measure() -> dict[str, Any]:
    """Return the last Q of each backup by action, and how often each action was queried."""
    places, best = line.best_q(np.array(fitted.ACTIONS))
    result: dict[str, Any] = {
        "actions": list(fitted.ACTIONS),
        "best_q": best[int(np.abs(places - fitted.PLACE).argmin())].tolist(),
    }
    for way in fitted.WAYS:
        found = fitted.iterate(way)
        result[way] = {
            "q": found.q[-1].mean(0).tolist(),
            "asked": found.asked.tolist(),
            "queries": int(found.outside[0]),
            "outside": int(found.outside[1]),
        }
    return result


def scene(result: dict[str, Any]) -> Scene:
    """Return the figure: the action that is queried."""
    actions = result["actions"]
    every = np.concatenate([result["best_q"], *(result[w]["q"] for w in fitted.WAYS)])
    shares = {w: (np.array(result[w]["asked"]) / result[w]["queries"]).tolist() for w in LOOKS}
    top = 105 * max(max(share) for share in shares.values())
    seen = Mark("band", "data", (-line.SUPPORT, line.SUPPORT), label="actions in the data")
    labels = fitted.WAYS
    panels = (
        Panel(
            f"Q at position {fitted.PLACE:g}, mean over {len(line.SEEDS)} seeds",
            Axis("action", -1, 1),
            Axis("Q", float(every.min()) - 0.5, float(every.max()) + 0.5),
            (
                seen,
                Mark("line", "best", actions, result["best_q"], "best possible"),
                *(Mark("line", LOOKS[w], actions, result[w]["q"], labels[w]) for w in LOOKS),
            ),
        ),
        Panel(
            "Queries of the target during training",
            Axis("action", -1, 1),
            Axis("% of queries", 0, top),
            (
                seen,
                *(
                    Mark("line", LOOKS[w], actions, [100 * s for s in share], labels[w])
                    for w, share in shares.items()
                ),
            ),
        ),
    )
    positions = tuple(
        Position(
            (
                tuple(Mark("points", "here", [a], [result[w]["q"][k]]) for w in LOOKS),
                tuple(Mark("points", "here", [a], [100 * shares[w][k]]) for w in LOOKS),
            ),
            _sentences(result, k),
        )
        for k, a in enumerate(actions)
    )
    values = tuple(number(a, 2) for a in actions)
    return Scene(
        "Asking about an unseen action",
        "What does a critic answer when no data ever corrected it?",
        "The critics are those of the figure above after the last iteration. While they were "
        "trained, every action was counted for which a target asked them.",
        (Control("Action", values, actions.index(START)),),
        panels,
        positions,
    )


def _sentences(result: dict[str, Any], k: int) -> tuple[str, ...]:
    action, best = result["actions"][k], result["best_q"][k]
    inside = abs(action) <= line.SUPPORT
    where = "is among the data’s actions" if inside else (
        f"is {abs(action) - line.SUPPORT:.2f} beyond the data’s actions"
    )  # fmt: skip
    theirs, ours = result["maximum"], result["iql"]
    shares = [100 * w["outside"] / w["queries"] for w in (theirs, ours)]
    return (
        f"Action {number(action, 2)} {where}. Its best possible Q is {number(best)}. The maximum "
        f"over all actions learned {number(theirs['q'][k])}, {apart(theirs['q'][k], best, 1)} "
        f"that; IQL learned {number(ours['q'][k])}, {apart(ours['q'][k], best, 1)} it.",
        f"The targets of the maximum asked about this action or its neighbourhood "
        f"{theirs['asked'][k]:,} times, IQL’s {ours['asked'][k]:,} times. In all, {shares[0]:.0f}% "
        f"of the maximum’s {theirs['queries']:,} queries and {shares[1]:.0f}% of IQL’s "
        f"{ours['queries']:,} lay outside the data’s actions.",
    )
