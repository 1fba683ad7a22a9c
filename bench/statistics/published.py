"""Published scores, for comparison with ours; sources: config/published/README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.paths import shipped
from bench.statistics.frames import read_csv
from bench.statistics.inference import Sample

TABLE1 = Path("config/published/table1.csv")
SPREAD = Path("config/published/iql_spread.csv")
CORL = Path("config/published/corl.csv")
PAPER_UPDATES = 1_000_000  # offline, per seed (ikostrikov/implicit_q_learning, train_offline.py)


def paper_scores(path: Path = TABLE1) -> dict[tuple[str, str], float]:
    """Return Table 1 of the IQL paper: mean normalised scores on D4RL by (task, method)."""
    frame = read_csv(shipped(path), ["task", "method", "score"])
    rows = frame[["task", "method", "score"]].itertuples(index=False, name=None)
    return {(task, method): float(score) for task, method, score in rows}


def counterpart(task: str, known: Iterable[str]) -> str | None:
    """Return the version of `task` among `known`: antmaze-umaze -> antmaze-umaze-v0."""
    stems = {_stem(name): name for name in known}
    return stems.get(_stem(task))


def _stem(task: str) -> str:
    return re.sub(r"-v\d+$", "", task)


def beside(tasks: Sequence[str], methods: Sequence[str]) -> dict[tuple[str, str], float]:
    """Return the paper's scores of the tasks' counterparts, for the cells that it reports."""
    scores = paper_scores()
    known = {task for task, _ in scores}
    pairs = [(t, counterpart(t, known), m) for t in tasks for m in methods]
    return {(t, m): scores[paper, m] for t, paper, m in pairs if paper and (paper, m) in scores}


def paper_samples() -> dict[tuple[str, str], Sample]:
    """Return Table 1 of the paper as samples; numbers without known spread count as exact."""
    frame = read_csv(shipped(SPREAD), ["task", "method", "std", "seeds"])
    rows = frame[["task", "method", "std", "seeds"]].itertuples(index=False, name=None)
    known = {(task, method): (float(std), int(seeds)) for task, method, std, seeds in rows}
    return {
        cell: Sample(score, *known.get(cell, (0.0, 2)), ours=False)
        for cell, score in paper_scores().items()
    }


def corl_samples(kind: str = "last") -> dict[tuple[str, str], Sample]:
    """Return CORL's own scores: the `last` evaluation, or each seed's `best`."""
    frame = read_csv(shipped(CORL), ["task", "method", "kind", "mean", "std", "seeds"])
    return {
        (r["task"], r["method"]): Sample(r["mean"], r["std"], r["seeds"], ours=False)
        for r in frame[frame["kind"] == kind].to_dict("records")
    }
