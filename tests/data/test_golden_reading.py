"""D4RL's files, converted and read, against what D4RL and three methods' programs make of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.golden.reading import (
    ANTMAZE,
    LOCOMOTION,
    NUMBERS,
    RECORD,
    WHOLE,
    Read,
    read,
    reward_factor_difference,
)

from baselines import cal_ql, onestep
from bench.data.transitions import Transitions
from bench.learning.scalers import RewardScaler

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", params=NUMBERS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Read:
    folder = tmp_path_factory.mktemp("reading")
    return Read(request.param, read(request.param, folder, "d4rl"))


def test_rows_equal_qlearning_dataset(found: Read) -> None:
    assert len(found.data) == len(found.theirs("rows/rewards"))
    for name in ("observations", "actions", "rewards", "next_observations"):
        np.testing.assert_array_equal(getattr(found.data, name), found.theirs(f"rows/{name}"))
    np.testing.assert_array_equal(found.data.masks == 0, found.theirs("rows/terminals"))


def test_trajectories_and_clipped_actions_equal_the_iql_authors(found: Read) -> None:
    np.testing.assert_array_equal(found.data.lengths(), found.theirs("iql/trajectory_lengths"))
    limit = 1 - RECORD.settings["iql_eps"]
    clipped = np.clip(found.data.actions, -limit, limit)
    np.testing.assert_array_equal(clipped.astype(np.float32), found.theirs("iql/actions"))


@pytest.mark.parametrize("found", LOCOMOTION, indirect=True)
def test_the_reward_factor_equals_the_iql_authors(found: Read) -> None:
    assert reward_factor_difference(found) < 5e-7
    scaled = RewardScaler.fit("return_range", found.data)(found.data.rewards)
    np.testing.assert_allclose(scaled, found.theirs("iql/rewards"), rtol=5e-7)


@pytest.mark.parametrize("found", WHOLE, indirect=True)
def test_the_reward_factor_of_all_rows_is_another(found: Read, tmp_path: Path) -> None:
    """docs/deviations.md says so of data collected here, whose reading is `full`."""
    full = read(found.number, tmp_path, "full")
    assert len(full) > len(found.data)
    scale = RewardScaler.fit("return_range", full).scale
    assert abs(scale / float(found.theirs("iql/factor")) - 1) > 1e-4


@pytest.mark.parametrize("found", ANTMAZE, indirect=True)
def test_returns_equal_cal_ql(found: Read) -> None:
    s = RECORD.settings["cal_ql"]
    rewards = RewardScaler.fit("centred_times_10", found.data)(found.data.rewards)
    np.testing.assert_array_equal(rewards, found.theirs("cal_ql/rewards"))
    data = Transitions(**(found.data.arrays() | {"rewards": rewards}))
    floor = cal_ql.returns_to_go(data, s["discount"], sparse=True)
    np.testing.assert_array_equal(floor, found.theirs("cal_ql/mc_returns"))


def test_sarsa_takes_every_next_action_that_onestep_takes(found: Read) -> None:
    columns = onestep.columns(found.data, onestep.Config())
    assert columns["known"].all()
    np.testing.assert_array_equal(
        found.data.rewards, found.theirs("onestep/rewards").astype(np.float32)
    )
    bootstraps = found.data.masks == 1
    limit = 1 - RECORD.settings["iql_eps"]  # of our replay; theirs does not clip here
    expected = found.theirs("onestep/next_actions").astype(np.float32).clip(-limit, limit)
    np.testing.assert_array_equal(columns["next_actions"][bootstraps], expected[bootstraps])
