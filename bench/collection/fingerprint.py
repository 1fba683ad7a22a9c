"""Fingerprints of collected data: equal on every processor, or two machines have two tables."""

from __future__ import annotations

import hashlib

import numpy as np
from minari.data_collector import EpisodeBuffer

from bench.collection.collect import BEHAVIORS, follow
from bench.paths import shipped

FINGERPRINTS = shipped(BEHAVIORS) / "fingerprints.csv"  # of every processor seen
ROWS = 1_000
COLLECTED = {
    "halfcheetah/medium": "HalfCheetah-v4",
    "hopper/medium": "Hopper-v4",
    "hopper/medium-expert": "Hopper-v4",
    "walker2d/medium": "Walker2d-v4",
    "antmaze/medium-play": "bench.antmaze:AntMazeMediumFixed-v0",
    "pointmaze/stitch": "bench.maze:PointMazeStitch-v0",
}


def fingerprint(recipe: str) -> str:
    """Return a hash of the first rows that the recipe collects with seed 0, to their last bit."""
    episodes, _ = follow(recipe, COLLECTED[recipe], ROWS, 0, lambda _: None)
    return hash_of(episodes)


def hash_of(episodes: list[EpisodeBuffer]) -> str:
    """Return the hash of the episodes' observations, actions and rewards, as 16 hex digits."""
    digest = hashlib.sha256()
    for episode in episodes:
        for part in (episode.observations, episode.actions, episode.rewards):
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]
