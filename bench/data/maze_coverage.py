"""Measure how a dataset covers its maze, for the dataset card and its figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.data.transitions import Transitions
from bench.maze_plans import Maze


@dataclass(frozen=True)
class Visits:
    """Which of E trajectories visit the start cell and the goal."""

    at_start: np.ndarray  # (E,) whether it visits the start cell
    at_goal: np.ndarray  # (E,) whether it reaches the goal
    crosses: np.ndarray  # (E,) whether it reaches the goal after visiting the start cell


def visits(data: Transitions, maze: Maze) -> Visits:
    """Return the visits of every trajectory, its last observation included."""
    starts = data.starts()
    time = np.arange(len(data))
    first, last = np.full(len(starts), np.inf), np.full(len(starts), -np.inf)
    for later, observations in enumerate((data.observations, data.next_observations)):
        positions = np.asarray(observations[:, :2])
        here = (maze.cells_of(positions) == maze.start).all(axis=1)
        there = maze.reached(positions)
        when = time + later
        first = np.minimum(first, np.minimum.reduceat(np.where(here, when, np.inf), starts))
        last = np.maximum(last, np.maximum.reduceat(np.where(there, when, -np.inf), starts))
    return Visits(np.isfinite(first), np.isfinite(last), first < last)


def cells_visited(data: Transitions, maze: Maze) -> int:
    """Count the free cells that contain an observation."""
    cells = np.unique(maze.cells_of(np.asarray(data.observations[:, :2])), axis=0)
    return len({tuple(cell) for cell in cells.tolist()} & set(maze.free_cells()))


def proof(data: Transitions, maze: Maze) -> dict[str, Any]:
    """Return counts for the card that show whether reaching the goal requires stitching."""
    seen, cells = visits(data, maze), cells_visited(data, maze)
    from_start, reach, cross = (
        int(each.sum()) for each in (seen.at_start, seen.at_goal, seen.crosses)
    )
    free = len(maze.free_cells())
    content: dict[str, Any] = {"from_start": from_start, "reach_goal": reach}
    content |= {"from_start_to_goal": cross, "cells_visited": cells, "cells_free": free}
    origin = ""
    if reach:
        began = maze.path_distance(np.asarray(data.observations[data.starts()[seen.at_goal], :2]))
        content["goal_reached_from"] = {
            "median": round(float(np.median(began)), 2),
            "max": round(float(began.max()), 2),
        }
        whole = maze.path_distance(maze.start_xy[None])[0]
        origin = (
            f" from {np.median(began):.1f} m away in the median and {began.max():.1f} m at most, "
            f"where the start is {whole:.1f} m away"
        )
    statement = (
        f"Of {len(seen.crosses):,} trajectories, {from_start:,} visit the start cell, {reach:,} "
        f"reach the goal{origin}, and {cross:,} go from the start to the goal in one piece. They "
        f"visit {cells} of {free} free cells."
    )
    return {"statement": statement} | content
