"""The buffer of the online phase: what batches hold, and what a file gives back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.learning.replay import Replay
from bench.learning.scalers import ObservationScaler, RewardScaler
from bench.learning.streams import Streams
from bench.training.online.replay_buffer import Buffer

CPU = torch.device("cpu")
ROWS, SEEDS = 5, 3


def replay(columns: bool = False) -> Replay:
    """Row t holds t in every place."""
    t = np.arange(ROWS, dtype=np.float32)
    data = Transitions(
        np.column_stack([t, t]), t[:, None] / 10, t, np.column_stack([t, t]), t * 0 + 1,
        np.zeros(ROWS, np.int32),
    )  # fmt: skip
    extra = {"value": t} if columns else {}
    scaler = ObservationScaler.fit("raw", data)
    return Replay(data, scaler, CPU, extra, None, RewardScaler(2.0, 1.0))


def add(buffer: Buffer, step: int) -> None:
    """A row of 100 + 10 step + seed in every place."""
    value = (100 + 10 * step + np.arange(buffer.seeds)).astype(np.float32)
    pair = np.column_stack([value, value])
    buffer.append(pair, value[:, None] / 1000, value, value * 0, pair)


def drawn(buffer: Buffer, size: int = 2000) -> list[list[float]]:
    """The different rewards that a large batch holds, by seed."""
    batch = buffer.batch(buffer.sample(Streams(range(buffer.seeds), "x"), size))
    assert torch.equal(batch.observations[..., 0], batch.rewards)
    assert torch.equal(batch.masks, (batch.rewards < 100).float())
    return [sorted(set(row.tolist())) for row in batch.rewards]


def test_a_batch_mixes_the_data_and_the_seeds_own_steps_alike() -> None:
    buffer = Buffer(replay(), ROWS, SEEDS, 4, 100)
    assert drawn(buffer) == [[0, 1, 2, 3, 4]] * SEEDS
    for step in range(3):
        add(buffer, step)
    own = [[100 + 10 * t + s for t in range(3)] for s in range(SEEDS)]
    assert drawn(buffer) == [[0, 1, 2, 3, 4, *own[s]] for s in range(SEEDS)]
    batch = buffer.batch(buffer.sample(Streams(range(SEEDS), "x"), 20_000))
    shares = torch.stack([(batch.rewards == v).float().mean() for v in (0, 4)])
    torch.testing.assert_close(shares, torch.full((2,), 1 / 8), rtol=0, atol=0.01)


def test_the_oldest_rows_leave_a_full_buffer() -> None:
    buffer = Buffer(replay(), ROWS, SEEDS, 8, 6)
    for step in range(3):
        add(buffer, step)
    assert drawn(buffer)[1] == [2, 3, 4, 101, 111, 121]
    for step in range(3, 8):
        add(buffer, step)
    assert drawn(buffer)[1] == [101 + 10 * t for t in range(2, 8)]


def test_without_the_data_only_what_was_added() -> None:
    buffer = Buffer(replay(), 0, SEEDS, 4, 100)
    add(buffer, 0)
    add(buffer, 1)
    assert drawn(buffer) == [[100 + s, 110 + s] for s in range(SEEDS)]


def test_mixing_fixes_the_share_of_the_data() -> None:
    buffer = Buffer(replay(), ROWS, SEEDS, 40, 100, mixing=0.25)
    assert drawn(buffer) == [[0, 1, 2, 3, 4]] * SEEDS  # as long as there is nothing else
    for step in range(40):
        add(buffer, step)
    batch = buffer.batch(buffer.sample(Streams(range(SEEDS), "x"), 400))
    assert (batch.rewards < 100).sum(1).tolist() == [100] * SEEDS
    assert len(set(batch.rewards[0, 100:].tolist())) == 40


def test_rows_with_columns_wait_for_the_end_of_their_episode() -> None:
    buffer = Buffer(replay(columns=True), ROWS, SEEDS, 4, 100)
    for step in range(3):
        add(buffer, step)
    assert drawn(buffer) == [[0, 1, 2, 3, 4]] * SEEDS
    episode = buffer.episode(1, 0, 2)
    assert episode.rewards.tolist() == [101, 111]
    assert episode.starts().tolist() == [0]
    buffer.complete(1, 0, {"value": np.array([7, 8], np.float32)})
    assert drawn(buffer) == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 101, 111], [0, 1, 2, 3, 4]]
    batch = buffer.batch(buffer.rows(1, 0, 2)[None])
    assert batch.columns["value"].tolist() == [[7, 8]]


def test_a_seeds_draws_do_not_depend_on_its_block() -> None:
    block, alone = Buffer(replay(), ROWS, 2, 4, 100), Buffer(replay(), ROWS, 1, 4, 100)
    for buffer in (block, alone):
        value = np.full((buffer.seeds, 1), 9, np.float32)
        pair = np.repeat(value, 2, axis=1)
        for _ in range(3):
            buffer.append(pair, value, value[:, 0], value[:, 0], pair)
    both = block.batch(block.sample(Streams([4, 9], "x"), 50)).rewards
    assert torch.equal(both[1:], alone.batch(alone.sample(Streams([9], "x"), 50)).rewards)


def test_a_file_gives_back_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    whole = Buffer(replay(), ROWS, SEEDS, 6, 100)
    add(whole, 0)
    whole.save(path)
    add(whole, 1)
    add(whole, 2)
    record = whole.save(path)
    size = path.stat().st_size
    assert size == 3 * SEEDS * (2 + 1 + 1 + 1 + 2) * 4
    add(whole, 3)
    whole.save(path)  # of a job that was killed before its checkpoint
    again = Buffer(replay(), ROWS, SEEDS, 6, 100)
    assert again.load(path, **record)
    assert again.steps == 3
    add(again, 3)
    assert again.save(path) == whole.save(path)
    for name in ("observations", "actions", "rewards", "masks", "next_observations"):
        assert torch.equal(getattr(whole, name), getattr(again, name))
    assert path.stat().st_size == 4 * size / 3


def test_a_file_that_is_cut_or_altered_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    whole = Buffer(replay(), ROWS, SEEDS, 6, 100)
    add(whole, 0)
    record = whole.save(path)
    content = path.read_bytes()
    other = Buffer(replay(), ROWS, SEEDS, 6, 100)
    for wrong in (content[:-4], content[:-1] + bytes([content[-1] ^ 1])):
        path.write_bytes(wrong)
        assert not other.load(path, **record)
    path.unlink()
    assert not other.load(path, **record)
    assert other.steps == 0
    assert drawn(other) == [[0, 1, 2, 3, 4]] * SEEDS


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    buffer = Buffer(replay(), ROWS, SEEDS, 6, 100)
    add(buffer, 0)
    (tmp_path / "rows").mkdir()  # nothing can be written there either
    with pytest.raises(BenchError, match=r"rows: cannot be written .* checkpoint is kept\.$"):
        buffer.save(tmp_path / "rows")
