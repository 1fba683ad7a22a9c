"""The online phase: what enters the buffer, and that an interrupted run goes on bit for bit."""

from __future__ import annotations

import copy
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import online_runs
from helpers.online_runs import settings, wait

from bench.config import registry
from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.learning.scalers import RewardScaler
from bench.paths import ONLINE_ROWS
from bench.training.method_contract import is_on_policy
from bench.training.online.phase import Worlds
from bench.training.run import Run

CPU = torch.device("cpu")
# Methods that begin from another one's run are met in test_start.py, others in test_on_policy.py.
OFF_POLICY = [m for m in registry.FINE_TUNED if not is_on_policy(registry.load(m))]
PLAIN = [m for m in OFF_POLICY if not registry.METHODS[m].starts_from]
WORLDS = (
    "Hopper-v4", "HalfCheetah-v4", "Walker2d-v4", "bench.locomotion:HopperD4RL-v2",
    "bench.antmaze:AntMazeUmaze-v0", "bench.antmaze:AntMazeUmaze-v2",
    "bench.maze:PointMazeStitch-v0",
)  # fmt: skip


@pytest.fixture
def data() -> Transitions:
    return online_runs.data()


def online(run: Run, advances: int) -> Run:
    """Past the offline updates, and then some."""
    while run.step < run.settings.updates:
        run.advance()
    run.go_online()
    for _ in range(advances):
        run.advance()
    return run


# --- environments ---------------------------------------------------------------------


@pytest.mark.parametrize("env_id", WORLDS)
def test_repeating_the_actions_restores_an_environment_bit_for_bit(env_id: str) -> None:
    rng = np.random.default_rng(0)
    worlds = Worlds(env_id, (0, 3))
    dim = worlds.envs[0].action_space.shape[0]
    actions = rng.uniform(-1, 1, (90, 2, dim)).astype(np.float32)
    taken: list[list[np.ndarray]] = [[], []]

    def play(w: Worlds, chosen: np.ndarray) -> list[bytes]:
        seen = []
        for action in chosen:
            step = w.step(action)
            for i in range(2):
                taken[i].append(action[i])
                if step.ended[i]:
                    w.begin(i)
                    taken[i].clear()
            seen.append(step.next_observations.tobytes() + step.rewards.tobytes())
            seen.append(w.observations.tobytes())
        return seen

    play(worlds, actions[:60])
    again = Worlds(env_id, (0, 3))
    for i in range(2):
        again.restore(i, worlds.episodes[i], np.array(taken[i]).reshape(-1, dim))
    kept = copy.deepcopy(taken)
    assert (again.lengths, again.returns) == (worlds.lengths, worlds.returns)
    assert again.lengths == [len(part) for part in kept]
    assert play(worlds, actions[60:]) == play(again, actions[60:])


def test_each_episode_of_a_seed_starts_elsewhere() -> None:
    worlds = Worlds("Hopper-v4", (0, 1))
    starts = {worlds.observations[0].tobytes(), worlds.observations[1].tobytes()}
    worlds.begin(0)
    starts.add(worlds.observations[0].tobytes())
    assert len(starts) == 3
    assert np.array_equal(Worlds("Hopper-v4", (1,)).observations[0], worlds.observations[1])


# --- what is learned from -------------------------------------------------------------


def test_the_buffer_holds_what_happened(data: Transitions) -> None:
    """Every row against the environment stepped by hand with the actions in the buffer."""
    run = online(Run(settings(rewards="return_range"), data, CPU), 4)
    assert run.online is not None
    buffer = run.online.buffer
    returns = data.returns()
    scale = 1000 / (returns.max() - returns.min())
    for i, seed in enumerate(run.settings.seeds):
        rows = buffer.rows(i, 0, buffer.steps)
        world = Worlds(run.settings.task.env_id, (seed,))
        for row in rows.tolist():
            assert np.array_equal(world.observations[0], buffer.observations[row].numpy())
            step = world.step(buffer.actions[row].numpy()[None])
            assert buffer.rewards[row].item() == pytest.approx(scale * step.rewards[0], rel=1e-6)
            assert buffer.masks[row] == 1 - step.terminated[0]
            assert np.array_equal(buffer.next_observations[row].numpy(), step.next_observations[0])
            if step.ended[0]:
                world.begin(0)
        assert (buffer.masks[rows] == 0).any()  # the pendulum falls
    offline = buffer.rewards[: len(data)].numpy()
    np.testing.assert_array_equal(offline, RewardScaler.fit("return_range", data)(data.rewards))


def test_a_time_limit_bootstraps(data: Transitions) -> None:
    """HalfCheetah never ends; its 1,000th step is cut, and its mask stays 1."""
    task = settings().task.model_copy(update={"env_id": "HalfCheetah-v4"})
    n = 100
    rng = np.random.default_rng(0)
    data = Transitions(
        rng.normal(size=(n, 17)).astype(np.float32), rng.uniform(-1, 1, (n, 6)).astype(np.float32),
        rng.normal(size=n).astype(np.float32), rng.normal(size=(n, 17)).astype(np.float32),
        np.ones(n, np.float32), np.repeat(np.arange(2), 50).astype(np.int32),
    )  # fmt: skip
    cell = settings(
        "sac",
        task=task.model_dump(),
        online={"steps": 1100, "every": 1100, "episodes": 1},
        config={"hidden": [4], "warm_up": 1090},
        log_every=1010,
    )
    run = online(Run(cell, data, CPU), 1)
    assert run.online is not None
    assert [(row.step, row.length) for row in run.online.episodes] == [(1000, 1000)] * 2
    assert (run.online.buffer.masks[: 2 * 1010] == 1).all()
    assert run.online.worlds.lengths == [10, 10]


@pytest.mark.parametrize("name", PLAIN)
def test_one_update_a_step(name: str, data: Transitions) -> None:
    cell = settings(name)
    run = online(Run(cell, data, CPU), 5)
    assert run.online is not None
    warm_up = run.online.warm_up
    assert warm_up == (30 if name == "sac" else 0)
    assert run.online.buffer.steps == 50
    assert run.state.critic.updates == cell.updates + 50 - warm_up
    logged = [row for row in run.metrics if row["phase"] == "online"]
    assert [row["step"] for row in logged][::2] == list(range(warm_up + 10, 51, 10))


def test_the_policys_rate_stays_when_fine_tuning(data: Transitions) -> None:
    run = online(Run(settings(), data, CPU), 8)
    policy = run.state.policy
    assert policy.schedule(policy.updates) == policy.schedule(0) == run.config.learning_rate


def test_seeds_of_a_block_equal_seeds_alone(data: Transitions) -> None:
    block = online(Run(settings(), data, CPU), 2)
    alone = online(Run(settings(seeds=[3]), data, CPU), 2)
    for ours, theirs in zip(
        block.state.critic.net.parameters(), alone.state.critic.net.parameters(), strict=True
    ):
        torch.testing.assert_close(ours[:, 1], theirs[:, 0], rtol=0, atol=1e-5)


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine")
def test_compiled_updates_see_the_rows_as_they_arrive(data: Transitions) -> None:
    runs = [online(Run(settings(), data, CPU, name), 3) for name in ("recorded", "compiled")]
    for one, other in zip(*(run.state.critic.net.parameters() for run in runs), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    buffers = [run.online.buffer.observations for run in runs if run.online]
    torch.testing.assert_close(*buffers, rtol=0, atol=1e-4)


def test_a_warm_up_longer_than_the_phase_is_refused(data: Transitions) -> None:
    run = Run(settings("sac", config={"hidden": [4], "warm_up": 80}), data, CPU)
    with pytest.raises(
        BenchError, match=r"^online, steps: 80 steps leave no .* sac's warm_up of 80;"
    ):
        run.go_online()


def test_a_methods_returns_reach_its_online_rows(data: Transitions) -> None:
    run = online(Run(settings("cal_ql", online={"steps": 400, "every": 400, "episodes": 1}),
                     data, CPU), 40)  # fmt: skip
    assert run.online is not None
    buffer, discount = run.online.buffer, run.config.discount
    assert len(run.online.episodes) > 5
    for row in run.online.episodes:
        i = run.settings.seeds.index(row.seed)
        rows = buffer.rows(i, row.step - row.length, row.step)
        rewards = buffer.rewards[rows].double().numpy()
        expected = [
            sum(r * discount**k for k, r in enumerate(rewards[t:])) for t in range(row.length)
        ]
        np.testing.assert_allclose(buffer.columns["returns"][rows], expected, atol=1e-4)


# --- interruption ---------------------------------------------------------------------


def tensors(run: Run) -> dict[str, Any]:
    """All that decides what comes next."""
    from bench.training import checkpoint

    assert run.online is not None
    found = {k: v.clone() for k, v in checkpoint.state_tensors(run.state).items()}
    found |= {k: s.state() for k, s in run.streams.items()} | run.online.tensors()
    found |= {"buffer": run.online.buffer.rewards, "world": run.online.worlds.observations}
    return {k: np.asarray(v).tobytes() for k, v in found.items()}


@pytest.mark.parametrize("name", PLAIN)
def test_resume_in_the_middle_is_bit_equal(name: str, data: Transitions, tmp_path: Path) -> None:
    whole = online(Run(settings(name), data, CPU), 4)
    whole.save(tmp_path / "c", "x")
    again = Run(settings(name), data, CPU)
    assert again.resume(tmp_path / "c", "x")
    assert (again.phase, again.step) == ("online", 40)
    for run in (whole, again):
        for _ in range(4):
            run.advance()
    assert tensors(whole) == tensors(again)
    assert whole.metrics == again.metrics
    assert whole.online is not None
    assert again.online is not None
    assert whole.online.episodes == again.online.episodes
    assert whole.before.keys() == again.before.keys()
    assert all(torch.equal(v, again.before[k]) for k, v in whole.before.items())


def test_lost_rows_start_afresh(
    data: Transitions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    online(Run(settings(), data, CPU), 4).save(tmp_path / "c", "x")
    (tmp_path / ONLINE_ROWS).write_bytes(b"else")
    run, fresh = Run(settings(), data, CPU), Run(settings(), data, CPU)
    assert not run.resume(tmp_path / "c", "x")
    assert "starting from scratch" in capsys.readouterr().out
    assert (run.phase, run.step, run.before) == ("offline", 0, {})
    assert tensors(online(run, 1)) == tensors(online(fresh, 1))


@pytest.mark.parametrize(("blow", "name"), [(signal.SIGKILL, "iql"), (signal.SIGTERM, "cal_ql")])
def test_a_killed_job_ends_as_an_undisturbed_one(
    tmp_path: Path, blow: signal.Signals, name: str
) -> None:
    cell = settings(name, online={"steps": 1500, "every": 500, "episodes": 2})
    a, b = (online_runs.place(tmp_path / part) for part in "ab")
    undisturbed = online_runs.start(a, cell)
    process = online_runs.start(b, cell, "--checkpoint-every", "0")
    folder = online_runs.results(b, cell)
    added = folder / ONLINE_ROWS
    wait(lambda: added.exists() and added.stat().st_size > 20_000, process)
    process.send_signal(blow)
    assert process.wait(30) == (-signal.SIGKILL if blow == signal.SIGKILL else 75)
    assert not (folder / "run.json").exists()
    resumed = online_runs.start(b, cell)
    output = resumed.communicate(timeout=120)[0]
    assert resumed.returncode == 0, output
    assert undisturbed.wait(120) == 0
    record = json.loads((folder / "run.json").read_text())
    assert record["resumed"] == 1
    assert record["online_seconds"]["total"] > 0
    for file in ("evaluations.csv", "metrics.csv", "episodes.csv", "policy.safetensors"):
        expected = (online_runs.results(a, cell) / file).read_bytes()
        assert expected == (folder / file).read_bytes(), file
    assert not (folder / ONLINE_ROWS).exists()
    rows = (folder / "evaluations.csv").read_text().splitlines()[1:]
    points = list(dict.fromkeys(tuple(row.split(",")[:2]) for row in rows))
    assert points == [("offline", "20"), ("online", "500"), ("online", "1000"), ("online", "1500")]
