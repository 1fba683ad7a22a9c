"""Checkpoints: whole or as before, and of this very run or ignored."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from bench.errors import BenchError
from bench.training import checkpoint
from bench.training.checkpoint import load, restore_state, save, state_tensors

RECORD = {"identity": "abc", "step": 500, "metrics": [[500, 0, 0.1 + 0.2]], "names": ["é"]}


def tensors(offset: float = 0.0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "weights": torch.randn(2, 3, 4, generator=generator) + offset,
        "view": torch.arange(12.0).view(3, 4).T + offset,  # not contiguous
        "state": torch.arange(7, dtype=torch.uint8),
        "step": torch.tensor([3], dtype=torch.int64),
        "graph": torch.ones(2, requires_grad=True),
    }


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "runs/0/checkpoint.safetensors"
    save(path, tensors(), RECORD)
    found = load(path, "abc")
    assert found is not None
    loaded, record = found
    assert record == RECORD
    assert loaded.keys() == tensors().keys()
    for name, value in tensors().items():
        assert torch.equal(loaded[name], value)
        assert loaded[name].dtype == value.dtype
    assert files(path.parent) == ["checkpoint.safetensors"]


def test_saving_again_replaces(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save(path, tensors(), RECORD)
    save(path, tensors(1.0), RECORD | {"step": 1000})
    found = load(path, "abc")
    assert found is not None
    assert torch.equal(found[0]["weights"], tensors(1.0)["weights"])
    assert found[1]["step"] == 1000
    assert files(tmp_path) == ["c.previous.safetensors", "c.safetensors"]


def test_what_is_saved_does_not_share_memory(tmp_path: Path) -> None:
    live = tensors()
    save(tmp_path / "c", live, RECORD)
    live["weights"].zero_()
    found = load(tmp_path / "c", "abc")
    assert found is not None
    assert torch.equal(found[0]["weights"], tensors()["weights"])


def test_no_file_is_no_checkpoint(tmp_path: Path) -> None:
    assert load(tmp_path / "absent", "abc") is None


def test_another_identity_is_ignored_but_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c"
    save(path, tensors(), RECORD)
    before = path.read_bytes()
    assert load(path, "abd") is None
    assert "from other settings, data or code" in capsys.readouterr().out
    assert path.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.3, 0.7, 0.999])
def test_a_torn_file_is_ignored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], share: float
) -> None:
    path = tmp_path / "c"
    save(path, tensors(), RECORD)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert load(path, "abc") is None
    assert f"{path}: not readable" in capsys.readouterr().out


@pytest.mark.parametrize(
    "metadata",
    [None, {"other": "x"}, {"record": "{torn"}, {"record": "[]"}, {"record": "{}"}],
)
def test_a_foreign_file_is_ignored(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "c", metadata=metadata)
    assert load(tmp_path / "c", "abc") is None


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "c")
    assert load(tmp_path / "c", "abc") is None


@pytest.mark.parametrize("stage", ["save_file", "fsync", "replace"])
def test_a_failed_save_keeps_the_previous_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    path = tmp_path / "c"
    save(path, tensors(), RECORD)
    before = path.read_bytes()

    def full_disk(*arguments: Any, **options: Any) -> None:
        if stage == "save_file":
            Path(arguments[1]).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    owner = checkpoint if stage == "save_file" else checkpoint.os
    monkeypatch.setattr(owner, stage, full_disk)
    with pytest.raises(BenchError, match=r"c: cannot be written .*No space left.*free some space"):
        save(path, tensors(1.0), RECORD | {"step": 1000})
    assert files(tmp_path) == ["c"]
    assert path.read_bytes() == before


class Part:
    """As a network with its optimiser."""

    def __init__(self, value: float):
        self.flat, self.moment = torch.full((2,), value), torch.full((2,), -value)

    def tensors(self) -> dict[str, Tensor]:
        return {"flat": self.flat, "moment": self.moment}

    def restore(self, own: dict[str, Tensor]) -> None:
        self.flat, self.moment = own["flat"], own["moment"]


@dataclass
class State:
    policy: Part
    policy_old: Part
    temperature: Tensor


def test_a_state_is_restored_part_by_part() -> None:
    state = State(Part(1.0), Part(2.0), torch.tensor([3.0]))
    named = state_tensors(state)
    assert sorted(named) == [
        "policy.flat",
        "policy.moment",
        "policy_old.flat",
        "policy_old.moment",
        "temperature",
    ]
    other = State(Part(0.0), Part(0.0), torch.zeros(1))
    restore_state(other, named)
    assert other.policy.flat.tolist() == [1, 1]
    assert other.policy.moment.tolist() == [-1, -1]
    assert other.policy_old.flat.tolist() == [2, 2]
    assert other.temperature.tolist() == [3]


@pytest.mark.parametrize("seed", range(8))
def test_no_flipped_bit_is_accepted(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Header, record and tensors: a changed file is not used, unless it says the same."""
    path = tmp_path / "c.safetensors"
    save(path, tensors(), RECORD)
    content, rng = path.read_bytes(), random.Random(seed)
    for _ in range(50):
        changed = bytearray(content)
        changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        found = load(path, "abc")
        if found is not None:
            assert found[1] == RECORD
            assert all(torch.equal(found[0][name], value) for name, value in tensors().items())
        else:
            assert "not used" in capsys.readouterr().out


def test_a_checkpoint_without_a_checksum_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_file({"a": torch.ones(1)}, path, metadata={"record": json.dumps(RECORD)})
    assert load(path, "abc") is None
