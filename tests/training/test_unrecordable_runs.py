"""Methods that a recording would freeze, through a whole run: eager results, and the line named."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from helpers import scratch_methods
from helpers.training_jobs import DATASET, place_data, random_data, settings

from bench.config import registry
from bench.errors import BenchError
from bench.paths import TRANSITIONS, RunFolder
from bench.training import train as training
from bench.training.engine import StaleRecording
from bench.training.recording.tracer import COUNT

NAME = "scratch_method"


class Case(NamedTuple):
    """What stands in the method, and what the message says."""

    inside: str
    says: str
    above: str = ""
    below: str = ""
    acting: str = ""
    updates: int = 20
    every: int = 20


CASES = {
    "factor in a list": Case(
        "FACTOR[0] *= 0.9  # here\nloss = loss * FACTOR[0]",
        "changes FACTOR[0] from 0.9 to 0.81",
        "FACTOR = [1.0]",
    ),
    "factor in a global": Case(
        "global factor\nfactor *= 0.5  # here\nloss = loss * factor",
        "changes factor from 0.5 to 0.25",
        "factor = 1.0",
    ),
    "counter in a dictionary": Case(
        "COUNT['n'] += 1  # here\nloss = loss * (2 if COUNT['n'] > 12 else 1)",
        "changes COUNT['n'] from 1 to 2",
        "COUNT = {'n': 0}",
    ),
    "counter in a closure": Case(
        "loss = loss * count()",
        "changes n from 1 to 2",
        "def counter():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1  # here\n"
        "        return 1 + n % 2\n    return step\ncount = counter()",
    ),
    "counter of a class": Case(
        "Calls.n += 1  # here\nloss = loss * Calls.n",
        "changes Calls.n from 1 to 2",
        "class Calls:\n    n = 0",
    ),
    "counter of the network": Case(
        "state.policy.net.calls = getattr(state.policy.net, 'calls', 0) + 1  # here\n"
        "loss = loss * (1 + state.policy.net.calls % 2)",
        "changes state.policy.net.calls from 1 to 2",
    ),
    "counter of itertools": Case(
        "loss = loss * (1 + next(COUNT) // 7)  # here", "changes COUNT", "COUNT = itertools.count()"
    ),
    "every other update": Case(
        "loss = loss * (1 + state.policy.updates % 2)  # here", "reads a number of updates"
    ),
    "a late change": Case(
        "if state.policy.updates >= 500:  # here\n    loss = 2 * loss",
        "reads a number of updates",
        updates=520,
    ),
    "item": Case("loss = loss / loss.sum().item()  # here", "reads a tensor's value in Python"),
    "branch on a value": Case(
        "if loss.sum() > 1:  # here\n    loss = loss / 2", "reads a tensor's value in Python"
    ),
    "numpy": Case(
        "loss = loss * float(batch.rewards.numpy().mean() > 0)  # here",
        "reads a tensor's value in Python",
    ),
    "a shape": Case(
        "loss = loss + error[error > 0].mean()  # here", "a tensor whose shape depends on values"
    ),
    "randn_like": Case(
        "loss = (error + torch.randn_like(error)).square().mean((-2, -1))  # here",
        "draws random numbers outside `streams`",
    ),
    "numpy's draws": Case(
        "loss = loss * np.random.rand()  # here", "draws random numbers outside `streams`"
    ),
    "Python's draws": Case(
        "loss = loss * random.random()  # here", "draws random numbers outside `streams`"
    ),
    "a generator of its own": Case(
        "loss = loss * RNG.uniform()  # here", "changes RNG", "RNG = np.random.default_rng(0)"
    ),
    "a tensor that is replaced": Case(
        "state.total = state.total + 1  # here\nloss = loss * state.total", "changes state.total"
    ),
    "a tensor outside the state": Case(
        "MEAN.add_(1)  # here\nloss = loss * MEAN",
        "changes a tensor that is not in the state's tensors",
        "MEAN = torch.zeros(())",
    ),
    "two descents": Case(
        "state.policy.descend(error.abs().mean((-2, -1)))\n"
        "error = state.policy(batch.observations) - batch.actions\n"
        "state.policy.descend(error.square().mean((-2, -1)))  # here\n"
        "loss = (state.policy(batch.observations) - batch.actions).square().mean((-2, -1))",
        "lets a network descend a second time",
    ),
    "a change before each update": Case(
        "loss = loss * FACTOR[0]",
        "changes FACTOR[0] from",
        "FACTOR = [1.0]",
        "def refresh(state, replay, config):\n    FACTOR[0] *= 0.9  # here",
    ),
}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that trains a scratch method in this process and returns its folder."""
    place_data(tmp_path, random_data())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(registry.METHODS, NAME, registry.Entry(NAME))
    monkeypatch.setattr(training, "hash_of", lambda method, _: method)
    kept = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)}

    def run(case: Case, executor: str) -> Path:
        scratch_methods.write(
            tmp_path / f"{NAME}.py", case.inside, case.above, case.below, case.acting
        )
        cell = settings(
            method=NAME, updates=case.updates, log_every=10, config={}, executor=executor,
            products="torch",  # for equal bits: what is executed eagerly is multiplied by torch
            evaluation={"every": case.every, "episodes": 1}, suite=f"s-{executor}",
        )  # fmt: skip
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        folder = tmp_path / executor
        training.train(cell, tmp_path / TRANSITIONS / DATASET, folder, "cpu", 1, 1e9)
        return folder

    yield run
    for number, handler in kept.items():
        signal.signal(number, handler)


FILES = ("metrics.csv", "policy.safetensors", "evaluations.csv")


def recorded_as(folder: Path) -> Any:
    return json.loads(RunFolder(folder).record.read_text())


def marked(folder: Path) -> int:
    lines = (folder / f"{NAME}.py").read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.endswith(scratch_methods.MARK))


@pytest.mark.parametrize("name", CASES)
def test_it_is_executed_eagerly_and_the_line_is_named(
    name: str, job: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES[name]
    eager = job(case, "eager")
    capsys.readouterr()
    folder = job(case, "auto")
    for file in FILES:
        assert (folder / file).read_bytes() == (eager / file).read_bytes(), file
    record = recorded_as(folder)
    assert record["executor"] == "eager"
    assert case.says in record["not_recorded"]
    assert record["not_recorded"].startswith(f"{NAME}.py:{marked(tmp_path)}: the update ")
    output = capsys.readouterr().out
    assert output.count(record["not_recorded"]) == 1
    assert ("this run cannot be repeated" in output) == case.says.startswith("draws")


def test_an_evaluation_that_changes_a_number_makes_a_new_recording(job: Any) -> None:
    """The update does the same at every time between two evaluations."""
    inside, acting = "loss = loss * FACTOR[0]", "FACTOR[0] *= 0.9"
    case = Case(inside, "", "FACTOR = [1.0]", acting=acting, updates=60)
    eager, folder = job(case, "eager"), job(case, "auto")
    assert all((folder / file).read_bytes() == (eager / file).read_bytes() for file in FILES)
    assert recorded_as(folder)["executor"] == "recorded"


def test_what_is_made_once_is_recorded_from_then_on(job: Any) -> None:
    above = "WEIGHTS = []"
    inside = "if not WEIGHTS:\n    WEIGHTS.append(torch.ones(2) / 2)\nloss = loss * WEIGHTS[0]"
    case = Case(inside, "", above)
    eager, folder = job(case, "eager"), job(case, "auto")
    assert all((folder / file).read_bytes() == (eager / file).read_bytes() for file in FILES)
    assert recorded_as(folder)["executor"] == "recorded"
    assert "not_recorded" not in recorded_as(folder)


@pytest.mark.parametrize("executor", ["recorded", "compiled"])
def test_a_suite_that_asks_for_a_recording_gets_one_or_a_sentence(
    executor: str, job: Any, tmp_path: Path
) -> None:
    case = CASES["every other update"]
    with pytest.raises(BenchError) as caught:
        job(case, executor)
    assert str(caught.value) == (
        f"{NAME}.py:{marked(tmp_path)}: the update {COUNT}, so 'executor: {executor}' is not "
        "possible; change the line, or set 'executor: eager'."
    )
    assert not RunFolder(tmp_path / executor).record.exists()


def test_draws_outside_streams_are_told_of_eager_runs_too(
    job: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("randn_like", "numpy's draws"):
        job(CASES[name], "eager")
        place = f"{NAME}.py:{marked(tmp_path)}"
        assert capsys.readouterr().out.count(
            f"{place}: the update draws random numbers outside `streams`; this run cannot be"
        ) == 1  # fmt: skip
        shutil.rmtree(tmp_path / "eager")


def test_a_recording_that_is_no_longer_true_ends_the_run_and_its_checkpoint(
    job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment stands for everything outside that nobody can watch."""
    monkeypatch.setenv("FACTOR", "1")
    inside = "loss = loss * float(os.environ['FACTOR'])  # here"
    acting = "if state.policy.updates == 40:\n    os.environ['FACTOR'] = '2'"
    case = Case(inside, "", acting=acting, updates=200)
    with pytest.raises(StaleRecording) as caught:
        job(case, "auto")
    assert str(caught.value) == (
        f"{NAME}.py:{marked(tmp_path)}: the update uses a number that changes between updates: "
        "1.0, then 2.0, which a recording would freeze, and did not when it was recorded, so the "
        "run's results are discarded; set 'executor: eager' and run again."
    )
    assert not RunFolder(tmp_path / "auto").checkpoint.exists()


def test_a_resumed_run_stays_with_its_executor(job: Any) -> None:
    case = CASES["a late change"]._replace(updates=40)
    folder = job(case, "auto")
    RunFolder(folder).record.unlink()
    job(case, "auto")  # has nothing left to do
    record = recorded_as(folder)
    assert record["executor"] == "eager"
    assert COUNT in record["not_recorded"]
