"""What a method sees of rewards and observations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.learning.scalers import ObservationScaler, RewardScaler


def data_of(rewards: list[float], episodes: list[int]) -> Transitions:
    rows = len(rewards)
    observations = np.column_stack([np.arange(rows), np.full(rows, 7.0)]).astype(np.float32)
    return Transitions(
        observations=observations,
        actions=np.zeros((rows, 1), np.float32),
        rewards=np.array(rewards, np.float32),
        next_observations=observations + 100,
        masks=np.ones(rows, np.float32),
        episodes=np.array(episodes, np.int32),
    )


def transform_rewards(name: str, data: Transitions) -> np.ndarray:
    return RewardScaler.fit(name, data)(data.rewards)


def test_raw_rewards_stay() -> None:
    data = data_of([1, -2, 3], [0, 0, 1])
    np.testing.assert_array_equal(transform_rewards("raw", data), [1, -2, 3])


def test_return_range_by_hand() -> None:
    # Returns 3, -5 and 1: the spread is 8, the factor 125.
    data = data_of([1, 2, -5, 0.5, 0.5], [0, 0, 1, 2, 2])
    scaled = transform_rewards("return_range", data)
    np.testing.assert_array_equal(scaled, [125, 250, -625, 62.5, 62.5])
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(data.rewards, [1, 2, -5, 0.5, 0.5])  # the data stay raw


def test_return_range_refuses_equal_returns() -> None:
    data = data_of([1, 1, 2], [0, 0, 1])
    with pytest.raises(BenchError, match=r"^config/methods\.yaml, rewards: 'return_range'.*'raw'"):
        transform_rewards("return_range", data)


def test_minus_one() -> None:
    transformed = transform_rewards("minus_one", data_of([0, 1, 0], [0, 0, 1]))
    np.testing.assert_array_equal(transformed, [-1, 0, -1])
    assert transformed.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "expected"), [("centred_times_4", [-2, 2]), ("centred_times_10", [-5, 5])]
)
def test_centred_rewards(name: str, expected: list[float]) -> None:
    transformed = transform_rewards(name, data_of([0, 1], [0, 0]))
    np.testing.assert_array_equal(transformed, expected)
    assert transformed.dtype == np.float32


def test_standardised_observations_by_hand() -> None:
    scaler = ObservationScaler.fit("standardised", data_of([0, 0, 0], [0, 0, 0]))
    # First column 0, 1, 2: deviation sqrt(2/3). The second is constant: only the floor is left.
    torch.testing.assert_close(scaler.mean, torch.tensor([1.0, 7.0]))
    torch.testing.assert_close(scaler.scale, torch.tensor([(2 / 3) ** 0.5 + 1e-3, 1e-3]))
    seen = scaler(torch.tensor([[[2.0, 7.0]], [[0.0, 7.001]]]))  # (S, B, obs)
    z = 1 / ((2 / 3) ** 0.5 + 1e-3)
    torch.testing.assert_close(seen, torch.tensor([[[z, 0.0]], [[-z, 1.0]]]), rtol=1e-3, atol=1e-3)


def test_raw_observations_stay() -> None:
    scaler = ObservationScaler.fit("raw", data_of([0, 0], [0, 0]))
    observations = torch.tensor([[3.5, -2.0]])
    assert torch.equal(scaler(observations), observations)


def test_moving_the_scaler_keeps_its_values() -> None:
    scaler = ObservationScaler.fit("standardised", data_of([0, 0, 0], [0, 0, 0]))
    moved = scaler.to(torch.device("cpu"))
    assert torch.equal(moved.mean, scaler.mean)
    assert torch.equal(moved.scale, scaler.scale)
