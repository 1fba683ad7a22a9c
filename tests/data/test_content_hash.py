"""The hash of transitions: of every value, and of nothing else; it leaves memory as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.flat_data import ARRAYS, flat

from bench.data import transitions
from bench.data.prepare import write
from bench.data.transitions import Transitions, content_hash


@pytest.mark.parametrize("name", ARRAYS)
def test_any_changed_value_changes_the_hash(name: str) -> None:
    original = content_hash(flat())
    array = getattr(flat(), name)
    seen = {original}
    for i in range(array.size):
        other = array.copy()
        other.flat[i] += 1
        seen.add(content_hash(replace(flat(), **{name: other})))
    assert len(seen) == array.size + 1


def test_the_hash_depends_on_content_alone(tmp_path: Path) -> None:
    data = flat()
    write(data, {}, tmp_path / "set")
    loaded = Transitions.load(tmp_path / "set")
    strided = replace(data, observations=np.asfortranarray(data.observations))
    assert content_hash(loaded) == content_hash(data) == content_hash(strided)
    swapped = replace(
        data, observations=data.next_observations, next_observations=data.observations
    )
    assert content_hash(swapped) != content_hash(data)


def mapped_megabytes() -> float:
    """Return the resident pages of mapped files, which /proc counts in kB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("RssFile:")[1].split()[0]) / 1e3


@pytest.mark.parametrize("size", [1, 7, 40, 1 << 20])
def test_the_hash_does_not_depend_on_how_much_is_read_at_once(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = content_hash(flat())
    monkeypatch.setattr(transitions, "HASHED_AT_ONCE", size)
    assert content_hash(flat()) == whole
    last = flat().observations.copy()
    last[-1, -1] += 1
    assert content_hash(replace(flat(), observations=last)) != whole


def test_the_hash_changes_nothing_in_an_array_that_is_mapped_to_be_written(tmp_path: Path) -> None:
    np.save(tmp_path / "rewards.npy", flat().rewards)
    for mode in ("r+", "c"):
        mapped = np.load(tmp_path / "rewards.npy", mmap_mode=mode)
        mapped[0] = 7
        view = mapped.view()
        view.flags.writeable = False
        first = content_hash(replace(flat(), rewards=view))
        assert first == content_hash(replace(flat(), rewards=view))
        assert mapped[0] == 7


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_a_hash_leaves_no_mapped_pages_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "HASHED_AT_ONCE", 1 << 20)
    most, release = [0.0], transitions._release

    def watched(array: np.ndarray) -> None:
        most.append(mapped_megabytes())
        release(array)

    monkeypatch.setattr(transitions, "_release", watched)
    small = flat()
    rows = {name: np.resize(array, (1_000_000, *array.shape[1:])) for name, array in
            small.arrays().items()}  # fmt: skip
    write(Transitions(**rows), {}, tmp_path / "rows")
    data = Transitions.load(tmp_path / "rows")
    before = mapped_megabytes()
    assert content_hash(data) == content_hash(Transitions(**rows))
    assert sum(array.nbytes for array in data.arrays().values()) > 30e6
    assert max(most) - before < 6  # an array has up to 8 MB
    assert mapped_megabytes() - before < 3
    np.testing.assert_array_equal(data.observations[-5:], rows["observations"][-5:])
