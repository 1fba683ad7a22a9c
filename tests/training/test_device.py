"""The device of a job: said, checked, and never another than was granted without a word."""

from __future__ import annotations

import pytest
import torch

from bench.errors import BenchError
from bench.training.device import GRANTS, choose


@pytest.fixture(autouse=True)
def _no_grant(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (*GRANTS, "BENCH_DEVICE"):
        monkeypatch.delenv(key, raising=False)
    cards(monkeypatch, 0)


def cards(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("auto") == ("cpu", "torch finds no GPU")
    cards(monkeypatch, 1)
    assert choose("auto") == ("cuda", "torch finds a GPU")
    assert choose("cpu") == ("cpu", "as asked for")


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
