"""Event files: bytes by hand, and read back by a parser of its own (TensorBoard's, where it is)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from helpers.projects import MINIMAL, write_project
from helpers.suite_results import write_record

from bench.cli import watching
from bench.errors import BenchError
from bench.jobs.tensorboard import crc32c, masked, write
from bench.records.curves import finished_curves
from bench.records.stored_run import FolderRun


@pytest.mark.parametrize(
    ("content", "expected"),
    # RFC 3720, appendix B.4, and the usual check value.
    [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (b"", 0)],
)
def test_crc32c(content: bytes, expected: int) -> None:
    assert crc32c(content) == expected


def test_one_scalar_byte_by_byte(tmp_path: Path) -> None:
    write(tmp_path, [(300, "a/b", 1.5)])
    content = (tmp_path / "events.out.tfevents.0.bench").read_bytes()
    first, second = records(content)
    assert first == b"\x09" + bytes(8) + b"\x1a\x0dbrain.Event:2"
    # wall_time; step 300 = 2 * 128 + 44; summary of 12 bytes: a value of 10: tag, float 1.5
    summary = b"\x0a\x0a" + b"\x0a\x03a/b" + b"\x15\x00\x00\xc0\x3f"
    assert second == b"\x09" + bytes(8) + b"\x10\xac\x02" + b"\x2a\x0c" + summary


def records(content: bytes) -> Iterator[bytes]:
    while content:
        (length, check) = struct.unpack("<QI", content[:12])
        assert check == masked(content[:8])
        body, after = content[12 : 12 + length], content[12 + length : 16 + length]
        assert struct.unpack("<I", after) == (masked(body),)
        yield body
        content = content[16 + length :]


METRICS = (
    "phase,step,seed,loss,probe\noffline,50,0,0.5,\noffline,50,1,0.25,\noffline,100,0,0.125,7\n"
)
EPISODES = "phase,step,seed,episode,return,length\noffline,100,0,0,10.0,5\noffline,100,0,1,20.0,5\n"


def finished(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text(METRICS)
    (folder / "evaluations.csv").write_text(EPISODES)
    cell = {"method": folder.parts[-3], "task": {"task": folder.parts[-2]}, "seeds": [0, 1, 2]}
    write_record(folder, {"settings": cell})
    return folder


def test_curves_and_mean_returns_by_seed(tmp_path: Path) -> None:
    assert finished_curves(FolderRun(finished(tmp_path / "run"))) == {
        0: [
            (50, "offline/loss", 0.5),
            (100, "offline/loss", 0.125),
            (100, "offline/probe", 7.0),
            (100, "offline/return", 15.0),
        ],
        1: [(50, "offline/loss", 0.25)],
    }


def test_a_suite_has_a_folder_per_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(MINIMAL))
    with pytest.raises(BenchError, match="results/tiny: no verified or running run"):
        watching.tensorboard(Path("tiny.yaml"))
    finished(Path("results/tiny/runs/bc/hopper-medium/0-2"))
    changed = finished(Path("results/tiny/runs/iql/hopper-medium/0-2")) / "metrics.csv"
    changed.write_text(METRICS.replace("0.5", "five"))
    watching.tensorboard(Path("tiny.yaml"))
    assert "results/tiny/tensorboard: 2 curves" in capsys.readouterr().out
    found = {str(p.parent) for p in Path("results/tiny/tensorboard").rglob("events.*")}
    assert found == {f"results/tiny/tensorboard/hopper-medium/bc/{seed}" for seed in (0, 1)}


def test_tensorboard_itself_reads_them(tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed",
    )
    write(tmp_path, [(50, "offline/loss", 0.5), (100, "offline/loss", 0.25)])
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("offline/loss")] == [(50, 0.5), (100, 0.25)]
