"""Score a finished policy again: more episodes, another environment, another version."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.config.task import Task
from bench.environments import vector
from bench.errors import BenchError
from bench.policies.finished import Policy
from bench.seeds import derive
from bench.statistics.seed_scores import SeedScores
from bench.training.rollout import Evaluator

AT_ONCE = 20  # episodes of a seed that are stepped together
COLUMNS = ["env_id", "seed", "episode", "return", "length"]


def check_fits(policy: Policy, env_id: str) -> None:
    """Raise BenchError unless observations and actions have the lengths of the policy's."""
    env = vector.make(env_id)
    found = vector.observation_dim(env), vector.action_space(env).shape[0]
    env.close()
    wanted = len(policy.scaler.mean), policy.action_dim
    if found != wanted:
        raise BenchError(
            f"env_id '{env_id}': observations and actions of {found} numbers, but the policy in "
            f"{policy.folder} has {wanted}; choose an environment of the same robot."
        )


def score(policy: Policy, env_id: str, episodes: int) -> pd.DataFrame:
    """Return a row per seed and episode, with COLUMNS; returns are undiscounted and raw.

    Episode n of a seed begins alike whatever `episodes` is, and unlike any of training.
    """
    if episodes < 1:
        raise BenchError(f"score: {episodes} episodes; give 1 or more.")
    check_fits(policy, env_id)
    rows: list[tuple[object, ...]] = []
    for first in range(0, episodes, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, episodes))
        evaluator = Evaluator(env_id, len(policy.seeds), len(numbers))
        resets = [[derive(s, f"score {n}") % 2**31 for n in numbers] for s in policy.seeds]
        found = evaluator(policy.actor(len(numbers), f"score {first}"), resets, policy.seeds)
        evaluator.close()
        for s, seed in enumerate(policy.seeds):
            for e, number in enumerate(numbers):
                values = float(found.returns[s, e]), int(found.lengths[s, e])
                rows.append((env_id, seed, number, *values))
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["seed", "episode"], ignore_index=True)


def summary(rows: pd.DataFrame, task: Task | None) -> str:
    """Return the mean over seeds with its 95% interval, in words.

    With `task`, whose environment it is, the mean is a normalised score, else a return.
    """
    means = rows.groupby("seed")["return"].agg(score="mean", episodes="size").reset_index()
    if task is not None:
        means["score"] = task.score(means["score"])
    found = SeedScores.of(means, task is not None and task.bounded)
    low, high = found.interval()
    what = f"{'return' if task is None else 'score'} {found.values.mean():.2f}"
    text = f"{what}, {len(means)} seeds of {means['episodes'][0]} episodes"
    if not np.isfinite([low, high]).all():
        return f"{text}; no interval below three seeds"
    return f"{text}, 95% interval {low:.2f} to {high:.2f}"
