"""Q outside the data, Bellman iteration by Bellman iteration, with two backups."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.report.interactive.scene import Axis, Control, Kind, Look, Mark, Panel, Position, Scene
from bench.report.table import number
from iql.ideas import line
from iql.sliders import fitted
from iql.sliders.words import apart, span

LOOKS: dict[str, Look] = {"maximum": "rival", "iql": "iql"}


def measure() -> dict[str, Any]:
    """Return Q and the mean value after every iteration of each backup, and the best possible."""
    actions = np.array(fitted.ACTIONS)
    places, best = line.best_q(np.linspace(-1, 1, 201))
    inside = np.abs(places) <= 1
    _, shown = line.best_q(actions)
    result: dict[str, Any] = {
        "actions": list(fitted.ACTIONS),
        "best_q": shown[int(np.abs(places - fitted.PLACE).argmin())].tolist(),
        "best": float(best[inside].max(1).mean()),
    }
    for way in fitted.WAYS:
        found = fitted.iterate(way)
        result[way] = {
            "q": [q.tolist() for q in found.q],
            "value": [value.tolist() for value in found.value],
        }
    return result


def scene(result: dict[str, Any]) -> Scene:
    """Return the figure: the number of iterations."""
    everything = [result["best_q"], *(result[w]["q"] for w in fitted.WAYS)]
    low, high = (f(np.concatenate([np.ravel(e) for e in everything])) for f in (np.min, np.max))
    values = np.concatenate([np.ravel(result[w]["value"]) for w in fitted.WAYS])
    iterations = len(result["iql"]["value"])
    steps = list(range(iterations))
    panels = (
        Panel(
            f"Q at position {fitted.PLACE:g}, a line per seed",
            Axis("action", -1, 1),
            Axis("Q", float(low) - 0.5, float(high) + 0.5),
            (
                Mark("band", "data", (-line.SUPPORT, line.SUPPORT), label="actions in the data"),
                Mark("line", "best", result["actions"], result["best_q"], "best possible"),
            ),
        ),
        Panel(
            "Mean value of the data’s positions",
            Axis("Bellman iterations", 0, iterations - 1),
            Axis("value", float(min(values.min(), 0)) - 0.5, float(values.max()) + 0.5),
            (Mark("line", "best", [0, iterations - 1], [result["best"]] * 2, "best possible"),),
        ),
    )
    positions = tuple(
        Position((_of_q(result, k), _of_value(result, k)), _sentences(result, k)) for k in steps
    )
    return Scene(
        "Q grows outside the data",
        "Why must the target not take a maximum over all actions?",
        f"A walk on a line; the data contain only actions between −{line.SUPPORT:g} and "
        f"{line.SUPPORT:g}, and larger ones are costly. Two backups are iterated from the same "
        f"{len(line.SEEDS)} fresh pairs of critics, on the same {fitted.ROWS} rows and with "
        f"{fitted.UPDATES} updates per network and iteration. One takes its targets from the "
        f"maximum of Q over all actions, the other, IQL’s, from an expectile (τ = "
        f"{fitted.EXPECTILE:g}) over the data’s actions.",
        (Control("Bellman iterations", tuple(map(str, steps)), iterations // 2),),
        panels,
        positions,
    )


def _of_q(result: dict[str, Any], k: int) -> tuple[Mark, ...]:
    return tuple(
        Mark("line", LOOKS[way], result["actions"], q, "" if seed else label)
        for way, label in fitted.WAYS.items()
        for seed, q in enumerate(result[way]["q"][k])
    )


def _of_value(result: dict[str, Any], k: int) -> tuple[Mark, ...]:
    kind: Kind = "line" if k else "points"
    steps = list(range(k + 1))
    return tuple(
        Mark(kind, LOOKS[way], steps, values, "" if seed else label)
        for way, label in fitted.WAYS.items()
        for seed, values in enumerate(zip(*result[way]["value"][: k + 1], strict=True))
    )


def _sentences(result: dict[str, Any], k: int) -> tuple[str, ...]:
    best = result["best"]
    seen = np.abs(result["actions"]) <= line.SUPPORT

    def mean(way: str) -> float:
        return float(np.mean(result[way]["value"][k]))

    def of(way: str, where: np.ndarray) -> str:
        q = np.array(result[way]["q"][k]).mean(0)
        return apart(float((q - np.array(result["best_q"]))[where].mean()), 0, 1)

    theirs, ours = mean("maximum"), mean("iql")
    after = "Before the first iteration" if k == 0 else f"After {k} iteration{'s' * (k > 1)}"
    return (
        f"{after}, the maximum over all actions values the data’s positions at {number(theirs)} "
        f"(seeds: {span(result['maximum']['value'][k])}), {apart(theirs, best, 1)} "
        f"the best possible {number(best)}. The expectile over the data’s actions values them at "
        f"{number(ours)} (seeds: {span(result['iql']['value'][k])}), {apart(ours, best, 1)} it.",
        f"At position {fitted.PLACE:g}, the first backup’s Q is on average {of('maximum', ~seen)} "
        f"the best possible Q outside the data’s actions and {of('maximum', seen)} it inside; the "
        f"second’s is {of('iql', ~seen)} it outside and {of('iql', seen)} it inside.",
    )
