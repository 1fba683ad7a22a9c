"""Runs with an offline and an online phase on the tiny problem of training_jobs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.config.registry import ONLINE
from bench.config.types import Settings
from bench.data.transitions import Transitions
from helpers import training_jobs

CONFIGS: dict[str, dict[str, Any]] = {
    "iql": {"cosine_actor": False},
    "awac": {"policy_hidden": [16, 16]},
    "cql": {"samples": 2, "warm_start": 5},
    "cql_antmaze": {"samples": 2, "warm_start": 5},
    "cal_ql": {"samples": 2},
    "sac": {"warm_up": 30},
    "sac_iql": {"warm_up": 30, "uniform": False},
    "ppo": {"horizon": 25, "minibatches": 5, "epochs": 2},
}
CONFIGS["ppo_iql"] = CONFIGS["ppo"] | {"activation": "relu", "bounded_mean": True}
CONFIGS["ppo_iql"] |= {"running_scales": False}


def settings(method: str = "iql", **changes: Any) -> Settings:
    """20 updates offline and 80 steps online, unless `changes` say otherwise."""
    content: dict[str, Any] = {
        "method": method,
        "updates": 0 if method in ONLINE else 20,
        "rewards": "minus_one",
        "evaluation": {"every": 20, "episodes": 2},
        "online": {"steps": 80, "every": 40, "episodes": 3},
        "config": {"hidden": [16, 16]} | CONFIGS.get(method, {}),
    }
    return training_jobs.settings(**content | changes)


def data() -> Transitions:
    """Return random transitions some of which are terminal, with rewards between 0 and 2."""
    made = training_jobs.random_data()
    rng = np.random.default_rng(1)
    rewards = rng.uniform(0, 2, len(made)).astype(np.float32)
    return replace(
        made, rewards=rewards, masks=(rng.uniform(size=len(made)) > 0.1).astype(np.float32)
    )


def place(folder: Path) -> Path:
    """Write the data where a run started in `folder` looks for them; return `folder`."""
    return training_jobs.place_data(folder, data())
