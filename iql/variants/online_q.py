"""IQL whose policy takes the advantage from the online critics, as in JAX-CORL and fql.

V still regresses the target critics, as in every port. The order of the steps is the
authors' and JAX-CORL's; fql also takes V from before its step (old_v).
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
        target_q = state.target_critic(batch.observations, batch.actions).amin(0)

    value_loss = expectile_loss(target_q - state.value(batch.observations), config.expectile)
    state.value.descend(value_loss)

    with torch.no_grad():
        v = state.value(batch.observations)
        next_v = state.value(batch.next_observations)

    both = state.critic(batch.observations, batch.actions)
    q = both.detach().amin(0)  # from before the critics' step
    log_prob = state.policy.net.log_prob(batch.observations, batch.actions)
    actor_loss = policy_loss(q - v, log_prob, config.temperature)
    state.policy.descend(actor_loss)

    target = batch.rewards + config.discount * batch.masks * next_v
    q_loss = critic_loss(both, target)
    state.critic.descend(q_loss)

    state.target_critic.track(state.critic, config.polyak)
    return {
        "value_loss": value_loss.detach(),
        "actor_loss": actor_loss.detach(),
        "critic_loss": q_loss.detach(),
        "v": v.mean(-1),
        "advantage": (q - v).mean(-1),
    }
