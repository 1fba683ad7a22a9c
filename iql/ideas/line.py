"""A task on a line, with data of small steps only; two of the experiments use it.

The state is a position in [-2, 2], and an action moves it by STEP times the action. The reward is
1 minus the distance from the middle after the step, minus a cost for steps larger than those in
the data. The optimum is computed on a grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.learning.learner import Learner, Target, constant
from bench.learning.networks import TwinCritic
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec
from iql import iql

STEP, REACH, SUPPORT = 0.25, 2.0, 0.3  # per unit action; line's end; largest action in the data
COST = 3.0
DISCOUNT = 0.9
SEEDS = (0, 1, 2, 3, 4)
ROWS, BATCH, UPDATES, EVERY = 10_000, 128, 4000, 200
CANDIDATES = 64  # actions that a maximum is taken over
RATE, POLYAK, HIDDEN = 1e-3, 0.01, (64, 64)
CONFIG = iql.Config(
    expectile=0.9, discount=DISCOUNT, polyak=POLYAK, learning_rate=RATE, hidden=HIDDEN
)

Policy = Callable[[Tensor], Tensor]  # (S, N, 1) positions -> (S, N, 1) actions


def step(places: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return next positions and rewards; all arrays have the same shape."""
    arrived = np.clip(places + STEP * actions, -REACH, REACH)
    excess = np.maximum(np.abs(actions) - SUPPORT, 0)
    return arrived, 1 - np.abs(arrived) - COST * excess


def data() -> dict[str, np.ndarray]:
    """Return random positions in [-1, 1] and random small steps: (rows, 1) or (rows,)."""
    rng = np.random.default_rng(0)
    places = rng.uniform(-1, 1, ROWS)
    actions = rng.uniform(-SUPPORT, SUPPORT, ROWS)
    arrived, rewards = step(places, actions)
    return {"o": places[:, None], "a": actions[:, None], "r": rewards, "next": arrived[:, None]}


def best_q(actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (n,) and the optimal Q of every action there (n, actions), on a grid."""
    places = np.linspace(-REACH, REACH, 801)
    arrived, rewards = step(places[:, None], actions[None, :])
    v = np.zeros(len(places))
    for _ in range(500):
        q = rewards + DISCOUNT * np.interp(arrived, places, v)
        new = q.max(1)
        if np.abs(new - v).max() < 1e-9:
            break
        v = new
    return places, q


@dataclass
class Trained:
    """Result of one algorithm, with its mean value of the data's positions during training."""

    q: Callable[[Tensor, Tensor], Tensor]  # (S, N, 1), (S, N, 1) -> (S, N)
    policy: Policy
    steps: list[int]
    values: list[list[float]]  # one list per step, with a value per seed


def batches() -> Callable[[int], Batch]:
    """Return a function that gives the batch of update t, equal for both algorithms."""
    rows = {k: torch.from_numpy(v).float() for k, v in data().items()}

    def batch(t: int) -> Batch:
        rng = np.random.default_rng((1, t))
        pick = torch.from_numpy(rng.integers(0, ROWS, (len(SEEDS), BATCH)))
        r = rows["r"][pick]
        return Batch(rows["o"][pick], rows["a"][pick], r, torch.ones_like(r), rows["next"][pick])

    return batch


def probe() -> Tensor:
    """Return positions of the data at which values are measured: (S, 200, 1)."""
    return torch.linspace(-1, 1, 200)[None, :, None].expand(len(SEEDS), -1, 1)


def train_iql() -> Trained:
    """Train with IQL's own update (iql/iql.py)."""
    streams = Streams(SEEDS, "initialisation")
    state = iql.init(Spec(1, 1, ROWS), CONFIG, streams, UPDATES)
    batch, steps, values = batches(), [], []
    for t in range(UPDATES):
        iql.update(state, batch(t), CONFIG, streams)
        if (t + 1) % EVERY == 0:
            with torch.no_grad():
                steps.append(t + 1)
                values.append(state.value(probe()).mean(1).tolist())
    return Trained(
        lambda o, a: state.target_critic(o, a).amin(0),
        lambda o: iql.act(state, o, CONFIG),
        steps,
        values,
    )


def train_q_learning() -> Trained:
    """Train Q <- r + discount * max over candidate actions of the smaller target Q.

    The candidates lie in [-1, 1], mostly outside the data. The policy takes the best of them.
    """
    streams = Streams(SEEDS, "initialisation")
    critic = Learner(TwinCritic([2, *HIDDEN], streams), constant(RATE))
    target = Target(critic)
    candidates = torch.linspace(-1, 1, CANDIDATES)

    def of_all(o: Tensor) -> Tensor:
        """Return the smaller target Q of all candidates: (S, N, 1) -> (S, N, candidates)."""
        seeds, count, _ = o.shape
        pairs = o.repeat_interleave(CANDIDATES, 1)
        actions = candidates.repeat(count)[None, :, None].expand(seeds, -1, 1)
        return target(pairs, actions).amin(0).view(seeds, count, CANDIDATES)

    batch, steps, values = batches(), [], []
    for t in range(UPDATES):
        b = batch(t)
        with torch.no_grad():
            aim = b.rewards + DISCOUNT * of_all(b.next_observations).amax(-1)
        critic.descend(iql.critic_loss(critic(b.observations, b.actions), aim))
        target.track(critic, POLYAK)
        if (t + 1) % EVERY == 0:
            with torch.no_grad():
                steps.append(t + 1)
                values.append(of_all(probe()).amax(-1).mean(1).tolist())
    return Trained(
        lambda o, a: target(o, a).amin(0),
        lambda o: candidates[of_all(o).argmax(-1)][..., None],
        steps,
        values,
    )
