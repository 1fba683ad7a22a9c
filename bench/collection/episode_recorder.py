"""Record episodes during data collection."""

from __future__ import annotations

import numpy as np
from minari.data_collector import EpisodeBuffer


class Recorder:
    """An episode being recorded."""

    def __init__(self, observation: np.ndarray):
        self.observations = [observation]
        self.actions: list[np.ndarray] = []
        self.rewards: list[float] = []

    def __len__(self) -> int:
        return len(self.rewards)

    def add(self, action: np.ndarray, reward: float, observation: np.ndarray) -> None:
        self.actions.append(action)
        self.rewards.append(reward)
        self.observations.append(observation)

    def finish(self, terminated: bool) -> EpisodeBuffer:
        """Return the episode: T + 1 observations, T of the rest; truncated if not terminated."""
        flags = np.zeros((2, len(self)), dtype=bool)
        flags[0 if terminated else 1, -1] = True
        return EpisodeBuffer(
            observations=np.asarray(self.observations, dtype=np.float32),
            actions=np.asarray(self.actions, dtype=np.float32),
            rewards=np.asarray(self.rewards, dtype=np.float32),
            terminations=flags[0],
            truncations=flags[1],
        )
