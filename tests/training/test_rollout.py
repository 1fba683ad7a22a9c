"""Episodes that show a policy what is no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bench.training.rollout import Evaluator


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_an_episode_with_such_an_observation_returns_nan_and_the_others_go_on(value: float) -> None:
    evaluator = Evaluator("Pendulum-v1", seeds=2, episodes=1)
    env = evaluator.envs[0]
    plain = env.step

    def step(action: Any) -> Any:
        observation, *others = plain(action)
        return np.where([True, False, False], value, observation), *others

    env.step = step  # type: ignore[method-assign]
    found = evaluator(lambda seen, _: torch.zeros(2, 1, 1), [[0], [1]])
    evaluator.close()
    assert np.isnan(found.returns[0, 0])
    assert found.returns[1, 0] < 0
    assert (found.lengths == 200).all()
