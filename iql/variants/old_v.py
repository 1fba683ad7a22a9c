"""IQL in the order of CORL and rlkit: the targets of policy and Q precede V's step.

The advantage and Q's target take V from before this update. CORL also halves the critic's
loss and updates the target before the policy's step. Neither matters: Adam's step is
invariant to scale (up to its epsilon), and the policy uses values computed earlier.
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

    v = state.value(batch.observations)
    value_loss = expectile_loss(q - v, config.expectile)
    state.value.descend(value_loss)

    v = v.detach()  # from before the step
    log_prob = state.policy.net.log_prob(batch.observations, batch.actions)
    actor_loss = policy_loss(q - v, log_prob, config.temperature)
    state.policy.descend(actor_loss)

    target = batch.rewards + config.discount * batch.masks * next_v
    q_loss = critic_loss(state.critic(batch.observations, batch.actions), target)
    state.critic.descend(q_loss)

    state.target_critic.track(state.critic, config.polyak)
    return {
        "value_loss": value_loss.detach(),
        "actor_loss": actor_loss.detach(),
        "critic_loss": q_loss.detach(),
        "v": v.mean(-1),
        "advantage": (q - v).mean(-1),
    }
