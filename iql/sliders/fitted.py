"""Bellman iterations with networks, on the task of `iql.ideas.line`: two backups, equal otherwise.

In iteration k the critics of iteration k - 1 give a target to every row of the data, and the
critics are fitted to it. Two of the figures with sliders show them, and a third their advantages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.learning.learner import Learner, constant
from bench.learning.networks import TwinCritic, ValueNet
from bench.learning.streams import Streams
from iql.ideas import line
from iql.iql import critic_loss, expectile_loss

WAYS = {"maximum": "maximum over all actions", "iql": "expectile over the data’s actions"}
ITERATIONS, UPDATES = 40, 60  # updates of every network in an iteration
ROWS = 512
EXPECTILE = line.CONFIG.expectile
PLACE = 0.6  # where Q is looked at
ACTIONS = tuple(round(k / 20, 2) for k in range(-20, 21))
CANDIDATES = 41  # that the maximum is taken over, from -1 to 1


@dataclass
class Rows:
    """The data: (S, N, 1), or (S, N) for rewards, the same for all seeds."""

    places: Tensor
    actions: Tensor
    rewards: Tensor
    following: Tensor


@dataclass
class Fitted:
    """What the iterations made; the first entry of each list is from before them."""

    q: list[np.ndarray]  # at PLACE, by seed and action
    value: list[np.ndarray]  # mean over the data's positions, by seed
    asked: np.ndarray  # queries for a target, counted at the nearest of ACTIONS
    outside: np.ndarray  # queries in all, and of an action outside the data's range
    rows: Rows
    advantage: Tensor  # of the data, Q - V (S, N)


def rows() -> Rows:
    """Return the first rows of the data on the line."""
    found = {k: torch.from_numpy(v[:ROWS]).float() for k, v in line.data().items()}

    def all_seeds(x: Tensor) -> Tensor:
        return x[None].expand(len(line.SEEDS), *x.shape)

    return Rows(*(all_seeds(found[k]) for k in ("o", "a", "r", "next")))


def iterate(way: str) -> Fitted:
    """Return ITERATIONS of the backup `way`, one of WAYS."""
    streams = Streams(line.SEEDS, "sliders")
    critic = Learner(TwinCritic([2, *line.HIDDEN], streams), constant(line.RATE))
    value = Learner(ValueNet([1, *line.HIDDEN], streams), constant(line.RATE))
    data, asked, outside = rows(), np.zeros(len(ACTIONS), int), np.zeros(2, int)

    def ask(places: Tensor, actions: Tensor) -> Tensor:
        """Return the smaller of the two Qs: (S, N, 1), (S, N, 1) -> (S, N)."""
        with torch.no_grad():
            return critic(places, actions).amin(0)

    def counted(places: Tensor, actions: Tensor) -> Tensor:
        each = actions.numpy().ravel()
        nearest = np.abs(each[:, None] - np.array(ACTIONS)).argmin(1)
        asked[:] += np.bincount(nearest, minlength=len(ACTIONS))
        outside[:] += [len(each), (np.abs(each) > line.SUPPORT).sum()]
        return ask(places, actions)

    def best(places: Tensor, query: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return the maximum of Q over the candidates: (S, N, 1) -> (S, N)."""
        candidates = torch.linspace(-1, 1, CANDIDATES)
        seeds, count, _ = places.shape
        actions = candidates.repeat(count)[None, :, None].expand(seeds, -1, 1)
        q = query(places.repeat_interleave(CANDIDATES, 1), actions)
        return q.view(seeds, count, CANDIDATES).amax(-1)

    def fit_value() -> None:
        q = counted(data.places, data.actions)
        for _ in range(UPDATES):
            value.descend(expectile_loss(q - value(data.places), EXPECTILE))

    def state_value(places: Tensor) -> Tensor:
        with torch.no_grad():
            return best(places, ask) if way == "maximum" else value(places)

    here = torch.full((len(line.SEEDS), len(ACTIONS), 1), PLACE)
    there = torch.tensor(ACTIONS)[None, :, None].expand(len(line.SEEDS), -1, 1)
    snapshots, values = [ask(here, there).numpy()], [state_value(line.probe()).mean(1).numpy()]
    for _ in range(ITERATIONS):
        if way == "maximum":
            following = best(data.following, counted)
        else:
            fit_value()
            following = state_value(data.following)
        target = data.rewards + line.DISCOUNT * following
        for _ in range(UPDATES):
            critic.descend(critic_loss(critic(data.places, data.actions), target))
        snapshots.append(ask(here, there).numpy())
        values.append(state_value(line.probe()).mean(1).numpy())
    advantage = ask(data.places, data.actions) - state_value(data.places)
    return Fitted(snapshots, values, asked, outside, data, advantage)
