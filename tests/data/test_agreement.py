"""What a dataset says of its environment against the row and the environment that scores."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from helpers.d4rl_files import task
from helpers.paths import ROOT

from bench.data.agreement import RULES, Comparison, compare
from bench.data.transitions import Transitions
from bench.environments import vector
from bench.errors import BenchError

ANY = Box(-np.inf, np.inf, (11,))
UNIT = Box(-1.0, 1.0, (3,))
HOPPER = gymnasium.spec("Hopper-v5")


@pytest.fixture(scope="module")
def hopper() -> Iterator[gymnasium.Env]:
    env = vector.make("Hopper-v5")
    yield env
    env.close()


def episodes(*ends: tuple[int, bool], rewards: float = 0.5) -> Transitions:
    """Episodes of so many steps that terminate or not, without a common observation."""
    lengths = [length for length, _ in ends]
    n, last = sum(lengths), np.cumsum(lengths) - 1
    rows = np.arange(n, dtype=np.float32)[:, None] * np.ones((1, 11), np.float32)
    masks = np.ones(n, np.float32)
    masks[last[[terminated for _, terminated in ends]]] = 0
    following = rows + 1
    following[last] += 0.5
    return Transitions(
        observations=rows,
        actions=np.zeros((n, 3), np.float32),
        rewards=np.full(n, rewards, np.float32),
        next_observations=following,
        masks=masks,
        episodes=np.repeat(np.arange(len(ends)), lengths).astype(np.int32),
    )


def spec(**changes: Any) -> str:
    return json.dumps(json.loads(HOPPER.to_json()) | changes)


def found(env: gymnasium.Env, data: Transitions | None = None, **changes: Any) -> dict[str, Any]:
    """The findings by rule; `changes` are of the row (bounded), the spaces, or the metadata."""
    row = task(env_id="Hopper-v5", bounded=changes.pop("bounded", False), ref_min_score=0)
    spaces = changes.pop("observations", ANY), changes.pop("actions", UNIT)
    data = data or episodes((5, True), (7, False))
    lines = compare(Comparison("minari/x", changes, *spaces, data, row, env))
    return {line["rule"]: (line["finding"], line["verdict"]) for line in lines}


def test_a_dataset_that_says_nothing_has_only_what_its_rows_say(hopper: gymnasium.Env) -> None:
    assert found(hopper) == {
        "time limit": ("longest episode 7, here 1000", "ok"),
        "observation bounds": ("as here", "ok"),
        "action bounds": ("as here", "ok"),
        "terminations at the time limit": ("0 of 1 at the time limit", "ok"),
    }


@pytest.mark.parametrize(
    ("metadata", "rule", "text"),
    [
        ({"eval_env_spec": spec(id="Hopper-v4")}, "evaluation environment",
         "Hopper-v4, scored in Hopper-v5"),
        ({"env_spec": spec(kwargs={"healthy_reward": 2})}, "recording environment",
         "Hopper-v5 (healthy_reward=2), scored in Hopper-v5"),
        ({"env_spec": spec(max_episode_steps=500)}, "time limit",
         "recorded 500, longest episode 7, here 1000"),
        ({"source_time_limit": 700}, "time limit", "recorded 700, longest episode 7, here 1000"),
        ({"ref_min_score": 1.0, "ref_max_score": 80.0}, "reference scores",
         "recorded 1 and 80, in the row 0 and 80"),
    ],
)  # fmt: skip
def test_a_difference_is_reported(
    metadata: dict[str, Any], rule: str, text: str, hopper: gymnasium.Env
) -> None:
    assert found(hopper, **metadata)[rule] == (text, "reported")


def test_what_agrees_is_said_too(hopper: gymnasium.Env) -> None:
    lines = found(
        hopper, env_spec=spec(), eval_env_spec=spec(), ref_min_score=0, ref_max_score=80.0
    )
    assert {verdict for _, verdict in lines.values()} == {"ok"}
    assert lines["time step"] == ("recorded 0.008 s, here 0.008 s", "ok")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"env_spec": spec(kwargs={"frame_skip": 8})}, "time step: recorded 0.016 s, here 0.008 s"),
        ({"env_spec": spec(id="HalfCheetah-v5")}, "time step: recorded 0.05 s, here 0.008 s"),
        ({"observations": Box(-10.0, 10.0, (11,))}, "observation bounds: recorded Box"),
        ({"actions": Box(-2.0, 2.0, (3,))}, "action bounds: recorded Box.*; rescale the actions"),
        ({"bounded": True, "data": episodes((5, True), rewards=80.5)},
         "rewards: 80.5 to 80.5 per step, returns of the task 0 to 80; store"),
        ({"bounded": True, "data": episodes((5, True), rewards=-1)}, "rewards: -1 to -1 per"),
        ({"env_spec": "[]"}, "metadata.json, env_spec: not an environment's specification"),
        ({"env_spec": spec(max_episode_steps="long")}, "a time limit that is no number"),
        ({"eval_env_spec": 7}, "eval_env_spec: not an environment's specification"),
    ],
)  # fmt: skip
def test_data_of_another_task_are_refused(
    changes: dict[str, Any], said: str, hopper: gymnasium.Env
) -> None:
    with pytest.raises(BenchError, match=f"minari/x, .*{said}"):
        found(hopper, **changes)


def test_rows_outside_the_environments_bounds_are_refused(hopper: gymnasium.Env) -> None:
    narrow = gymnasium.wrappers.TransformObservation(hopper, lambda o: o, Box(-6.0, 6.0, (11,)))
    with pytest.raises(BenchError, match=r"observation bounds: 5 rows outside Box\(-6.0, 6.0"):
        found(narrow)
    assert found(narrow, episodes((6, False)))["observation bounds"] == ("as here", "ok")


def test_an_environment_without_a_time_limit_is_refused(hopper: gymnasium.Env) -> None:
    with pytest.raises(BenchError, match=r"'Hopper-v5': it has no time limit.*max_episode_steps"):
        found(gymnasium.make("Hopper-v5", max_episode_steps=-1))


@pytest.mark.parametrize(
    ("ends", "text", "verdict"),
    [
        ([(1000, True), (1000, True)], "2 of 2 at the time limit", "reported"),
        ([(1000, True), (999, True)], "1 of 2 at the time limit", "ok"),
        ([(1000, False), (9, True)], "0 of 1 at the time limit", "ok"),
    ],
)
def test_terminals_that_are_time_limits(
    ends: list[tuple[int, bool]], text: str, verdict: str, hopper: gymnasium.Env
) -> None:
    assert found(hopper, episodes(*ends))["terminations at the time limit"] == (text, verdict)


def test_a_walk_that_timeouts_cut_in_pieces(hopper: gymnasium.Env) -> None:
    """maze2d's way: the walk goes on where a timeout is flagged."""
    data = episodes((5, False), (7, False), (3, False))
    rule = "episodes that continue the one before"
    assert found(hopper, data)[rule] == ("0 of 2", "ok")
    data.next_observations[4] = data.observations[5]
    assert found(hopper, data)[rule] == ("1 of 2", "reported")


def test_an_episode_longer_than_the_limit_is_reported(hopper: gymnasium.Env) -> None:
    text = "longest episode 1001, here 1000"
    assert found(hopper, episodes((1001, False)))["time limit"] == (text, "reported")


def test_an_unknown_environment_is_not_imported(hopper: gymnasium.Env) -> None:
    """Its id may name a module: nothing that a file names is run."""
    lines = found(hopper, env_spec=spec(id="antigravity:Hopper-v5"))
    assert "time step" not in lines
    assert lines["recording environment"][1] == "reported"


def test_the_table_in_the_documentation_is_this_one() -> None:
    text = (ROOT / "docs/environments.md").read_text(encoding="utf-8")
    part = text.split("## Data and environments that disagree")[1]
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in re.findall(r"^\|.*\|$", part, re.MULTILINE)
    ]
    assert rows[2:] == [(r.quantity, r.recorded, r.ours, r.otherwise) for r in RULES]
    assert all(rule.remedy for rule in RULES if rule.otherwise == "refused")


def test_the_wrappers_that_we_add_are_no_difference() -> None:
    """A pendulum's actions are rescaled, by bounds that JSON does not take."""
    env = vector.make("InvertedPendulum-v5")
    written = vector.written_spec(env)
    assert written is not None
    data = replace(
        episodes((2, True)),
        observations=np.zeros((2, 4), np.float32),
        next_observations=np.ones((2, 4), np.float32),
    )
    bounds = Box(-np.inf, np.inf, (4,)), vector.action_space(env)
    row, about = task(env_id="InvertedPendulum-v5"), {"eval_env_spec": written.to_json()}
    lines = compare(Comparison("minari/x", about, *bounds, data, row, env))
    [line] = [entry for entry in lines if entry["rule"] == "evaluation environment"]
    assert line["verdict"] == "ok"
    assert "RescaleAction" not in line["finding"]
    env.close()
