"""The hash of the source is parsed once for each version of the code."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from bench import files
from bench.files import read_json
from bench.records import source_hash as records
from bench.training import kept_hash
from bench.training.kept_hash import KEPT, hash_of


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "iql-reproduction" / KEPT


def no_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> str:
        raise AssertionError("parsed again")

    monkeypatch.setattr(kept_hash, "source_hash", refuse)


def test_it_is_that_of_the_source_and_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = hash_of("bc")
    assert first == records.source_hash("bc")
    no_parsing(monkeypatch)
    assert hash_of("bc") == first
    with pytest.raises(AssertionError, match="parsed again"):
        hash_of("iql")


def test_a_changed_file_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_of("bc")
    texts = dict(records.here().texts)
    texts["bench/seeds.py"] += "\n# changed\n"
    monkeypatch.setattr(kept_hash, "here", lambda: records.Tree(texts))
    no_parsing(monkeypatch)
    with pytest.raises(AssertionError, match="parsed again"):
        hash_of("bc")


@pytest.mark.parametrize("damage", ["", "[1]", '{"a": 1', "hash"])
def test_what_is_damaged_is_made_again(damage: str, place: Path) -> None:
    first = hash_of("bc")
    (key,) = read_json(place)
    place.write_text(f'{{"{key}": "../../x"}}' if damage == "hash" else damage)
    assert hash_of("bc") == first
    assert read_json(place) == {key: first}


def test_old_versions_are_forgotten(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setattr(kept_hash, "MOST", 2)
    for method in ("bc", "iql", "td3_bc"):
        hash_of(method)
    assert len(read_json(place)) == 2


def test_a_full_disk_keeps_nothing_and_ends_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_json", full)
    assert hash_of("bc") == records.source_hash("bc")
