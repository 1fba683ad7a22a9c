"""The benchmark of a GPU, with the processor in its place and a few updates of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.paths import ROOT

from bench.cli import measure
from bench.errors import BenchError
from bench.speed import card

COUNTS = card.Counts(
    seeds=(1, 3), widths=(8,), methods=("iql", "bc"), block=2, rows=2000, seconds=0.01,
    compared=3, stacked=4,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def compiled_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling takes half a minute of a processor."""
    real = card.prepared_run

    def prepared(*given: Any, **options: Any) -> Any:
        return real(*("recorded" if part == "compiled" else part for part in given), **options)

    monkeypatch.setattr(card, "prepared_run", prepared)


def test_one_file_has_every_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiled_as_recorded(monkeypatch)
    content = card.measure("cpu", tmp_path, COUNTS)
    assert json.loads((tmp_path / card.FILE).read_text()) == json.loads(json.dumps(content))
    assert [(c["width"], c["seeds"]) for c in content["scale"]] == [(8, 1), (8, 3)]
    assert [c["method"] for c in content["methods"]] == ["iql", "bc"]
    for cell in (*content["scale"], *content["methods"], *content["compiled"]):
        each = cell["seeds"] / cell["seed_updates_per_second"]
        assert cell["seconds_of_1000000_updates"] == pytest.approx(1e6 * each)
        assert cell["gpu_megabytes"] is None
    assert [c["method"] for c in content["compared"]] == ["iql", "bc"]
    assert all(c["relative"] == 0 for c in content["compared"])  # the processor with itself
    (stacked,) = content["stacked"]
    assert stacked["seeds"] == 4
    assert stacked["relative"] < 1e-5
    assert {"date", "machine", "versions", "commit", "device", "driver"} <= content.keys()


def test_what_fails_or_comes_too_late_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_memory(*given: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB")

    monkeypatch.setattr(card, "prepared_run", no_memory)
    content = card.measure("cpu", tmp_path, COUNTS)
    assert [c["failed"] for c in content["scale"]] == ["CUDA out of memory."] * 2
    late = card.measure("cpu", tmp_path, card.Counts(widths=(8,), rows=100, limit=-1))
    cells = [c for part in ("scale", "stacked", "compared") for c in late[part]]
    assert {c["not_run"] for c in cells} == {"after -1 s"}
    assert [c["seeds"] for c in late["scale"]] == [1, 2, 4, 8, 16, 32, 64]


def test_a_difference_is_that_of_the_worst_tensor() -> None:
    ours = {"a": torch.tensor([100.0, 1.0]), "b": torch.tensor([0.2])}
    theirs = {"a": torch.tensor([101.0, 1.0]), "b": torch.tensor([0.1])}
    found = card.differences(ours, theirs)
    assert found["largest"] == 1
    assert found["in"] == "b"
    assert found["relative"] == pytest.approx(1)


def test_a_seed_of_a_block_is_compared_with_itself_alone() -> None:
    rows = card.synthetic(2000)
    settled = card.in_a_block("cpu", rows, "iql", 8, updates=2, seeds=3)
    assert settled["relative"] < 1e-5
    other = card._trained("cpu", rows, "iql", 8, (0,), 2)
    last = card._trained("cpu", rows, "iql", 8, (2,), 2)
    apart = card.differences(card._networks(other), card._networks(last))
    assert apart["relative"] > 0.1  # another seed would not pass


def test_without_a_gpu_the_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cuda is not there"):
        measure.benchmark(device="cuda", out=tmp_path)
    assert not list(tmp_path.iterdir())
