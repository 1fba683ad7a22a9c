"""V and a fitted curve as the expectile moves from the mean towards the maximum."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bench.learning.networks import ValueNet
from bench.learning.streams import Streams
from bench.report.interactive.scene import Axis, Control, Mark, Panel, Position, Scene
from bench.report.table import number
from iql.ideas.expectiles import descend
from iql.iql import expectile_loss
from iql.sliders.words import apart

EXPECTILES = tuple(round(0.5 + 0.01 * k, 2) for k in range(50))
START = 0.9
SAMPLE, UPDATES, RATE = 400, 400, 3e-3
BINS = 30
SEED = 0


def measure() -> dict[str, Any]:
    """Return minimisers of IQL's value loss on a sample, and networks that fit y given x."""
    rng = np.random.default_rng(SEED)
    sample = rng.standard_normal(SAMPLE)
    x = rng.uniform(-1, 1, SAMPLE)
    y = np.sin(3 * x) + (0.15 + 0.35 * (x + 1) / 2) * rng.standard_normal(SAMPLE)
    grid = np.linspace(-1, 1, 41)
    curves, at_data = fits(x, y, grid)
    return {
        "expectiles": list(EXPECTILES),
        "sample": sample.tolist(),
        "v": [descend(sample, t) for t in EXPECTILES],
        "x": x.tolist(),
        "y": y.tolist(),
        "grid": grid.tolist(),
        "curves": curves.tolist(),
        "above": (at_data < y).mean(1).tolist(),
    }


def fits(x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what a network per expectile learns of y given x, at `grid` and at `x`.

    The networks differ in nothing else: all begin with the same weights.
    """
    count = len(EXPECTILES)
    net = ValueNet([1, 64, 64], Streams((SEED,) * count, "sliders"))
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    inputs = torch.from_numpy(x).float()[None, :, None].expand(count, -1, 1)
    target = torch.from_numpy(y).float()
    for _ in range(UPDATES):
        optimiser.zero_grad()
        away = target - net(inputs)
        rows = zip(away, EXPECTILES, strict=True)
        torch.stack([expectile_loss(row, t) for row, t in rows]).sum().backward()
        optimiser.step()
    with torch.no_grad():
        places = torch.from_numpy(grid).float()[None, :, None].expand(count, -1, 1)
        return net(places).numpy(), net(inputs).numpy()


def scene(result: dict[str, Any]) -> Scene:
    """Return the figure: the expectile."""
    sample, x, y = result["sample"], result["x"], result["y"]
    heights, edges = np.histogram(sample, BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    panels = (
        Panel(
            f"{len(sample)} draws from the standard normal distribution",
            Axis("x", min(sample) - 0.1, max(sample) + 0.1),
            Axis("draws", 0, 1.05 * int(heights.max())),
            (
                Mark("bars", "data", centres.tolist(), heights.tolist(), "draws"),
                _upright("mean", float(np.mean(sample)), heights.max(), "mean"),
                _upright("best", max(sample), heights.max(), "maximum"),
            ),
        ),
        Panel(
            "y given x, fitted by a network",
            Axis("x", -1, 1),
            Axis("y", min(y) - 0.1, max(y) + 0.1),
            (
                Mark("points", "data", x, y, "data"),
                Mark("line", "mean", result["grid"], result["curves"][0], "fit at τ = 0.5"),
            ),
        ),
    )
    positions = tuple(
        Position(
            (
                (_upright("iql", v, heights.max(), "V"),),
                (Mark("line", "iql", result["grid"], curve, f"fit at τ = {t:.2f}"),),
            ),
            _sentences(result, k),
        )
        for k, (t, v, curve) in enumerate(
            zip(result["expectiles"], result["v"], result["curves"], strict=True)
        )
    )
    values = tuple(f"{t:.2f}" for t in result["expectiles"])
    return Scene(
        "From the mean to the maximum",
        "How can a regression estimate a maximum without ever taking one?",
        "IQL’s value loss weights errors above V by τ and errors below V by 1 − τ. On the left its "
        "minimiser on one sample; on the right networks that differ in τ alone, fitted to data "
        f"that scatter more towards the right ({UPDATES} updates each).",
        (Control("Expectile τ", values, values.index(f"{START:.2f}")),),
        panels,
        positions,
    )


def _upright(look: Any, at: float, height: float, label: str) -> Mark:
    return Mark("line", look, [at, at], [0, float(height)], label)


def _sentences(result: dict[str, Any], k: int) -> tuple[str, ...]:
    sample, v, t = np.array(result["sample"]), result["v"][k], result["expectiles"][k]
    mean, top = float(sample.mean()), float(sample.max())
    first = (
        f"At τ = {t:.2f}, V is {number(v, 2)}: {apart(v, mean)} the mean of the draws "
        f"({number(mean, 2)}) and {apart(v, top)} their maximum ({number(top, 2)}). "
        f"{(sample > v).mean():.0%} of the draws lie above it."
    )
    curve, middle = np.array(result["curves"][k]), np.array(result["curves"][0])
    left, right = (curve - middle)[0], (curve - middle)[-1]
    second = f"The fitted curve has {result['above'][k]:.0%} of the points above it"
    if k:
        more = "more" if right > left else "no more"
        second += (
            f". It is {apart(left, 0)} the fit at τ = 0.5 at the left end and {apart(right, 0)} it "
            f"at the right end, so it rises {more} where the data scatter more"
        )
    return first, second + "."
