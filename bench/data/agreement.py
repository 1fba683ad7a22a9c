"""Compare what a dataset says of its environment with the environment that will score policies.

Data recorded under other bounds or another time step are of another task: such a dataset is
refused. Where a difference may be intended, as with D4RL's data in environments of today, the card
and the report say so. RULES is the whole list; a dataset that does not record a quantity has no
line for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from bench.config.task import Task
from bench.data.transitions import Transitions, finding
from bench.environments import vector
from bench.errors import BenchError
from bench.files import decode_json

RECORDING, EVALUATION = "env_spec", "eval_env_spec"  # Minari's keys: Gymnasium's specs as JSON
LIMIT, SCORES = "source_time_limit", ("ref_min_score", "ref_max_score")
NEAR = 1e-6  # relative: float32 against float64


@dataclass(frozen=True)
class Comparison:
    """A dataset, and the row and the environment with which it is compared."""

    where: str  # the dataset's folder, for messages
    metadata: Mapping[str, Any]
    observations: Box  # as stored
    actions: Box
    data: Transitions
    task: Task
    env: gymnasium.Env

    def spec(self, key: str) -> Mapping[str, Any]:
        """Return a recorded specification of an environment; empty if there is none."""
        text = self.metadata.get(key)
        if text is None:
            return {}
        try:
            content = decode_json(text)
            limit = content.get("max_episode_steps")
            if not isinstance(content["id"], str) or not isinstance(limit, int | None):
                raise ValueError("no id, or a time limit that is no number")
            dict(content.get("kwargs", {}))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BenchError(
                f"{self.where}, metadata.json, {key}: not an environment's specification "
                f"({error}); fetch the dataset again."
            ) from None
        return dict(content)

    @property
    def limit(self) -> int:
        """The environment's time limit; raise BenchError if it has none."""
        assert self.env.spec is not None
        if self.env.spec.max_episode_steps is None:
            raise BenchError(
                f"env_id '{self.task.env_id}': it has no time limit, so that an episode may never "
                "end; register it with max_episode_steps."
            )
        return self.env.spec.max_episode_steps

    @cached_property
    def lengths(self) -> np.ndarray:
        """Steps of each episode."""
        return self.data.lengths()

    @cached_property
    def ends(self) -> np.ndarray:
        """The last row of each episode."""
        return self.data.starts() + self.lengths - 1


# A check returns what it found and whether that agrees, or None if the dataset does not say.
Check = Callable[[Comparison], tuple[str, bool] | None]


@dataclass(frozen=True)
class Rule:
    """A quantity that is compared: where both sides have it, and what a difference means."""

    quantity: str
    recorded: str
    ours: str
    check: Check
    otherwise: Literal["refused", "reported"]
    remedy: str = ""


def compare(pair: Comparison) -> list[dict[str, str]]:
    """Return findings for the card; raise BenchError where a rule refuses the dataset."""
    found = []
    for rule in RULES:
        result = rule.check(pair)
        if result is None:
            continue
        text, agrees = result
        if not agrees and rule.otherwise == "refused":
            raise BenchError(f"{pair.where}, {rule.quantity}: {text}; {rule.remedy}.")
        found.append(finding(rule.quantity, text, agrees))
    return found


def _environment(key: str) -> Check:
    def check(pair: Comparison) -> tuple[str, bool] | None:
        recorded, here = pair.spec(key), vector.written_spec(pair.env)
        if not recorded or here is None:
            return None
        theirs, ours = _named(recorded), _named(json.loads(here.to_json()))
        return f"{theirs}, scored in {ours}", theirs == ours

    return check


def _named(spec: Mapping[str, Any]) -> str:
    """Return an environment's id with its arguments and wrappers."""
    kwargs = [f"{key}={value}" for key, value in sorted(spec.get("kwargs", {}).items())]
    wrappers = [str(w.get("name")) for w in spec.get("additional_wrappers") or ()]
    more = ", ".join([*kwargs, *wrappers])
    return f"{spec['id']} ({more})" if more else str(spec["id"])


def _time_limit(pair: Comparison) -> tuple[str, bool] | None:
    ours = pair.limit  # refused here if there is none
    limits = [pair.spec(key).get("max_episode_steps") for key in (RECORDING, EVALUATION)]
    stated = {limit for limit in (*limits, pair.metadata.get(LIMIT)) if limit is not None}
    longest = int(pair.lengths.max())
    text = f"recorded {' and '.join(map(str, sorted(stated)))}, " if stated else ""
    return (
        f"{text}longest episode {longest}, here {ours}",
        stated <= {ours} and longest <= ours,
    )


def _time_step(pair: Comparison) -> tuple[str, bool] | None:
    spec, ours = pair.spec(RECORDING), _seconds(pair.env)
    if not spec or ours is None:
        return None
    theirs = None
    # The id alone is looked up among known environments: nothing that the file names is imported.
    if spec["id"] in gymnasium.registry:
        skip = spec.get("kwargs", {}).get("frame_skip")
        given = {"frame_skip": skip} if isinstance(skip, int) else {}
        with suppress(gymnasium.error.Error, ImportError, TypeError, ValueError, OSError):
            env = gymnasium.make(spec["id"], disable_env_checker=True, **given)
            theirs = _seconds(env)
            env.close()
    if theirs is None:
        return None
    return f"recorded {theirs:g} s, here {ours:g} s", bool(np.isclose(theirs, ours, rtol=NEAR))


def _seconds(env: gymnasium.Env) -> float | None:
    """Return the time that one step takes, where an environment says it, as those of MuJoCo do."""
    step = getattr(env.unwrapped, "dt", None)
    return float(step) if isinstance(step, int | float) else None


def _observation_bounds(pair: Comparison) -> tuple[str, bool]:
    ours = pair.env.observation_space
    assert isinstance(ours, Box)
    if not _same_bounds(pair.observations, ours):
        return f"recorded {pair.observations}, here {ours}", False
    margin = NEAR * np.maximum(1.0, np.abs(pair.data.observations))
    low, high = (
        pair.data.observations < ours.low - margin,
        pair.data.observations > ours.high + margin,
    )
    outside = int((low | high).any(axis=1).sum())
    return (f"{outside} rows outside {ours}", False) if outside else ("as here", True)


def _action_bounds(pair: Comparison) -> tuple[str, bool]:
    ours = vector.action_space(pair.env)  # before it is rescaled
    same = _same_bounds(pair.actions, ours)
    return "as here" if same else f"recorded {pair.actions}, here {ours}", same


def _same_bounds(theirs: Box, ours: Box) -> bool:
    """Return whether each bound is the same or not stated, that is, infinite."""
    return all(
        bool((np.isclose(a, b, rtol=NEAR, atol=0) | ~np.isfinite(a)).all())
        for a, b in ((theirs.low, ours.low), (theirs.high, ours.high))
    )


def _rewards(pair: Comparison) -> tuple[str, bool] | None:
    """Return whether no reward alone is a return that the task cannot give."""
    if not pair.task.bounded:
        return None
    low, high = float(pair.data.rewards.min()), float(pair.data.rewards.max())
    least, most = min(0.0, pair.task.ref_min_score), max(0.0, pair.task.ref_max_score)
    text = f"{low:g} to {high:g} per step, returns of the task {least:g} to {most:g}"
    return text, least - NEAR <= low and high <= most + NEAR


def _reference_scores(pair: Comparison) -> tuple[str, bool] | None:
    theirs = [pair.metadata.get(key) for key in SCORES]
    ours = [pair.task.ref_min_score, pair.task.ref_max_score]
    if not all(isinstance(value, int | float) for value in [*theirs, *ours]):
        return None
    recorded = " and ".join(f"{value:g}" for value in theirs)
    text = f"recorded {recorded}, in the row {ours[0]:g} and {ours[1]:g}"
    return text, bool(np.allclose(np.array(theirs, dtype=float), ours, rtol=NEAR, atol=0))


def _terminations(pair: Comparison) -> tuple[str, bool] | None:
    """Return whether terminations are more than time limits that were flagged as terminal."""
    terminal = np.asarray(pair.data.masks)[pair.ends] == 0
    count, at_limit = int(terminal.sum()), int((pair.lengths[terminal] == pair.limit).sum())
    if not count:
        return None
    return f"{at_limit} of {count} at the time limit", at_limit < count


def _continued(pair: Comparison) -> tuple[str, bool] | None:
    """Return whether no episode begins where a truncated one before it ended."""
    before, starts = pair.ends[:-1], pair.data.starts()[1:]
    cut = np.asarray(pair.data.masks)[before] == 1
    if not cut.any():
        return None
    gap = np.abs(pair.data.next_observations[before] - pair.data.observations[starts]).max(axis=1)
    count = int((gap[cut] <= NEAR).sum())
    return f"{count} of {int(cut.sum())}", not count


RULES = (
    Rule(
        "evaluation environment", "`eval_env_spec`", "`env_id` as created",
        _environment(EVALUATION), "reported",
    ),
    Rule(
        "recording environment", "`env_spec`", "`env_id` as created",
        _environment(RECORDING), "reported",
    ),
    Rule(
        "time limit", "both specifications, the longest episode, `config/d4rl.tsv`",
        "`max_episode_steps`, which must exist", _time_limit, "reported",
    ),
    Rule(
        "time step", "of the `env_spec`, if it is a known environment", "`dt`", _time_step,
        "refused", "score in an environment of that time step",
    ),
    Rule(
        "observation bounds", "`observation_space`, and every row", "`observation_space`",
        _observation_bounds, "refused", "correct env_id, or wrap the environment",
    ),
    Rule(
        "action bounds", "`action_space`", "`action_space`", _action_bounds, "refused",
        "rescale the actions to these bounds before storing them",
    ),
    Rule(
        "rewards", "of every row", "0 and the reference returns, where `bounded`", _rewards,
        "refused", "store the environment's own rewards, or correct the row in config/tasks.tsv",
    ),
    Rule(
        "reference scores", "`ref_min_score`, `ref_max_score`, `config/d4rl.tsv`",
        "the row's", _reference_scores, "reported",
    ),
    Rule(
        "terminations at the time limit", "lengths of episodes that terminate",
        "`max_episode_steps`: not all of them", _terminations, "reported",
    ),
    Rule(
        "episodes that continue the one before", "the last observation of truncated episodes",
        "the next episode's first: never the same", _continued, "reported",
    ),
)  # fmt: skip
