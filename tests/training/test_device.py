"""The device of a job: said, checked, and never another than was granted without a word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.paths import ROOT

from bench.errors import BenchError
from bench.training import device
from bench.training.cards import leases
from bench.training.device import GRANTS, choose


@pytest.fixture(autouse=True)
def _no_grant(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (*GRANTS, "BENCH_DEVICE"):
        monkeypatch.delenv(key, raising=False)
    cards(monkeypatch, 0)


def cards(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(device, "uuid", lambda card: f"made-up-{card.index}")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of lease files; what a test leases is free again afterwards."""
    monkeypatch.setattr(leases, "folder", lambda: tmp_path / "leases")
    monkeypatch.setattr(leases, "_held", [])
    return tmp_path / "leases"


@pytest.mark.usefixtures("place")
def test_auto_takes_a_free_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("auto") == ("cpu", "torch finds no GPU")
    cards(monkeypatch, 2)
    assert choose("auto") == ("cuda:0", "GPU 0 of 2 is free")
    assert choose("auto") == ("cuda:1", "GPU 1 of 2 is free")
    assert choose("cpu") == ("cpu", "as asked for")
    assert choose("cuda:1") == ("cuda:1", "as asked for")


def test_a_granted_gpu_needs_no_lease(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With several in the grant, each job of a workflow inside it takes one."""
    monkeypatch.setenv("SLURM_JOB_GPUS", "5")
    cards(monkeypatch, 1)
    assert choose("auto") == ("cuda", "granted in SLURM_JOB_GPUS")
    assert not place.exists()
    cards(monkeypatch, 2)
    assert [choose("auto")[0] for _ in range(2)] == ["cuda:0", "cuda:1"]


JOB = """
import sys
from pathlib import Path
from bench.training.cards.leases import take
print(take(["a", "b"], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def test_a_killed_job_leaves_its_card_to_the_next(tmp_path: Path) -> None:
    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", JOB, str(tmp_path)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def heard(job: subprocess.Popen[str]) -> str:
        assert job.stdout is not None
        return job.stdout.readline().strip()

    jobs = [start(), start()]
    try:
        taken = {heard(job): job for job in jobs}
        assert set(taken) == {"0", "1"}
        jobs.append(start())
        assert heard(jobs[2]) == "all 2 GPUs have a job; waiting for one"
        taken["1"].kill()
        assert heard(jobs[2]) == "1"
    finally:
        for job in jobs:
            job.kill()
            job.communicate()


def test_without_a_folder_for_leases_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match=r"no lease of a GPU .* or name a card with --device"):
        leases.take(["a"], tmp_path / "file" / "leases")


@pytest.mark.parametrize("key", GRANTS)
def test_a_granted_gpu_that_torch_cannot_use_is_an_error(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key, "0")
    with pytest.raises(BenchError, match=f"{key}=0 grants a GPU.*say --device cpu"):
        choose("auto")
    assert choose("cpu")[0] == "cpu"
    monkeypatch.setenv("BENCH_DEVICE", "cpu")
    assert choose("auto")[0] == "cpu"
    monkeypatch.delenv("BENCH_DEVICE")
    monkeypatch.setenv(key, "")
    assert choose("auto")[0] == "cpu"


@pytest.mark.parametrize("name", ["gpu", "mps", "0", "cuda:", "cuda:x", "cuda:-1", "", "CPU"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(BenchError, match="use auto, cpu, cuda or cuda:N"):
        choose(name)


def test_a_card_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchError, match=r"cuda is not there, torch .* finds 0 GPUs"):
        choose("cuda")
    cards(monkeypatch, 2)
    assert choose("cuda:1")[0] == "cuda:1"
    with pytest.raises(BenchError, match="cuda:3 is not there"):
        choose("cuda:3")
