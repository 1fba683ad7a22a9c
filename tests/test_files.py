"""JSON of files: whatever is wrong in it is one sentence."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.claims import record
from bench.claims.entries import read_entries
from bench.data.transitions import CARD, check_card
from bench.errors import BenchError
from bench.files import decode_json, read_json, read_sealed, sealed, write_json, write_rows
from bench.jobs import workflow_locks
from bench.jobs.status import _status
from bench.jobs.watch import running
from bench.paths import RunFolder
from bench.records.packed import read_cards
from bench.records.seals import problem
from bench.training import initial_run

DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (CARD, lambda path: check_card(path.parent, "hash")),
        (RunFolder(Path()).record.name, lambda path: initial_run._read(path.parent)),
        ("claims.json", read_entries),
        ("cards.json", read_cards),
        ("any.json", read_json),
        ("verdicts.json", lambda path: record.read(["a claim"], path)),
        ("status.json", _status),
    ],
)
@pytest.mark.parametrize("text", [DEEP, '{"a":', "\x00"], ids=["deep", "torn", "binary"])
def test_a_malformed_file_is_one_sentence(
    name: str, read: Callable[[Path], Any], text: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BenchError) as caught:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert len(str(caught.value).replace(str(tmp_path), "")) < 300


@pytest.mark.parametrize("text", ["[[]]", "null", "5", '"x"', '{"status": 5, "hash": null}'])
@pytest.mark.parametrize(
    "read",
    [
        lambda path: check_card(path.parent, "hash"),
        lambda path: initial_run._read(path.parent),
        lambda path: record.read(["a claim"], path),
        read_entries,
        _status,
    ],
)
def test_a_value_of_another_shape_is_one_sentence(
    read: Callable[[Path], Any], text: str, tmp_path: Path
) -> None:
    for name in (CARD, RunFolder(Path()).record.name):
        (tmp_path / name).write_text(text)
    with pytest.raises(BenchError, match=str(tmp_path)):
        read(tmp_path / CARD)


NOTES = ["[]", "null", "{}", '{"host": 1, "pid": "x", "locks": 2, "label": []}', "\udc80"]


@pytest.mark.parametrize("text", NOTES)
def test_a_note_of_another_shape_is_left_out(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    workflow_locks.FOLDER.mkdir(parents=True)
    for path in (tmp_path / "job.json", workflow_locks.FOLDER / "a.json"):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert running(tmp_path) == []
    assert workflow_locks.holders() == workflow_locks.clear() == []


def test_an_edited_file_does_not_match_its_seal(tmp_path: Path) -> None:
    write_json(tmp_path / "card.json", sealed({"return": {"mean": 5.0}}))
    assert read_sealed(tmp_path / "card.json")["return"] == {"mean": 5.0}
    edited = (tmp_path / "card.json").read_text().replace("5.0", "9.0")
    (tmp_path / "card.json").write_text(edited)
    with pytest.raises(BenchError, match=r"card\.json: differs from its seal; delete it"):
        read_sealed(tmp_path / "card.json")


def test_a_key_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": {"b": 1, "b": 2}}')
    with pytest.raises(BenchError, match=r"a\.json: not valid JSON \(a key occurs twice\)"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("write", [write_json, lambda path, value: write_rows(path, ["a"], value)])
def test_a_write_that_fails_half_way_leaves_the_file_before_it(
    write: Callable[[Path, Any], None], tmp_path: Path
) -> None:
    path = tmp_path / "a"
    write(path, [[1]])
    before = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(path, [[2]] * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_depth_is_a_value_error_like_any_other_fault(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        decode_json(DEEP)
    assert "not a sealed record" in str(problem(DEEP, lambda name: b""))
    (tmp_path / "job.json").write_text(DEEP)
    assert running(tmp_path) == []
