"""Replay: batches hold the right rows, and a seed's draws are its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.data.transitions import Transitions
from bench.learning.replay import Replay
from bench.learning.scalers import ObservationScaler, RewardScaler
from bench.learning.streams import Streams
from bench.learning.types import Batch

ROWS = 6


def data() -> Transitions:
    """Row t is told apart by every one of its values."""
    t = np.arange(ROWS, dtype=np.float32)
    return Transitions(
        observations=np.column_stack([t, 10 + t, 20 + t]),
        actions=np.column_stack([t / 10, -t / 10]).astype(np.float32),
        rewards=100 + t,
        next_observations=np.column_stack([30 + t, 40 + t, 50 + t]),
        masks=(t % 2).astype(np.float32),
        episodes=np.array([0, 0, 0, 1, 1, 1], np.int32),
    )


def replay(
    rewards: str = "raw", observations: str = "raw", source: Transitions | None = None
) -> Replay:
    source = source or data()
    scaler = ObservationScaler.fit(observations, source)
    source = replace(source, rewards=RewardScaler.fit(rewards, source)(source.rewards))
    return Replay(source, scaler, torch.device("cpu"))


def test_a_batch_holds_the_rows_that_were_asked_for() -> None:
    table = replay()
    assert len(table) == ROWS
    rows = torch.tensor([[0, 5, 5, 2], [3, 1, 0, 4]])
    batch = table.batch(rows)
    assert batch.observations.shape == batch.next_observations.shape == (2, 4, 3)
    assert batch.actions.shape == (2, 4, 2)
    assert batch.rewards.shape == batch.masks.shape == (2, 4)
    for s in range(2):
        for b in range(4):
            t = int(rows[s, b])
            assert batch.observations[s, b].tolist() == [t, 10 + t, 20 + t]
            assert batch.next_observations[s, b].tolist() == [30 + t, 40 + t, 50 + t]
            assert batch.actions[s, b].tolist() == pytest.approx([t / 10, -t / 10])
            assert batch.rewards[s, b].item() == 100 + t
            assert batch.masks[s, b].item() == t % 2


def test_actions_are_kept_just_inside_the_bounds() -> None:
    source = data()
    source.actions[:3, 0] = [1.0, -1.0, 0.999]
    batch = replay(source=source).batch(torch.tensor([[0, 1, 2]]))
    limit = np.float32(1 - 1e-5)
    kept = batch.actions[0, :, 0].numpy()
    np.testing.assert_array_equal(kept, np.array([limit, -limit, 0.999], np.float32))
    assert source.actions[0, 0] == 1.0  # the data stay as they are


def test_both_observations_are_scaled_alike_and_rewards_transformed() -> None:
    batch = replay("minus_one", "standardised").batch(torch.tensor([[4]]))
    deviation = np.std(np.arange(ROWS)) + 1e-3  # of every column
    expected = (4 - 2.5) / deviation
    torch.testing.assert_close(batch.observations[0, 0], torch.full((3,), expected).float())
    following = np.array([34 - 2.5, 44 - 12.5, 54 - 22.5]) / deviation
    torch.testing.assert_close(batch.next_observations[0, 0], torch.tensor(following).float())
    assert batch.rewards.item() == 103


def test_memory_mapped_data_are_left_alone(tmp_path: object) -> None:
    source = data()
    for name in ("observations", "actions", "rewards", "next_observations", "masks"):
        getattr(source, name).flags.writeable = False
    assert replay(source=source).batch(torch.tensor([[1]])).rewards.item() == 101


def test_draws_cover_the_data_evenly() -> None:
    rows = replay().draw(Streams([0, 1], "batches"), 50, 60)
    assert rows.shape == (50, 2, 60)
    counts = torch.bincount(rows.flatten(), minlength=ROWS)
    assert len(counts) == ROWS
    # Binomial with n = 6000, p = 1/6: deviation 29; 150 is five of them.
    assert (counts - 1000).abs().max() < 150


def test_a_seed_draws_the_same_alone_and_in_any_block() -> None:
    table = replay()

    def drawn(seeds: list[int]) -> torch.Tensor:
        streams = Streams(seeds, "batches")
        return torch.cat([table.draw(streams, 3, 8), table.draw(streams, 2, 8)])

    block = drawn([4, 7, 9])
    assert torch.equal(drawn([7])[:, 0], block[:, 1])
    assert torch.equal(drawn([9, 7])[:, 0], block[:, 2])
    assert not torch.equal(block[:, 0], block[:, 1])


def windows(length: int, rows: list[list[int]]) -> Batch:
    """Of episodes of rows 0, 1 and 2, 3 and 4, 5; each row's column is a thousand more."""
    source = replace(data(), episodes=np.array([0, 0, 1, 2, 2, 2], np.int32))
    columns = {"thousand": 1000 + np.arange(ROWS, dtype=np.float32)}
    scaler = ObservationScaler.fit("raw", source)
    table = Replay(source, scaler, torch.device("cpu"), columns, window=length)
    return table.batch(torch.tensor(rows))


def test_windows_are_consecutive_rows_and_stop_at_the_episode_s_end() -> None:
    batch = windows(3, [[0, 1], [2, 3], [4, 5]])
    assert batch.observations.shape == batch.next_observations.shape == (3, 2, 3, 3)
    assert batch.actions.shape == (3, 2, 3, 2)
    rows = [[[0, 1, 1], [1, 1, 1]], [[2, 2, 2], [3, 4, 5]], [[4, 5, 5], [5, 5, 5]]]
    valid = [[[1, 1, 0], [1, 0, 0]], [[1, 0, 0], [1, 1, 1]], [[1, 1, 0], [1, 0, 0]]]
    assert batch.columns["rows"].tolist() == rows
    assert batch.columns["valid"].tolist() == valid
    # Every array follows the same rows.
    expected = torch.tensor(rows)
    assert torch.equal(batch.observations[..., 0], expected.float())
    assert torch.equal(batch.next_observations[..., 2], 50.0 + expected)
    torch.testing.assert_close(batch.actions[..., 1], -expected / 10)
    assert torch.equal(batch.rewards, 100.0 + expected)
    assert torch.equal(batch.masks, (expected % 2).float())


def test_steps_count_from_the_episode_s_start_whatever_the_window_s() -> None:
    batch = windows(3, [[0, 1], [2, 3], [4, 5]])
    expected = [[[0, 1, 2], [1, 2, 3]], [[0, 1, 2], [0, 1, 2]], [[1, 2, 3], [2, 3, 4]]]
    assert batch.columns["steps"].tolist() == expected


def test_columns_follow_the_rows_with_and_without_windows() -> None:
    rows = torch.tensor([[0, 5], [3, 2]])
    batch = windows(2, rows.tolist())
    assert torch.equal(batch.columns["thousand"], 1000.0 + batch.columns["rows"])
    source = data()
    scaler = ObservationScaler.fit("raw", source)
    columns = {"thousand": 1000 + np.arange(ROWS, dtype=np.float32)}
    single = Replay(source, scaler, torch.device("cpu"), columns).batch(rows)
    assert torch.equal(single.columns["thousand"], 1000.0 + rows)
    assert torch.equal(single.columns["rows"], rows)
    assert "valid" not in single.columns


def test_a_window_of_one_is_the_row_itself() -> None:
    batch = windows(1, [[0, 1, 2, 5]])
    assert batch.columns["rows"].tolist() == [[[0], [1], [2], [5]]]
    assert (batch.columns["valid"] == 1).all()
