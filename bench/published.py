"""Scores that others published, to stand beside ours; sources: config/published/README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.stats import read_csv

TABLE1 = Path("config/published/table1.csv")


def paper_scores(path: Path = TABLE1) -> dict[tuple[str, str], float]:
    """The IQL paper's Table 1: (task, method) -> mean normalised score on D4RL's data."""
    frame = read_csv(path, ["task", "method", "score"])
    rows = frame[["task", "method", "score"]].itertuples(index=False, name=None)
    return {(task, method): float(score) for task, method, score in rows}


def counterpart(task: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `task` is a version of: antmaze-umaze -> antmaze-umaze-v0."""
    stems = {_stem(name): name for name in known}
    return stems.get(_stem(task))


def _stem(task: str) -> str:
    return re.sub(r"-v\d+$", "", task)


def beside(tasks: Sequence[str], methods: Sequence[str]) -> dict[tuple[str, str], float]:
    """The paper's score of each task's counterpart, where the paper has the cell."""
    scores = paper_scores()
    known = {task for task, _ in scores}
    pairs = [(t, counterpart(t, known), m) for t in tasks for m in methods]
    return {(t, m): scores[paper, m] for t, paper, m in pairs if paper and (paper, m) in scores}
