"""An online phase that begins from a finished run, and the runs that it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import online_runs
from helpers.online_runs import settings
from helpers.paths import ROOT
from helpers.training_jobs import results, start
from safetensors.torch import load_file

from bench.config.catalogue import Catalogue
from bench.config.registry import METHODS, load
from bench.config.types import Settings
from bench.config.validation import configure
from bench.data.transitions import Transitions, content_hash
from bench.errors import BenchError
from bench.learning.streams import Streams
from bench.learning.types import Batch
from bench.training import outputs
from bench.training.run import Run

CPU = torch.device("cpu")
START = {name: entry.starts_from for name, entry in METHODS.items() if entry.starts_from}


@pytest.fixture
def data() -> Transitions:
    return online_runs.data()


def finish(run: Run, folder: Path, data: Transitions) -> Path:
    """What bench.training.train does after the last step of a run without evaluations."""
    run.save(folder / "checkpoint.safetensors", "x")
    outputs.write(run, folder, {"dataset_hash": content_hash(data)})
    return folder


def offline(cell: Settings, data: Transitions) -> Run:
    run = Run(cell, data, CPU)
    while run.step < cell.updates:
        run.advance()
    return run


def same(a: Run, b: Run) -> bool:
    parts = ((a.state.policy, b.state.policy), (a.state.critic, b.state.critic))
    return all(torch.equal(x.flat, y.flat) and torch.equal(x.square, y.square) for x, y in parts)


def test_from_a_run_equals_one_run_with_both_phases(data: Transitions, tmp_path: Path) -> None:
    cell = settings(online=None)
    folder = finish(offline(cell, data), tmp_path, data)
    whole, begun = offline(settings(), data), Run(settings(), data, CPU)
    begun.start(folder, content_hash(data))
    assert same(whole, begun)
    assert begun.metrics == whole.metrics
    for run in (whole, begun):
        run.go_online()
        for _ in range(3):
            run.advance()
    assert same(whole, begun)
    assert begun.step == 30


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "method": ({"method": "awac", "config": {"hidden": [16, 16]}}, "method: the run has 'iql'"),
    "setting": ({"config": {"hidden": [16, 16], "expectile": 0.9, "cosine_actor": False}},
                r"config\.expectile: the run has 0\.7, this one 0\.9"),
    "schedule": ({"config": {"hidden": [16, 16]}}, r"config\.cosine_actor: the run has False"),
    "seeds": ({"seeds": [0, 1]}, r"seeds: the run has \[0, 3\], this one \[0, 1\]"),
    "updates": ({"updates": 30}, "updates: the run has 20, this one 30"),
    "batch": ({"batch_size": 64}, "batch_size: the run has 32, this one 64"),
    "rewards": ({"rewards": "raw"}, "rewards: the run has 'minus_one', this one 'raw'"),
    "observations": ({"observations": "raw"}, "observations: the run has 'standardised'"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_another_run_is_refused_by_the_field_that_differs(
    data: Transitions, tmp_path: Path, what: str
) -> None:
    changes, said = WRONG[what]
    folder = finish(offline(settings(online=None), data), tmp_path, data)
    run = Run(settings(**changes), data, CPU)
    with pytest.raises(BenchError, match=said) as caught:
        run.start(folder, content_hash(data))
    assert str(caught.value).startswith(str(folder))
    assert run.step == 0


def test_another_task_is_refused(data: Transitions, tmp_path: Path) -> None:
    folder = finish(offline(settings(online=None), data), tmp_path, data)
    task = settings().task.model_dump() | {"task": "hopper-medium"}
    run = Run(settings(task=task), data, CPU)
    with pytest.raises(BenchError, match="task: the run has 'pendulum', this one 'hopper-medium'"):
        run.start(folder, content_hash(data))
    run = Run(settings(), data, CPU)
    with pytest.raises(BenchError, match="dataset_hash: the run has"):
        run.start(folder, "other")


def test_a_run_that_is_not_at_its_offline_end_is_refused(data: Transitions, tmp_path: Path) -> None:
    run = offline(settings(), data)
    run.go_online()
    run.advance()
    folder = finish(run, tmp_path, data)
    with pytest.raises(BenchError, match="phase: the checkpoint is at online step 10"):
        Run(settings(), data, CPU).start(folder, content_hash(data))
    with pytest.raises(BenchError, match=r"run\.json: file not found"):
        Run(settings(), data, CPU).start(tmp_path / "none", content_hash(data))


def test_a_diverged_run_is_refused(data: Transitions, tmp_path: Path) -> None:
    run = offline(settings(online=None), data)
    run.diverged[3] = 20
    folder = finish(run, tmp_path, data)
    with pytest.raises(BenchError, match="status: the run is diverged"):
        Run(settings(), data, CPU).start(folder, content_hash(data))


def test_sac_begins_with_the_networks_that_iql_had_before_it_went_online(
    data: Transitions, tmp_path: Path
) -> None:
    iql = offline(settings(), data)
    observations = torch.randn(2, 7, 4)
    mean = iql.state.policy(observations).detach()
    critic = iql.state.critic.flat.clone()
    std = iql.state.policy.net.std().detach()
    iql.go_online()
    for _ in range(3):
        iql.advance()
    folder = finish(iql, tmp_path, data)
    assert any(name.startswith("offline.") for name in load_file(folder / "policy.safetensors"))
    sac = Run(settings("sac_iql"), data, CPU)
    sac.start(folder, content_hash(data))
    assert torch.equal(sac.state.critic.flat, critic)
    assert torch.equal(sac.state.target_critic.flat, critic)
    torch.testing.assert_close(sac.state.policy(observations), mean)
    _, log_std = sac.state.policy.net.distribution(observations)
    torch.testing.assert_close(log_std.exp(), std.expand_as(log_std))
    sac.go_online()
    assert sac.online is not None
    assert len(sac.online.buffer) == 0  # it never sees the data
    for _ in range(4):
        sac.advance()
    assert not torch.equal(sac.state.critic.flat, critic)


def test_ppo_begins_as_the_policy_and_value_that_iql_had_before_it_went_online(
    data: Transitions, tmp_path: Path
) -> None:
    """Means, draws and V of raw observations, through the scales of each method's own run."""
    iql = offline(settings(), data)
    iql.state.policy.net.log_std.data.copy_(torch.tensor([[[-1.5]], [[-0.2]]]))
    torch.manual_seed(0)
    raw, ahead, taken = 3 * torch.randn(2, 50, 4), 3 * torch.randn(2, 50, 4), torch.zeros(2, 50, 1)
    observations, following = iql.replay.scaler(raw), iql.replay.scaler(ahead)
    wanted = [
        iql.method.act(iql.state, observations, iql.config),
        iql.method.explore(iql.state, observations, iql.config, Streams([0, 3], "draws")),
        iql.method.value(iql.state, following, iql.config),
    ]
    wanted = [tensor.detach().clone() for tensor in wanted]
    iql.go_online()
    for _ in range(3):
        iql.advance()
    folder = finish(iql, tmp_path, data)
    ppo = Run(settings("ppo_iql"), data, CPU)
    ppo.start(folder, content_hash(data))
    method, state, config, scaler = ppo.method, ppo.state, ppo.config, ppo.replay.scaler
    rewards, ends = torch.full((2, 50), 7.0), torch.ones(2, 50)
    with torch.no_grad():
        drawn = method.explore(state, scaler(raw), config, Streams([0, 3], "draws"))
        batch = Batch(scaler(raw), taken, rewards, torch.ones(2, 50), scaler(ahead))
        step = method.collect(state, batch, ends, config)
        found = [method.act(state, scaler(raw), config), drawn, step.next_values]
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    assert torch.equal(step.rewards, rewards)  # in which IQL's V was learned
    policy, value = state.policy.flat.clone(), state.value.flat.clone()
    ppo.go_online()
    for _ in range(3):
        ppo.advance()
    assert ppo.step == 30  # past the first rollout
    assert not torch.equal(state.policy.flat, policy)
    assert not torch.equal(state.value.flat, value)


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "width": ({"hidden": [8]}, r"config\.hidden: the run has \[16, 16\], this one \[8\]"),
    "discount": ({"discount": 0.9}, r"config\.discount: the run has 0\.99, this one 0\.9"),
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("method", START)
def test_an_iql_of_another_shape_is_refused(
    data: Transitions, tmp_path: Path, method: str, what: str
) -> None:
    folder = finish(offline(settings(), data), tmp_path, data)
    config, said = OTHERS[what]
    run = Run(settings(method, config=settings(method).config | config), data, CPU)
    with pytest.raises(BenchError, match=said):
        run.start(folder, content_hash(data))


@pytest.mark.parametrize("what", ["seeds", "rewards", "observations"])
@pytest.mark.parametrize("method", START)
def test_an_iql_of_other_data_or_seeds_is_refused(
    data: Transitions, tmp_path: Path, method: str, what: str
) -> None:
    folder = finish(offline(settings(), data), tmp_path, data)
    changes, said = WRONG[what]
    run = Run(settings(method, **changes), data, CPU)
    with pytest.raises(BenchError, match=said):
        run.start(folder, content_hash(data))
    task = settings().task.model_dump() | {"task": "hopper-medium"}
    for other, hash_, field in ((settings(method, task=task), content_hash(data), "task"),
                                (settings(method), "other", "dataset_hash")):  # fmt: skip
        with pytest.raises(BenchError, match=f"{field}: the run has"):
            Run(other, data, CPU).start(folder, hash_)


def shared(cell: Settings) -> dict[str, Any]:
    """What Run.start compares."""
    config = configure(load(cell.method).Config, cell.config, "--settings")
    fields = {key: getattr(cell, key) for key in ("rewards", "observations", "precision")}
    return fields | {key: getattr(config, key) for key in ("hidden", "discount")}


def test_suites_give_a_method_the_settings_of_the_run_that_it_begins_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else its jobs would be refused, after hours."""
    monkeypatch.chdir(ROOT)
    catalogue, found = Catalogue(), 0
    for path in (ROOT / "config").glob("*finetune.yaml"):
        suite = catalogue.read_suite(path)
        cells = [(m, t) for m in suite.methods if m in START for t in suite.tasks]
        for method, task in cells:
            ours, theirs = (
                shared(catalogue.settings(suite, name, task, (0,)))
                for name in (method, START[method])
            )
            assert ours == theirs, f"{path.name}, {method} on {task}"
            found += 1
    assert found > 2


def test_a_job_begins_from_the_folder_that_it_is_given(tmp_path: Path) -> None:
    place = online_runs.place(tmp_path)
    first = settings(online=None, suite="first")
    done = start(place, first)
    assert done.wait(120) == 0, done.stdout and done.stdout.read()
    source = place / "results/first/runs/iql/pendulum/0_3"
    second = start(place, settings(), "--from", str(source))
    output = second.communicate(timeout=120)[0]
    assert second.returncode == 0, output
    assert ": 20 of 20 updates" in output  # the offline phase is not repeated
    folder = results(place, settings())
    rows = (folder / "evaluations.csv").read_text().splitlines()[1:]
    points = list(dict.fromkeys(tuple(row.split(",")[:2]) for row in rows))
    assert points == [("offline", "20"), ("online", "40"), ("online", "80")]
    for line in (source / "evaluations.csv").read_text().splitlines():
        assert line in (folder / "evaluations.csv").read_text()
    assert json.loads((folder / "run.json").read_text())["settings"]["online"]["steps"] == 80
    refused = start(place, settings(updates=30), "--from", str(source))
    output = refused.communicate(timeout=120)[0]
    assert refused.returncode == 2
    assert "updates: the run has 20, this one 30" in output
    assert "Traceback" not in output
