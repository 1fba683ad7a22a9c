"""The online phase on-policy: what a rollout holds, and that an interrupted one goes on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from helpers import online_runs
from helpers.online_runs import settings
from helpers.training_jobs import results, start, wait_for
from safetensors.torch import load_file

from bench.config import registry
from bench.config.types import Settings
from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.training import checkpoint, outputs
from bench.training.job_process import StopRequest
from bench.training.method_contract import is_on_policy
from bench.training.online.on_policy import OnPolicyPhase
from bench.training.online.phase import Worlds
from bench.training.run import Run

CPU = torch.device("cpu")
SHORT = "ShortPendulum-v0"  # some of its episodes fall, others reach the limit
gymnasium.register(SHORT, entry_point="unit_pendulum:make", max_episode_steps=8)


@pytest.fixture
def data() -> Transitions:
    return online_runs.data()


def cell(method: str = "ppo", env_id: str = SHORT, **changes: Any) -> Settings:
    task = settings().task.model_dump() | {"env_id": env_id}
    return settings(method, task=task, **changes)


def online(cell: Settings, data: Transitions, steps: int) -> tuple[Run, OnPolicyPhase]:
    """A run after that many steps of its phase."""
    run = Run(cell, data, CPU)
    run.go_online()
    assert isinstance(run.online, OnPolicyPhase)
    while run.step < steps:
        count = min(cell.log_every, steps - run.step)
        run.advance() if count == cell.log_every else run.advance(stop=StopRequest(is_set=True))
    return run, run.online


def test_who_learns_on_policy() -> None:
    found = {name for name in registry.METHODS if is_on_policy(registry.load(name))}
    assert {"ppo", "ppo_iql"} <= found <= {*registry.ONLINE} & {*registry.FINE_TUNED}


# --- what a rollout holds -------------------------------------------------------------


class Scale:
    """Mean and variance of all samples so far and of 1e-4 of one with mean 0 and variance 1."""

    def __init__(self) -> None:
        self.samples: list[np.ndarray] = []

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        rows, weight = np.array(self.samples, float), 1e-4
        total = len(rows) + weight
        mean = rows.sum(0) / total
        return mean, (np.square(rows).sum(0) + weight) / total - mean**2


def value_of(run: Run, i: int, observation: np.ndarray) -> float:
    """V by its weights, layer by layer."""
    trunk, x = run.state.value.net.trunk, observation
    for layer, (weight, bias) in enumerate(zip(trunk.weights, trunk.biases, strict=True)):
        x = x @ weight[i].detach().double().numpy() + bias[i, 0].detach().double().numpy()
        x = np.tanh(x) if layer < len(trunk.weights) - 1 else x
    return float(x[0])


def test_the_rollout_is_what_happened(data: Transitions) -> None:
    """Every step against the environment by hand, scaled in float64 by all that was seen before:
    true next states, bootstrapped at a time limit and not after a fall."""
    wanted = cell(rewards="centred_times_4", observations="raw", config={"horizon": 60})
    run, phase = online(wanted, data, 50)
    rollout = run.method.Rollout.of(phase.rollout)
    assert rollout.actions.shape == (2, 50, 1, 1)
    assert rollout.actions.abs().max() > 1  # what was drawn, and not what was done
    discount, falls, limits = run.config.discount, 0, 0
    for i, seed in enumerate(wanted.seeds):
        world, seen, returns, running = Worlds(SHORT, (seed,)), Scale(), Scale(), 0.0
        for t in range(50):
            part = {name: value[i, t, 0].numpy() for name, value in vars(rollout).items()}
            seen.samples.append(world.observations[0].copy())
            mean, var = seen()
            step = world.step(part["actions"].clip(-1, 1)[None])

            def scaled(o: np.ndarray, mean: Any = mean, var: Any = var) -> np.ndarray:
                return ((o - mean) / np.sqrt(var + 1e-8)).clip(-10, 10)

            np.testing.assert_allclose(part["observations"], scaled(seen.samples[-1]), atol=2e-4)
            reward = 4 * float(step.rewards[0]) - 2
            running = discount * running + reward
            returns.samples.append(np.array([running]))
            expected = np.clip(reward / np.sqrt(returns()[1][0] + 1e-8), -10, 10)
            np.testing.assert_allclose(part["rewards"], expected, rtol=1e-4)
            ahead = (
                0.0 if step.terminated[0] else value_of(run, i, scaled(step.next_observations[0]))
            )
            np.testing.assert_allclose(part["next_values"], ahead, atol=2e-4)
            assert part["ends"] == step.ended[0]
            falls += int(step.terminated[0])
            limits += int(step.ended[0] and not step.terminated[0])
            if step.ended[0]:
                running = 0.0
                world.begin(0)
    assert falls > 0
    assert limits > 0


def test_without_scales_of_its_own_it_sees_what_the_data_were_to_iql(data: Transitions) -> None:
    run, phase = online(cell("ppo_iql", rewards="centred_times_4"), data, 1)
    [step] = phase.rollout
    assert (step.rewards == 4 * 1 - 2).all()  # a step of the pendulum's is worth 1
    start = np.stack([Worlds(SHORT, (seed,)).observations[0] for seed in run.settings.seeds])
    mean, deviation = data.observations.mean(0), data.observations.std(0) + 1e-3
    np.testing.assert_allclose(step.observations[:, 0], (start - mean) / deviation, atol=1e-5)


def test_an_update_follows_each_whole_rollout(data: Transitions) -> None:
    run, phase = online(cell(), data, 80)
    assert run.state.policy.updates == run.state.value.updates == phase.updates == 3 * 2 * 5
    assert len(phase.rollout) == 80 % 25
    assert [row["step"] for row in run.metrics][::2] == [30, 40, 50, 60, 70, 80]
    losses = [row["value_loss"] for row in run.metrics][::2]
    assert losses[0] == losses[1] != losses[2]  # of the last update: those at 25, 25 and 50
    assert run.state.policy.schedule(30) == 0  # annealed over whole rollouts


def test_the_same_seeds_give_the_same_bits(data: Transitions) -> None:
    one, other = (online(cell(), data, 60)[0] for _ in range(2))
    assert tensors(one) == tensors(other)


def test_seeds_of_a_block_equal_seeds_alone(data: Transitions) -> None:
    block, phase = online(cell(), data, 60)
    alone, own = online(cell(seeds=[3]), data, 60)
    ours, theirs = (checkpoint.state_tensors(run.state) for run in (block, alone))
    for name in ("observations.mean", "returns.var", "discounted"):
        torch.testing.assert_close(ours[name][1:], theirs[name], rtol=0, atol=1e-5)
    for net in ("policy", "value"):
        pairs = (getattr(run.state, net).net.parameters() for run in (block, alone))
        for a, b in zip(*pairs, strict=True):
            torch.testing.assert_close(a[1:], b, rtol=0, atol=1e-5)
    assert [row for row in phase.episodes if row.seed == 3] == own.episodes


def test_it_learns_to_balance(data: Transitions) -> None:
    """Episodes to learn from, and those of the evaluation by the means, last longer."""
    config = {"horizon": 250, "minibatches": 5, "learning_rate": 1e-3}
    steps = {"steps": 6000, "every": 6000, "episodes": 1}
    env_id = "unit_pendulum:UnitPendulum-v0"
    changes = {"rewards": "raw", "observations": "raw", "log_every": 500}
    run, phase = online(cell("ppo", env_id, config=config, online=steps, **changes), data, 6000)
    for seed in run.settings.seeds:
        lengths = [row.length for row in phase.episodes if row.seed == seed]
        assert np.mean(lengths[-20:]) > 4 * np.mean(lengths[:20])


# --- interruption ---------------------------------------------------------------------


def tensors(run: Run) -> dict[str, bytes]:
    """All that decides what comes next."""
    assert run.online is not None
    found = checkpoint.state_tensors(run.state) | run.online.tensors()
    found |= {k: s.state() for k, s in run.streams.items()}
    found["worlds"] = torch.from_numpy(run.online.worlds.observations)
    return {k: np.asarray(v.detach()).tobytes() for k, v in found.items()}


# Before the first update; inside a rollout and a chunk of `log_every`; where a rollout ends.
@pytest.mark.parametrize("step", [10, 33, 50])
@pytest.mark.parametrize("name", ["ppo", "ppo_iql"])
def test_resume_is_bit_equal(name: str, step: int, data: Transitions, tmp_path: Path) -> None:
    whole, phase = online(cell(name), data, step)
    whole.save(tmp_path / "c", "x")
    again = Run(cell(name), data, CPU)
    assert again.resume(tmp_path / "c", "x")
    assert (again.phase, again.step) == ("online", step)
    assert tensors(whole) == tensors(again)
    for run in (whole, again):
        while run.step < 80:
            run.advance()
    assert tensors(whole) == tensors(again)
    assert whole.metrics == again.metrics
    assert again.online is not None
    assert phase.episodes == again.online.episodes


def test_an_episode_longer_than_its_rollout_is_restored(data: Transitions, tmp_path: Path) -> None:
    """HalfCheetah never falls: at step 60 the episode is 60 steps old, the rollout 10."""
    rng = np.random.default_rng(0)
    shapes = {"observations": 17, "actions": 6, "next_observations": 17}
    rows = {k: rng.uniform(-1, 1, (100, n)).astype(np.float32) for k, n in shapes.items()}
    rows |= {"rewards": np.arange(100, dtype=np.float32), "masks": np.ones(100, np.float32)}
    data = Transitions(**rows, episodes=np.arange(100, dtype=np.int32) // 10)
    wanted = cell("ppo", "HalfCheetah-v4")
    whole, phase = online(wanted, data, 60)
    assert (phase.worlds.lengths, len(phase.rollout)) == ([60, 60], 10)
    whole.save(tmp_path / "c", "x")
    again = Run(wanted, data, CPU)
    assert again.resume(tmp_path / "c", "x")
    for run in (whole, again):
        run.advance()
    assert tensors(whole) == tensors(again)


def test_a_killed_job_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    steps = {"steps": 1500, "every": 500, "episodes": 2}
    config = {"hidden": [8], "horizon": 110, "minibatches": 2, "epochs": 1}
    wanted = settings("ppo", online=steps, config=config)
    a, b = (online_runs.place(tmp_path / part) for part in "ab")
    undisturbed = start(a, wanted)
    process = start(b, wanted, "--checkpoint-every", "0")
    folder = results(b, wanted)
    wait_for(lambda: (folder / "checkpoint.previous.safetensors").exists(), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 75
    assert not (folder / "run.json").exists()
    resumed = start(b, wanted)
    output = resumed.communicate(timeout=120)[0]
    assert resumed.returncode == 0, output
    assert undisturbed.wait(120) == 0
    for file in ("evaluations.csv", "metrics.csv", "episodes.csv", "policy.safetensors"):
        expected = (results(a, wanted) / file).read_bytes()
        assert expected == (folder / file).read_bytes(), file
    rows = (folder / "evaluations.csv").read_text().splitlines()[1:]
    points = list(dict.fromkeys(tuple(row.split(",")[:2]) for row in rows))
    assert points == [("offline", "0"), ("online", "500"), ("online", "1000"), ("online", "1500")]


def test_the_scales_stand_beside_the_networks(data: Transitions, tmp_path: Path) -> None:
    run, _ = online(cell(), data, 30)
    outputs.write(run, tmp_path, outputs.record_of(run, {}))
    found = load_file(tmp_path / "policy.safetensors")
    assert torch.equal(found["observations.mean"], run.state.observations.mean)
    assert not torch.equal(found["observations.var"], found["offline.observations.var"])


# --- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"horizon": 81},
            r"^online, steps: 80 steps are fewer .* rollout of ppo, whose horizon is 81",
        ),
        ({"horizon": 25, "environments": 8}, r"^ppo, environments: 8, but .* one per seed"),
        ({"horizon": 25}, r"^ppo, minibatches: 32 exceed the rollout's 25 steps"),
    ],
)
def test_a_rollout_that_cannot_be_is_refused(
    data: Transitions, config: dict[str, Any], said: str
) -> None:
    with pytest.raises(BenchError, match=said):
        Run(cell(config=config), data, CPU).go_online()
