"""Probes of a value in a maze: correlations on known cases, and a V that is known."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from helpers.maze_walks import STITCH_ENV as ENV
from helpers.maze_walks import walks
from torch import Tensor

from bench.config.types import Settings
from bench.data.transitions import Transitions
from bench.environments import vector
from bench.learning.types import Batch
from bench.maze_plans import STITCH
from bench.training import maze_probes
from bench.training.maze_probes import Probes, continued, correlation, rank_correlation, ranks
from bench.training.method_contract import make_replay
from bench.training.run import Run

CPU = torch.device("cpu")

# --- correlations ---------------------------------------------------------------------


def test_ranks_by_hand() -> None:
    assert ranks(np.array([3.0, -1.0, 7.0, 3.0, 3.0])).tolist() == [3, 1, 5, 3, 3]
    assert ranks(np.array([2.0, 2.0])).tolist() == [1.5, 1.5]


@pytest.mark.parametrize("levels", [5, 10_000])  # many ties, and few
def test_correlations_are_scipys(levels: int) -> None:
    rng = np.random.default_rng(levels)
    a = rng.integers(levels, size=300).astype(float)
    b = np.round(a + rng.normal(0, levels, 300))
    assert correlation(a, b) == pytest.approx(scipy.stats.pearsonr(a, b)[0], abs=1e-12)
    assert rank_correlation(a, b) == pytest.approx(scipy.stats.spearmanr(a, b)[0], abs=1e-12)


def test_ranks_see_order_alone() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(a, np.exp(5 * a)) == pytest.approx(1)
    assert rank_correlation(a, -(a**3)) == pytest.approx(-1)
    assert rank_correlation(a, np.array([2.0, 1.0, 4.0, 3.0])) == pytest.approx(0.6)  # 1 - 6*4/60


@pytest.mark.parametrize("other", [[1.0, 1.0, 1.0], [1.0, 2.0, np.nan], [1.0, 2.0, np.inf]])
@pytest.mark.parametrize("measure", [correlation, rank_correlation])
def test_what_has_no_correlation(measure: Any, other: list[float]) -> None:
    with np.errstate(invalid="ignore"):
        assert np.isnan(measure(np.array([1.0, 2.0, 3.0]), np.array(other)))


def test_rows_that_go_on_by_hand(walks: Transitions) -> None:
    short = walks.select(np.isin(np.arange(len(walks)), [0, 1, 2, 60, 61, 120]))  # 3, 2 and 1 rows
    assert continued(short, 1).tolist() == [0, 1, 2, 3, 4, 5]
    assert continued(short, 2).tolist() == [0, 1, 3]
    assert continued(short, 3).tolist() == [0]


# --- a known value --------------------------------------------------------------------


@pytest.fixture(name="walks")
def _walks() -> Transitions:
    return walks()


def method_of(**functions: Any) -> ModuleType:
    return SimpleNamespace(**functions)  # type: ignore[return-value]


def near(observations: Tensor) -> np.ndarray:
    flat = observations[..., :2].reshape(-1, 2).numpy()
    return -STITCH.path_distance(flat).reshape(observations.shape[:-1])


def test_a_value_that_knows_the_way_and_one_that_knows_its_opposite(walks: Transitions) -> None:
    scaled = 3.0, -0.01

    def value(state: Any, observations: Tensor, config: Any) -> Tensor:
        raw = torch.from_numpy(near(observations))
        return torch.stack([factor * raw[i] for i, factor in enumerate(scaled)])

    method = method_of(value=value)
    replay = make_replay(method, walks, None, "raw", "raw", CPU)
    one, two = Probes(method, ENV, walks, replay)(None, None, 2)
    assert one.keys() == {"value_start", "value_rank"}
    assert one["value_rank"] == pytest.approx(1)
    assert two["value_rank"] == pytest.approx(-1)
    env = vector.make(ENV)
    starts = np.array([env.reset(seed=i)[0][:2] for i in range(16)], np.float32)
    env.close()
    expected = -STITCH.path_distance(starts).mean()
    assert one["value_start"] == pytest.approx(3 * expected, rel=1e-6)
    assert two["value_start"] == pytest.approx(-0.01 * expected, rel=1e-6)


def test_an_advantage_that_is_the_progress(walks: Transitions) -> None:
    """Of row t: from there to the state 20 steps on, which is row t + 20 of the same episode."""
    complete = np.concatenate([walks.observations, walks.next_observations[-1:]])

    def advantage(state: Any, batch: Batch, config: Any) -> Tensor:
        rows = batch.columns["rows"][0].numpy()
        assert (rows % 60 <= 40).all()
        later = np.where(rows % 60 == 40, rows + 19, rows + 20)
        points = complete[later, :2]
        last = rows % 60 == 40  # whose 20 steps end with the episode
        points[last] = walks.next_observations[later[last], :2]
        gain = STITCH.path_distance(walks.observations[rows, :2]) - STITCH.path_distance(points)
        return torch.from_numpy(np.stack([2 * gain + 1, -gain, rows.astype(float)]))

    def value(state: Any, observations: Tensor, config: Any) -> Tensor:
        return observations[..., 0]

    method = method_of(value=value, advantage=advantage)
    replay = make_replay(method, walks, None, "raw", "standardised", CPU)
    found = [p["advantage_progress"] for p in Probes(method, ENV, walks, replay)(None, None, 3)]
    assert found[:2] == pytest.approx([1, -1])
    assert abs(found[2]) < 0.5


@pytest.mark.parametrize(("env_id", "functions"), [("Hopper-v4", {"value": None}), (ENV, {})])
def test_nothing_is_measured_without_a_maze_or_a_value(
    walks: Transitions, env_id: str, functions: dict[str, Any]
) -> None:
    method = method_of(**functions)
    replay = make_replay(method, walks, None, "raw", "raw", CPU)
    assert Probes(method, env_id, walks, replay)(None, None, 2) == [{}, {}]


# --- in a run -------------------------------------------------------------------------


def test_a_run_notes_them_at_evaluations(walks: Transitions) -> None:
    task = {"task": "maze", "family": "pointmaze", "env_id": ENV, "dataset": "d", "recipe": "none"}
    content = {"suite": "tiny", "method": "iql", "task": task, "seeds": [0, 3], "updates": 20}
    content |= {"batch_size": 16, "log_every": 10, "rewards": "minus_one", "observations": "raw"}
    content |= {"evaluation": {"every": 20, "episodes": 1}, "config": {"hidden": [8]}}
    run = Run(Settings.model_validate(content), walks, CPU)
    run.advance()
    run.advance()
    names = {"value_start", "value_rank", "advantage_progress"}
    assert not any(names & row.keys() for row in run.metrics)

    class Nothing:
        shape = (2, 1)

        def __call__(self, *arguments: Any) -> Any:
            return SimpleNamespace(returns=np.zeros((2, 1)), lengths=np.ones((2, 1), int))

    run.evaluate(Nothing())  # type: ignore[arg-type]
    assert [names <= row.keys() for row in run.metrics] == [False, False, True, True]
    first, second = run.metrics[2:]
    assert (first["seed"], second["seed"]) == (0, 3)
    assert all(np.isfinite(first[n]) and -1 <= first["value_rank"] <= 1 for n in names)
    assert first["value_rank"] != second["value_rank"]


def test_a_sample_is_the_same_in_every_run(walks: Transitions) -> None:
    method = method_of(value=None)
    replay = make_replay(method, walks, None, "raw", "raw", CPU)
    one, two = (Probes(method, ENV, walks, replay) for _ in range(2))
    assert torch.equal(one.observations, two.observations)
    assert torch.equal(one.rows, two.rows)
    assert len(one.nearness) == maze_probes.SAMPLE
