"""D4RL's reading of a dataset: the transitions of its own qlearning_dataset.

Most published scores are based on it. The next observation is always the next row's, so timeout
rows and the last row of the file have none and are dropped. A terminal row takes the first
observation of the next episode, which its mask hides. [D4RL: d4rl/__init__.py]

The action of a dropped row is kept as the next action of the row before: SARSA on D4RL's data
uses it (Onestep RL's d4rl_to_replay).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.data.transitions import Transitions, finding
from bench.errors import BenchError


def read_as_d4rl(
    data: Transitions, episodes: Sequence[Any], metadata: dict[str, Any], where: str
) -> tuple[Transitions, dict[str, str]]:
    """Return the rows of D4RL's reading, and a finding on those dropped.

    `data` holds the flattened `episodes` of a Minari dataset with `metadata`; `where` names the
    dataset in errors. Raises BenchError where no row is left or left-out actions are missing.
    """
    truncated = [bool(e.truncations[-1] or not e.terminations[-1]) for e in episodes]
    recorded = metadata.get("last_observations") != "left out"
    left_out = metadata.get("left_out_actions", [])
    if not recorded and len(left_out) != sum(truncated):
        raise BenchError(
            f"{where}: the metadata has {len(left_out)} left_out_actions but "
            f"{sum(truncated)} episodes lost a row; delete the dataset and convert it again."
        )
    read = as_d4rl(
        data,
        np.array(truncated),
        recorded,
        metadata.get("holds_last_row", True),
        np.array(left_out, dtype=np.float32).reshape(-1, data.actions.shape[1]),
    )
    if not len(read):
        raise BenchError(
            f"{where}: D4RL's reading drops every row, since each is the last of its episode; set "
            "the task's reading to 'full'."
        )
    lost = data.rewards.sum(dtype=np.float64) - read.rewards.sum(dtype=np.float64)
    text = f"{len(data) - len(read)} of {len(data)}, reward sum {lost:.6g}"
    return read, finding("rows dropped by D4RL's reading", text, True)


def as_d4rl(
    data: Transitions,
    truncated: np.ndarray,
    recorded: bool,
    holds_last_row: bool,
    left_out_actions: np.ndarray,
) -> Transitions:
    """Return the transitions of D4RL's reading of `data`.

    `truncated` (episodes,) says which episodes of `data` end in a timeout. If the file did not
    record the observations after timeouts (`recorded` is False), the dataset was stored without
    those rows, and possibly without the last row. `left_out_actions` (truncated.sum(), act) are
    the actions of those rows.
    """
    ends = data.starts() + data.lengths() - 1
    keep = np.ones(len(data), dtype=bool)
    following = np.array(data.next_observations)
    next_actions = np.roll(np.asarray(data.actions), -1, axis=0)
    if recorded:
        keep[ends[truncated]] = False
        following[ends[:-1]] = data.observations[ends[:-1] + 1]
    else:
        next_actions[ends[truncated]] = left_out_actions
    if holds_last_row:
        keep[-1] = False
    read = replace(data, next_observations=following, next_actions=next_actions)
    return read.select(keep)


def check_rewards(data: Transitions, metadata: dict[str, Any], where: str) -> list[dict[str, str]]:
    """Check that a converted dataset holds the rewards of its file, except those of left-out rows.

    Returns the finding for the card; raises BenchError where the sums differ.
    """
    if "source_reward_sum" not in metadata:
        return []
    before, lost = metadata["source_reward_sum"], metadata["left_out_reward_sum"]
    after = float(data.rewards.sum(dtype=np.float64))
    if abs(before - lost - after) > 1e-9 * float(np.abs(data.rewards).sum(dtype=np.float64)):
        raise BenchError(
            f"{where}, rewards: their sum is {after:.9g}, not the source's {before:.9g} minus "
            f"{lost:.9g} for left-out rows; delete the dataset and convert it again."
        )
    return [finding("reward sum of the source, of the dataset", f"{before:.9g}, {after:.9g}", True)]
