"""The report's chapter on mazes: its figures, and what the template says about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench import maze_figures, published
from bench.catalogue import Catalogue
from bench.mazes import maze_of
from bench.stats import read_json
from bench.suite import Suite
from bench.transitions import Transitions


def build(
    suite: Suite,
    catalogue: Catalogue,
    summary: pd.DataFrame,
    cards: Sequence[Path],
    folder: Path,
) -> dict[str, Any] | None:
    """Draw the figures into `folder`; None for a suite without mazes.

    The trajectories are drawn of those datasets whose arrays lie beside their card.
    """
    mazes = {t: maze for t in suite.tasks if (maze := maze_of(catalogue.tasks[t].env_id))}
    if not mazes:
        return None
    tasks = list(mazes)
    labels = {m: catalogue.methods[m].label for m in suite.methods}
    paper = published.beside(tasks, suite.methods)
    maze_figures.success_bars(summary, labels, tasks, paper, folder / "success")
    places = {read_json(card)["task"]: card.parent for card in cards}
    whole = [t for t in tasks if t in places and (places[t] / "observations.npy").exists()]
    if whole:
        data = {t: (mazes[t], Transitions.load(places[t])) for t in whole}
        maze_figures.trajectories(data, folder / "trajectories")
    return {
        "trajectories": bool(whole),
        "published": bool(paper),
        "same_data": all(t.endswith("-v0") for t, _ in paper),
    }
