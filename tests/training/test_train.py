"""The training loop through its command: killed and resumed, stopped, diverged, repeated."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from pathlib import Path

import pytest
import torch
from gymnasium.wrappers import TransformReward
from helpers.training_jobs import (
    DATASET,
    place_data,
    random_data,
    results,
    same_files,
    settings,
    start,
    wait_for,
)

from bench.data import transitions
from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.paths import TRANSITIONS
from bench.training.rollout import Evaluator
from bench.training.run import Run

LONGER = settings(updates=2000, evaluation={"every": 500, "episodes": 2})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a job that nothing interrupts."""
    folder = place_data(tmp_path_factory.mktemp("undisturbed"), random_data())
    assert start(folder, LONGER).wait(120) == 0
    return results(folder, LONGER)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_interrupted_and_resumed_equals_undisturbed(
    place: Path, undisturbed: Path, blow: signal.Signals
) -> None:
    folder = results(place / "b", LONGER)
    process = start(place / "b", LONGER, "--checkpoint-every", "0")
    wait_for((folder / "checkpoint.safetensors").exists, process)
    time.sleep(0.5)
    process.send_signal(blow)
    # A request to stop saves at once and asks for another try; a SIGKILL cannot.
    assert process.wait(30) == (-signal.SIGKILL if blow == signal.SIGKILL else 75)
    assert not (folder / "run.json").exists()

    resumed = start(place / "b", LONGER)
    output = resumed.communicate(timeout=120)[0]
    assert resumed.returncode == 0, output
    assert json.loads((folder / "run.json").read_text())["resumed"] == 1
    same_files(undisturbed, folder)


def test_a_signal_to_the_compiler_too_is_a_request_to_stop(place: Path) -> None:
    begun, compiler = place / "begun", place / "g++"
    compiler.write_text(
        '#!/bin/sh\ncase "$*" in *version*) echo "g++ 13.0"; exit;; esac\n'
        f"[ -e {begun} ] && exit 1\ntouch {begun}\nsleep 60\n"
    )
    compiler.chmod(0o755)
    cell = settings()
    process = start(
        place / "a", cell, "--executor", "compiled",
        CXX=str(compiler), TORCHINDUCTOR_CACHE_DIR=str(place / "cache"),
    )  # fmt: skip
    wait_for(begun.exists, process)
    os.killpg(process.pid, signal.SIGTERM)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 75, output
    assert output.splitlines()[-1] == (
        "stopped by a signal before its update was compiled; run again to continue"
    )
    assert not (results(place / "a", cell) / "checkpoint.safetensors").exists()


def test_a_run_describes_itself(place: Path) -> None:
    cell = settings()
    process = start(place / "a", cell)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    folder = results(place / "a", cell)
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "done"
    assert record["settings"] == cell.model_dump(mode="json")
    assert {"32x16x16 nn", "16x32x16 tn"} <= set(record["products"]["chosen"])
    assert record["config"]["hidden"] == [16, 16]
    assert record["config"]["expectile"] == 0.7  # IQL's default, filled in
    data = Transitions.load(place / "a" / TRANSITIONS / DATASET)
    assert record["dataset_hash"] == transitions.content_hash(data)
    rows = (folder / "evaluations.csv").read_text().splitlines()
    assert rows[0] == "phase,step,seed,episode,return,length"
    assert len(rows) == 1 + 3 * 2 * 2  # evaluations x seeds x episodes
    # The pendulum pays 1 a step: an independent check of return against length.
    assert all(float(r.split(",")[4]) == float(r.split(",")[5]) for r in rows[1:])


def test_other_settings_do_not_resume_a_checkpoint(place: Path) -> None:
    first = start(place / "a", settings())
    assert first.wait(60) == 0
    other = settings(config={"hidden": [16, 16], "expectile": 0.8})
    second = start(place / "a", other)
    output = second.communicate(timeout=60)[0]
    assert "starting from scratch" in output
    record = json.loads((results(place / "a", other) / "run.json").read_text())
    assert record["resumed"] == 0
    assert record["config"]["expectile"] == 0.8


def test_missing_data_is_one_sentence(tmp_path: Path) -> None:
    process = start(tmp_path, settings())
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert "observations.npy: file not found" in output
    assert "Traceback" not in output


def test_one_diverged_seed_does_not_touch_the_others(data: Transitions) -> None:
    def run(poison: bool) -> Run:
        result = Run(settings(), data, torch.device("cpu"))
        if poison:
            first = next(result.state.value.net.parameters())
            first.data[1] = float("nan")
        for _ in range(3):
            result.advance()
        return result

    healthy, poisoned = run(False), run(True)
    assert healthy.diverged == {}
    assert poisoned.diverged == {3: 10}
    for a, b in zip(
        healthy.state.policy.net.parameters(), poisoned.state.policy.net.parameters(), strict=True
    ):
        assert torch.equal(a[0], b[0])
        assert b[1].isnan().any()


def test_a_return_that_is_not_finite_ends_its_seed_alone(
    data: Transitions, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(settings(), data, torch.device("cpu"))
    evaluator = Evaluator(settings().task.env_id, seeds=2, episodes=2)
    evaluator.envs[3] = TransformReward(evaluator.envs[3], lambda _: float("nan"))
    run.advance()
    run.evaluate(evaluator)
    evaluator.close()
    assert run.diverged == {3: 10}
    assert "seed 3: non-finite return of episode 1 at offline step 10" in capsys.readouterr().out
    assert [(row.seed, row.episode) for row in run.evaluations] == [(0, 0), (0, 1)]


def test_disk_full_keeps_the_previous_checkpoint(data: Transitions, tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: the write fails half-way."""
    path = tmp_path / "checkpoint.safetensors"
    run = Run(settings(), data, torch.device("cpu"))
    run.save(path, "x")
    before = path.read_bytes()
    run.advance()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(BenchError, match=r"cannot be written .*too large"):
            run.save(path, "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
