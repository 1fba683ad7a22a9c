"""A small dataset under Minari's own name."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest
from minari import create_dataset_from_buffers
from minari.data_collector import EpisodeBuffer

DATASET = "mujoco/hopper/medium-v0"


def make_dataset(root: Path, steps: int = 300) -> Path:
    """Random actions in Hopper-v5, in float64 as Minari's own; returns the folder."""
    root.mkdir(parents=True, exist_ok=True)
    env = gymnasium.make("Hopper-v5", max_episode_steps=50)
    env.action_space.seed(0)
    episodes, left = [], steps
    while left:
        observations, actions, rewards, ended = [env.reset(seed=left)[0]], [], [], False
        while left and not ended:
            actions.append(env.action_space.sample())
            observation, reward, terminated, truncated, _ = env.step(actions[-1])
            observations.append(observation)
            rewards.append(float(reward))
            ended, left = terminated or truncated, left - 1
        flags = np.zeros((2, len(rewards)), dtype=bool)
        flags[0 if terminated else 1, -1] = True
        episodes.append(
            EpisodeBuffer(
                observations=np.array(observations),
                actions=np.array(actions),
                rewards=np.array(rewards),
                terminations=flags[0],
                truncations=flags[1],
            )
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        about = dict.fromkeys(("algorithm_name", "author", "author_email", "description"), "a test")
        create_dataset_from_buffers(DATASET, episodes, env=env, eval_env=env, **about)
    env.close()
    return root / DATASET
