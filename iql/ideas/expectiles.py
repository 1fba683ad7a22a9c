"""Expectiles of a sample, as minimisers of IQL's value loss (the paper's figure 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from scipy import stats

from bench.learning.networks import ValueNet
from bench.learning.streams import Streams
from bench.report.figures.style import INK, STYLE, panels, save
from iql.iql import expectile_loss

TITLE = "Expectiles: from the mean towards the maximum of a sample"
EXPECTILES = (0.5, 0.7, 0.9, 0.95, 0.99)
SAMPLE = 1000
UPDATES = 600
HALVINGS = 60
SEED = 0


def exact(values: np.ndarray, weights: np.ndarray, expectile: float) -> np.ndarray:
    """Solve sum w |expectile - 1(x < m)| (x - m) = 0 for m: (..., n), (n,) -> (...)."""
    low, high = values.min(-1), values.max(-1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        away = values - middle[..., None]
        slope = (weights * np.where(away > 0, expectile, 1 - expectile) * away).sum(-1)
        low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
    return (low + high) / 2


def of_normal(expectile: float) -> float:
    """Return an expectile of the standard normal distribution, from its defining equation."""

    def slope(m: float) -> float:
        above = stats.norm.pdf(m) - m * stats.norm.sf(m)  # E (x - m)+
        below = above + m  # E (m - x)+
        return expectile * above - (1 - expectile) * below

    low, high = -10.0, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2


def descend(values: np.ndarray, expectile: float) -> float:
    """Return the number that minimises IQL's value loss on `values`."""
    x = torch.from_numpy(values)[None]
    m = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [m], max_iter=200, tolerance_grad=1e-13, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = expectile_loss(x - m, expectile).sum()
        loss.backward()
        return loss

    for _ in range(5):
        optimiser.step(closure)
    return float(m.detach())


def measure() -> dict[str, Any]:
    """Return expectiles of a normal sample (by loss, bisection, theory) and of y given x."""
    rng = np.random.default_rng(SEED)
    sample = rng.standard_normal(SAMPLE)
    x = rng.uniform(-1, 1, SAMPLE)
    y = np.sin(3 * x) + (0.15 + 0.35 * (x + 1) / 2) * rng.standard_normal(SAMPLE)
    grid = np.linspace(-1, 1, 81)
    return {
        "expectiles": list(EXPECTILES),
        "by_loss": [descend(sample, t) for t in EXPECTILES],
        "by_bisection": [float(exact(sample, np.ones(SAMPLE), t)) for t in EXPECTILES],
        "of_normal": [of_normal(t) for t in EXPECTILES],
        "sample": sample.tolist(),
        "x": x.tolist(),
        "y": y.tolist(),
        "grid": grid.tolist(),
        "fits": [fit(x, y, grid, t).tolist() for t in EXPECTILES],
    }


def fit(x: np.ndarray, y: np.ndarray, grid: np.ndarray, expectile: float) -> np.ndarray:
    """Return what a value network learns about y given x with IQL's loss: (grid,)."""
    net = ValueNet([1, 64, 64], Streams((SEED,), "ideas"))
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    inputs = torch.from_numpy(x).float()[None, :, None]
    target = torch.from_numpy(y).float()[None]
    for _ in range(UPDATES):
        optimiser.zero_grad()
        expectile_loss(target - net(inputs), expectile).sum().backward()
        optimiser.step()
    with torch.no_grad():
        found: np.ndarray = net(torch.from_numpy(grid).float()[None, :, None])[0].numpy()
    return found


def draw(result: dict[str, Any], stem: Path) -> None:
    """Draw the loss, a normal sample with its expectiles, and y given x with its expectiles."""
    colors = mpl.colormaps["viridis"](np.linspace(0.1, 0.85, len(result["expectiles"])))
    with mpl.rc_context(STYLE):
        figure, (loss, one, two) = panels(3, 2.0)
        u = np.linspace(-1, 1, 201)
        for expectile, color in zip(result["expectiles"], colors, strict=True):
            shape = [float(expectile_loss(torch.tensor([[v]]), expectile)) for v in u]
            loss.plot(u, shape, color=color, label=f"τ = {expectile}")
        loss.set(title="the loss", xlabel="u = Q − V")
        one.hist(result["sample"], bins=40, color="0.85")
        for value, color in zip(result["by_loss"], colors, strict=True):
            one.axvline(value, color=color)
        one.axvline(max(result["sample"]), color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
        one.set(title="normal sample (dashed: maximum)", xlabel="x")
        two.plot(result["x"], result["y"], ".", color="0.8", markersize=1.5)
        for curve, color in zip(result["fits"], colors, strict=True):
            two.plot(result["grid"], curve, color=color)
        two.set(title="y given x, fitted by a network", xlabel="x")
        figure.legend(*loss.get_legend_handles_labels(), loc="outside lower center", ncols=5)
        save(figure, stem)


def sentences(result: dict[str, Any]) -> list[str]:
    """Return what the figure shows, with the numbers behind it."""
    gap = max(abs(a - b) for a, b in zip(result["by_loss"], result["by_bisection"], strict=True))
    last = result["expectiles"][-1]
    return [
        "IQL's value loss weights errors above V by τ and errors below V by 1 − τ. Its minimiser "
        "is the mean at τ = 0.5 and approaches the maximum as τ tends to 1.",
        f"On {SAMPLE:,} draws from the standard normal distribution, the minimiser is "
        + ", ".join(
            f"{v:.2f} (τ = {t})"
            for t, v in zip(result["expectiles"], result["by_loss"], strict=True)
        )
        + f". The {last} expectile of the distribution itself is {result['of_normal'][-1]:.2f}, "
        f"and the sample maximum is {max(result['sample']):.2f}. Bisection on the same draws "
        f"agrees to {gap:.0e}.",
    ]
