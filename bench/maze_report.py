"""The report's chapter on mazes: its figures, and what the template says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from bench import maze_figures, published, table
from bench.catalogue import Catalogue
from bench.maze_figures import Trace, Values
from bench.mazes import Maze, maze_of
from bench.records import read_json
from bench.suite import Suite, block_name
from bench.table import Table
from bench.transitions import Transitions

CROSSINGS = ("from_start", "reach_goal", "from_start_to_goal")  # of a card's proof


def build(
    suite: Suite,
    catalogue: Catalogue,
    summary: pd.DataFrame,
    results_dir: Path,
    cards: Sequence[Path],
    folder: Path,
) -> dict[str, Any] | None:
    """Draw the figures into `folder`/figures and write the table into `folder`/tables; None for a
    suite without mazes.

    The trajectories are drawn of those datasets whose arrays lie beside their card.
    """
    mazes = {t: maze for t in suite.tasks if (maze := maze_of(catalogue.tasks[t].env_id))}
    if not mazes:
        return None
    labels = {m: catalogue.methods[m].label for m in suite.methods}
    paper, figures = published.beside(list(mazes), suite.methods), folder / "figures"
    maze_figures.success_bars(summary, labels, list(mazes), paper, figures / "success")
    found = {read_json(card)["task"]: card for card in cards}
    places = {task: card.parent for task, card in found.items()}
    whole = [t for t in mazes if t in places and (places[t] / "observations.npy").exists()]
    if whole:
        data = {t: (mazes[t], Transitions.load(places[t])) for t in whole}
        maze_figures.trajectories(data, figures / "trajectories")
    drawn = suite.maps.tasks if suite.maps else ()
    for task in drawn:
        assert suite.maps is not None
        traces = {labels[m]: read_trace(suite, results_dir, m, task) for m in suite.maps.methods}
        maze_figures.value_maps(mazes[task], traces, figures / f"map-{task}")
    return {
        "trajectories": bool(whole),
        "published": bool(paper),
        "same_data": all(t.endswith("-v0") for t, _ in paper),
        "maps": list(drawn),
        "crossings": asdict(crossings_table(mazes, found, folder / "tables")),
    }


def crossings_table(mazes: Mapping[str, Maze], cards: Mapping[str, Path], folder: Path) -> Table:
    """Whether the data of each task hold ways from the start to the goal; all by task."""
    rows = []
    for task in (t for t in mazes if t in cards):
        card, maze = read_json(cards[task]), mazes[task]
        if proof := card.get("proof"):
            counts = [card["episodes"], *(proof[key] for key in CROSSINGS)]
            began = proof.get("goal_reached_from", {})
            way = float(maze.path_distance(maze.start_xy[None])[0])
            metres = [table.number(m) for m in (way, began.get("median"), began.get("max"))]
            cells = f"{proof['cells_visited']} of {proof['cells_free']}"
            rows.append(table.row_of(task, *(f"{n:,}" for n in counts), *metres, cells))
    counted = ("trajectories", "visit start", "reach goal", "start to goal")
    header = ("task", *counted, "way (m)", "median (m)", "most (m)", "cells")
    return table.write(Table("crossings", header, "lrrrrrrrr", tuple(rows)), folder)


def read_trace(suite: Suite, results_dir: Path, method: str, task: str) -> Trace | None:
    """What `python -m bench trace` wrote of a cell's seeds; None where nothing is traced."""
    folder = results_dir / "runs" / method / task
    files = [folder / block_name(b) / "trace.safetensors" for b in suite.blocks()]
    blocks = [load_file(file) for file in files if file.exists()]
    if not sum(len(block["arrived"]) for block in blocks):
        return None
    paths = [p for block in blocks for p in block["paths"].reshape(-1, *block["paths"].shape[2:])]
    values = None
    if "values" in blocks[0]:  # all blocks have the same rows of the data
        mean = np.concatenate([block["values"] for block in blocks]).mean(axis=0)
        rank = np.concatenate([block["value_rank"] for block in blocks]).mean()
        values = Values(blocks[0]["positions"], mean, float(rank))
    arrived = np.concatenate([block["arrived"].ravel() for block in blocks])
    return Trace([path[np.isfinite(path).all(axis=1)] for path in paths], arrived, values)
