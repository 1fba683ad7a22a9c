"""Stand-ins for Minari's datasets of MuJoCo, marked as such, from this project's policies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.collection.collect import follow
from bench.config.task import STAND_IN, Task
from bench.data.minari_store import store
from bench.progress import Progress
from bench.seeds import derive

# The recipe that stands for each of Minari's kinds.
RECIPES = {"simple": "medium-replay", "medium": "medium", "expert": "medium-expert"}


def make(tasks: Iterable[Task], root: Path, rows: int) -> None:
    """Collect `rows` transitions for each task's dataset under `root`, unless they are there."""
    for task in tasks:
        _, robot, kind = task.dataset.split("/")
        if (root / task.dataset).exists():
            continue
        recipe = f"{robot}/{RECIPES[kind.partition('-')[0]]}"
        with Progress(f"stand-in {task.task}", rows, "rows") as progress:
            episodes, about = follow(recipe, task.env_id, rows, derive(0, task.task), progress)
        about |= {"recipe": recipe, "origin": STAND_IN}
        store(episodes, task.dataset, task.env_id, about, root, "A stand-in; not Minari's data.")
