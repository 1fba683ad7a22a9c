"""The report's chapter on mazes: its figures, and what the template says about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bench import maze_figures, published
from bench.catalogue import Catalogue
from bench.mazes import maze_of
from bench.suite import Suite


def build(
    suite: Suite, catalogue: Catalogue, summary: pd.DataFrame, folder: Path
) -> dict[str, Any] | None:
    """Draw the figures into `folder`; None for a suite without mazes."""
    tasks = [t for t in suite.tasks if maze_of(catalogue.tasks[t].env_id)]
    if not tasks:
        return None
    labels = {m: catalogue.methods[m].label for m in suite.methods}
    paper = published.beside(tasks, suite.methods)
    maze_figures.success_bars(summary, labels, tasks, paper, folder / "success")
    return {"published": bool(paper), "same_data": all(t.endswith("-v0") for t, _ in paper)}
