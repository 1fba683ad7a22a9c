"""IQL in the order of d3rlpy: Q and V step together, the policy last.

d3rlpy gives the sum of both losses to one Adam. Neither loss has a gradient in the other's
parameters, and Adam is elementwise, so two Adams at the same rate take the same steps. The
remaining difference is that Q's target takes V(s') from before V's step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench.learning.streams import Streams
from bench.learning.types import Batch
from iql.iql import Config, State, act, critic_loss, expectile_loss, init, policy_loss, value

__all__ = ["Config", "State", "act", "init", "update", "value"]


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Update all networks once; return the metrics, (S,) each."""
    with torch.no_grad():
        q = state.target_critic(batch.observations, batch.actions).amin(0)
        next_v = state.value(batch.next_observations)

    target = batch.rewards + config.discount * batch.masks * next_v
    q_loss = critic_loss(state.critic(batch.observations, batch.actions), target)
    value_loss = expectile_loss(q - state.value(batch.observations), config.expectile)
    state.critic.descend(q_loss)
    state.value.descend(value_loss)

    with torch.no_grad():
        v = state.value(batch.observations)
    log_prob = state.policy.net.log_prob(batch.observations, batch.actions)
    actor_loss = policy_loss(q - v, log_prob, config.temperature)
    state.policy.descend(actor_loss)

    state.target_critic.track(state.critic, config.polyak)
    return {
        "value_loss": value_loss.detach(),
        "actor_loss": actor_loss.detach(),
        "critic_loss": q_loss.detach(),
        "v": v.mean(-1),
        "advantage": (q - v).mean(-1),
    }
