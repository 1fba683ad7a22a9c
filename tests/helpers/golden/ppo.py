"""How cleanrl's recorded PPO minibatch steps are replayed on given rollouts."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from baselines import ppo
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec
from helpers.golden.record import (
    Named,
    Record,
    RecordedStreams,
    distance,
    furthest,
    laid_out,
    load,
    note_losses,
    precision,
)

FILE = "ppo"
TOLERANCE, FLOAT32 = 1e-10, 1e-5
LAYOUT = laid_out(
    {"policy.trunk": "policy", "policy.log_std": "policy/log_std", "value.trunk": "value"}
)


def config(s: dict[str, Any]) -> ppo.Config:
    return ppo.Config(
        hidden=tuple(s["hidden"]),
        running_scales=False,
        learning_rate=s["learning_rate"],
        discount=s["gamma"],
        gae_lambda=s["gae_lambda"],
        clip=s["clip_coef"],
        epochs=s["update_epochs"],
        minibatches=s["minibatches"],
        entropy_weight=s["ent_coef"],
        max_grad_norm=s["max_grad_norm"],
        horizon=s["num_steps"],
    )


class Outcome:
    """The largest differences of both iterations of the program."""

    def __init__(self, dtype: torch.dtype = torch.float64):
        with precision(dtype):
            self.record = record = Record(FILE)
            self.config = config(record.settings)
            spec = Spec(*(record.arrays[f"rollout/{k}"].shape[-1]
                          for k in ("observations", "actions")))  # fmt: skip
            steps = record.settings["num_steps"] * record.settings["iterations"]
            streams = Streams([0], "initialisation")
            self.state = ppo.init(spec, self.config, streams, steps)
            load(self.state, LAYOUT(record, "init"))
            self.parameters: dict[int, float] = {}
            self.reported: dict[str, float] = {}
            self.rates: list[float] = []
            self.computed: dict[str, float] = {}
            self.noted: Named = {}
            note_losses(self.state, self.noted)
            self._watch()
            orders = [("permutation", order) for order in record("draw/permutation").long()]
            permutations = RecordedStreams(orders)
            for iteration in range(record.settings["iterations"]):
                rollout = self.rollout(iteration)
                self._compare_computed(rollout, iteration)
                ppo.update(self.state, rollout, self.config, permutations)
            assert permutations.position == len(orders)

    def rollout(self, iteration: int) -> ppo.Rollout:
        """The recorded steps, collected one after another as in a run."""
        record, parts = self.record, []
        observations = torch.cat(
            [record(f"rollout/{k}")[iteration] for k in ("observations", "next_observation")]
        )
        dones = record("rollout/dones")[iteration]  # entry t: an episode ended before step t
        for t in range(len(observations) - 1):
            ended = dones[t + 1].view(1, 1)
            step = Batch(
                observations[t].view(1, 1, -1),
                record("rollout/actions")[iteration, t].view(1, 1, -1),
                record("rollout/rewards")[iteration, t].view(1, 1),
                1 - ended,
                observations[t + 1].view(1, 1, -1),
            )
            with torch.no_grad():
                parts.append(ppo.collect(self.state, step, ended, self.config))
        return ppo.Rollout.of(parts)

    def _compare_computed(self, rollout: ppo.Rollout, iteration: int) -> None:
        with torch.no_grad():
            observations, actions = (
                rollout.observations.flatten(1, 2),
                rollout.actions.flatten(1, 2),
            )
            values = self.state.value(observations)
            gae = ppo.advantages(rollout, values.view_as(rollout.rewards), self.config).flatten(1)
            found = {
                "values": values,
                "advantages": gae,
                "returns": gae + values,
                "logprobs": self.state.policy.net.log_prob(observations, actions),
            }
        for name, value in found.items():
            apart = distance(value[0], self.record(f"computed/{name}")[iteration])
            self.computed[name] = max(apart, self.computed.get(name, 0.0))

    def _watch(self) -> None:
        """Compare after each minibatch step, which the value's descent ends."""
        step_of_policy, step_of_value = self.state.policy.descend, self.state.value.descend

        def policy_step(loss: Tensor, max_norm: float | None = None) -> None:
            log_std = self.state.policy.net.log_std.detach().sum()
            dimension = self.state.policy.net.log_std.shape[-1]
            constant = dimension * (0.5 + 0.5 * math.log(2 * math.pi))  # of a normal's entropy
            self._report("entropy", log_std + constant)
            self._report("policy_loss", loss.detach() + self.config.entropy_weight * log_std)
            step_of_policy(loss, max_norm)

        def value_step(loss: Tensor, max_norm: float | None = None) -> None:
            self._report("value_loss", loss.detach())
            self.rates.append(self.state.value.schedule(self.state.value.updates))
            step_of_value(loss, max_norm)
            count = self.state.value.updates
            if count in self.record.snapshots():
                expected = LAYOUT(self.record, f"after{count}")
                self.parameters[count] = furthest(self.state, expected)

        self.state.policy.descend, self.state.value.descend = policy_step, value_step

    def _report(self, name: str, value: Tensor) -> None:
        theirs = self.record(f"loss/{name}")[self.state.value.updates]
        self.reported[name] = max(distance(value, theirs), self.reported.get(name, 0.0))
