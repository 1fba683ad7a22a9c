"""Measure how often the ant that collects the local data crosses each maze.

It walks from the evaluation's start to its goal, along waypoints, under the collection's action
noise. Writes behaviors/antmaze/mazes.csv.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from bench.collection.antmaze import Walk, advance, walker
from bench.environments.ant_walk import UPRIGHT, uprightness
from bench.environments.antmaze import STEPS
from bench.seeds import derive

FOLDER = Path("behaviors/antmaze")
EPISODES = 100  # per maze


def main() -> None:
    """Write one row per maze: success rate, mean steps of successes, and falls among the rest."""
    torch.set_num_threads(1)
    policy = walker(FOLDER)
    rows = []
    for maze, steps in STEPS.items():
        walks = [Walk(maze, "", steps, derive(0, f"success {i}")) for i in range(EPISODES)]
        while active := [walk for walk in walks if not walk.episodes]:
            advance(active, policy)
        episodes = [walk.episodes[0] for walk in walks]
        reached = np.array([e.terminations[-1] for e in episodes])
        lengths = np.array([len(e.rewards) for e in episodes])
        falls = sum(uprightness(e.observations[-1]) < UPRIGHT for e in episodes)
        row = {"maze": maze, "episodes": EPISODES, "success": reached.mean()}
        rows.append(row | {"steps": lengths[reached].mean().round(1), "falls": falls})
        print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(FOLDER / "mazes.csv", index=False)


if __name__ == "__main__":
    main()
