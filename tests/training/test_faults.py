"""Faults made on purpose, a job at a time: nothing is lost, no score changes, the reason is said.

Kills by signal are in test_train.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import d4rl_files
from helpers.paths import PYTHONPATH, TESTS
from helpers.training_jobs import (
    DATASET,
    place_data,
    results,
    same_files,
    settings,
    small_files,
    start,
    wait_for,
)
from helpers.warm_jobs import WarmJob

from bench.data.transitions import Transitions
from bench.paths import LIVE, TRANSITIONS
from bench.records.layouts import FolderRun
from bench.statistics import scores
from bench.statistics.frames import read_csv
from bench.training import checkpoint
from bench.training.evaluate import Stopped
from bench.training.job_process import StopRequest
from bench.training.rollout import Evaluator
from bench.training.run import Run

CPU = torch.device("cpu")


def trained(run: Run, steps: int) -> Run:
    while run.step < steps:
        run.advance()
    return run


def same_state(a: Run, b: Run) -> None:
    assert (a.step, a.metrics, a.evaluations) == (b.step, b.metrics, b.evaluations)
    ours, theirs = checkpoint.state_tensors(a.state), checkpoint.state_tensors(b.state)
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name
    for name, streams in a.streams.items():
        assert torch.equal(streams.state(), b.streams[name].state()), name


class StopAfter(StopRequest):
    """A request that comes when it is looked at for the n-th time."""

    def __init__(self, looks: int):
        self.left = looks

    @property
    def is_set(self) -> bool:
        self.left -= 1
        return self.left <= 0


# --- a request to stop ----------------------------------------------------------------


@pytest.mark.parametrize("method", ["iql", "td3_bc", "awr"])  # plain, with branches, with refresh
def test_a_stop_takes_effect_after_one_update_and_changes_nothing(
    data: Transitions, tmp_path: Path, method: str
) -> None:
    cell = settings(method=method)
    whole = trained(Run(cell, data, CPU), 40)
    cut = Run(cell, data, CPU)
    assert cut.advance() == 10
    assert cut.advance(StopAfter(3)) == 3
    assert cut.step == 13
    cut.save(tmp_path / "c", "x")
    again = Run(cell, data, CPU)
    assert again.resume(tmp_path / "c", "x")
    assert again.advance(StopAfter(2)) == 2  # and stopped once more in the same chunk
    again.save(tmp_path / "c", "x")
    last = Run(cell, data, CPU)
    assert last.resume(tmp_path / "c", "x")
    assert last.advance() == 5
    same_state(trained(last, 40), whole)


def test_a_stop_ends_an_evaluation_which_is_then_begun_anew(data: Transitions) -> None:
    cell = settings()
    run, calm = (trained(Run(cell, data, CPU), 40) for _ in range(2))
    evaluator = Evaluator(cell.task.env_id, 2, 2)
    with pytest.raises(Stopped):
        run.evaluate(evaluator, StopAfter(3))
    assert not run.scored
    run.evaluate(evaluator)
    calm.evaluate(evaluator)
    assert run.scored
    same_state(run, calm)


def test_a_job_that_is_asked_to_stop_in_a_long_chunk_saves_at_once(place: Path) -> None:
    """Its only chunk would take minutes."""
    cell = settings(
        updates=200_000, log_every=200_000, evaluation={"every": 200_000, "episodes": 2}
    )
    process = start(place / "a", cell, "--executor", "eager")
    wait_for((place / "a/logs/progress").exists, process)
    time.sleep(3)
    process.terminate()
    assert process.wait(30) == 75
    found = checkpoint.load(results(place / "a", cell) / "checkpoint.safetensors", None)
    assert found is not None
    assert 0 < found[1]["step"] < 200_000


# --- torn files -----------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["cut", "flipped", "gone"])
def test_the_checkpoint_before_a_torn_one_serves(
    data: Transitions, tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    run = Run(settings(), data, CPU)
    for steps in (20, 30):
        trained(run, steps).save(path, "x")
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "flipped":
        content[-100] ^= 1
        path.write_bytes(content)
    else:  # killed between the two renames
        path.unlink()
    again = Run(settings(), data, CPU)
    assert again.resume(path, "x")
    assert again.step == 20
    assert ("not readable" in capsys.readouterr().out) == (harm != "gone")
    same_state(trained(again, 30), run)


# --- disks ----------------------------------------------------------------------------


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(place: Path) -> None:
    cell = settings()
    command = [sys.executable, "-m", "bench", "train", "--settings", cell.model_dump_json()]
    environment = os.environ | {"PYTHONPATH": PYTHONPATH}
    done = subprocess.run(
        command, cwd=place / "a", env=environment, text=True, capture_output=True, check=False,
        preexec_fn=small_files, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "checkpoint.safetensors: cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    folder = results(place / "a", cell)
    assert {p.name for p in folder.iterdir()} <= {".lock", LIVE}
    if (folder / LIVE).exists():  # no result needs its lines, but none is torn
        assert all(json.loads(line) for line in (folder / LIVE).read_text().splitlines())
    later = start(place / "a", cell)  # some space has been freed
    assert later.wait(120) == 0


def test_tensors_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    script = (
        "import sys, torch; sys.path.insert(0, sys.argv[1])\n"
        "from helpers.training_jobs import small_files\n"
        "from pathlib import Path; from bench.training.checkpoint import write_tensors\n"
        "small_files(); write_tensors(Path('x'), {'x': torch.zeros(5000)})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(TESTS)], cwd=tmp_path, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert "BenchError: x: cannot be written" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="no folder that root cannot write")
def test_results_that_cannot_be_written_stop_the_job_before_it_trains(place: Path) -> None:
    (place / "a/results").symlink_to("/sys/kernel")
    process = start(place / "a", settings())
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 2
    assert "error: [Errno" in output
    assert "fix that and run again" in output
    assert "Traceback" not in output
    assert " updates (" not in output  # no line of progress


# --- data -----------------------------------------------------------------------------


def replaced(folder: Path, data: Transitions) -> None:
    other = Transitions(**(vars(data) | {"rewards": data.rewards + 1}))
    place_data(folder, other)


def test_a_dataset_replaced_under_a_running_job_is_refused(place: Path, data: Transitions) -> None:
    cell = settings(updates=1000, evaluation={"every": 500, "episodes": 2})
    process = start(place / "a", cell, "--checkpoint-every", "0")
    wait_for((results(place / "a", cell) / "checkpoint.safetensors").exists, process)
    replaced(place / "a", data)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 2, output
    assert "was replaced while this run trained on it" in output
    assert not (results(place / "a", cell) / "run.json").exists()
    again = start(place / "a", cell)
    output = again.communicate(timeout=120)[0]
    assert again.returncode == 0
    assert "starting from scratch" in output
    replaced(place / "b", data)
    calm = start(place / "b", cell)
    assert calm.wait(120) == 0
    same_files(results(place / "a", cell), results(place / "b", cell))


def test_arrays_that_are_not_their_cards_are_refused(place: Path) -> None:
    folder = place / "a" / TRANSITIONS / DATASET
    (folder / "card.json").write_text(json.dumps({"hash": "0" * 64}))
    process = start(place / "a", settings())
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 2
    assert "the arrays do not match card.json; delete the folder" in output


# --- losses ---------------------------------------------------------------------------


def test_a_run_whose_seeds_all_diverge_stops_and_says_so(tmp_path: Path, data: Transitions) -> None:
    endless = Transitions(**(vars(data) | {"rewards": np.full_like(data.rewards, 1e30)}))
    place_data(tmp_path, endless)
    cell = settings(updates=100_000, evaluation={"every": 50_000, "episodes": 2})
    process = start(tmp_path, cell, "--executor", "recorded")
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    assert "seed 3: non-finite loss by offline step 10" in output
    folder = results(tmp_path, cell)
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "diverged"
    assert record["diverged"] == {"0": 10, "3": 10}
    row = d4rl_files.task(task="pendulum")  # config/tasks.tsv has none
    scores.collect_scores([FolderRun(folder)], tmp_path / "scores.csv", {row.task: row})
    assert len(read_csv(tmp_path / "scores.csv", scores.SCORE_COLUMNS)) == 0


# --- two at once ----------------------------------------------------------------------


def wait_for_line(process: WarmJob, text: str) -> str:
    assert process.stdout is not None
    while text not in (line := process.stdout.readline()):
        assert process.poll() is None
    return line


def test_a_second_process_waits_for_the_first_and_repeats_nothing(place: Path) -> None:
    cell = settings(updates=1000, evaluation={"every": 500, "episodes": 2})
    first = start(place / "a", cell, "--checkpoint-every", "0")
    wait_for((results(place / "a", cell) / "checkpoint.safetensors").exists, first)
    first.send_signal(signal.SIGSTOP)
    second = start(place / "a", cell)
    line = wait_for_line(second, "holds this run; waiting for it")
    assert f"process {first.pid} on " in line
    first.send_signal(signal.SIGCONT)
    assert first.wait(120) == 0
    written = (results(place / "a", cell) / "run.json").read_bytes()
    assert second.wait(120) == 0
    assert (results(place / "a", cell) / "run.json").read_bytes() == written
    assert json.loads((results(place / "a", cell) / "run.json").read_text())["resumed"] == 0


def test_one_that_waits_ends_when_asked_to(place: Path) -> None:
    cell = settings()
    first = start(place / "a", cell, "--checkpoint-every", "0")
    wait_for((results(place / "a", cell) / "checkpoint.safetensors").exists, first)
    first.send_signal(signal.SIGSTOP)
    second = start(place / "a", cell)
    wait_for_line(second, "holds this run; waiting for it")
    second.terminate()
    assert second.wait(30) == 75
    first.send_signal(signal.SIGCONT)
    assert first.wait(120) == 0
