"""Decision Transformer: offline RL as a sequence model conditioned on a target return.

Chen, Lu, Rajeswaran, Lee, Grover, Laskin, Abbeel, Srinivas, Mordatch, "Decision Transformer:
Reinforcement Learning via Sequence Modeling", arXiv:2106.01345; details and defaults from
github.com/kzl/decision-transformer (gym). A trajectory is read as R_1, s_1, a_1, R_2, ...,
where R_t is the sum of the rewards from step t on, and each action is predicted from the tokens
up to its state. Acting starts from a target return and subtracts the rewards received.

The authors pad a sequence shorter than the context on the left and mask the padding; here it is
padded on the right, which earlier tokens cannot attend to. The function is the same.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from bench.data.transitions import Transitions
from bench.learning.learner import Learner, warm_up
from bench.learning.networks import torch_default
from bench.learning.ranges import Count, Finite, LearningRate, Positive, Share, Weight
from bench.learning.streams import Streams
from bench.learning.transformer import Block, Dropout, LayerNorm, causal_mask, linear, normal
from bench.learning.types import Actor, Batch, Spec

STATES = slice(1, None, 3)  # of the tokens R, s, a, R, s, a, ...
LAST_STATE = slice(-2, -1)


@dataclass(frozen=True)
class Config:
    """Defaults: gym/experiment.py of the authors' repository."""

    target_return: Finite = 3600.0  # target when acting; Hopper's first of two
    return_scale: Positive = 1000.0  # divides returns
    context: Count = 20  # K, steps in the context
    layers: Count = 3
    heads: Count = 1
    width: Count = 128  # of the tokens; ReLU layers have 4 times that
    dropout: Share = 0.1  # of embeddings, attention weights and each block's two changes
    max_steps: Count = 1000  # per episode; later steps share the last embedding
    learning_rate: LearningRate = 1e-4  # AdamW
    weight_decay: Weight = 1e-4  # AdamW, all parameters; rounds to no effect in float32
    warmup: Share = 0.1  # share of the run with a rising rate: 10,000 of 100,000
    max_norm: Positive = 0.25  # of the gradient; training/seq_trainer.py


class DecisionTransformer(nn.Module):
    """Tokens R, s, a of T steps -> actions predicted from some of the tokens."""

    mask: Tensor  # (3 K, 3 K)
    first_rows: Tensor  # (S, 1, 1), of each seed in the flattened embedding of steps

    def __init__(self, spec: Spec, config: Config, streams: Streams):
        super().__init__()
        seeds, width = len(streams), config.width
        self.share, self.max_steps = config.dropout, config.max_steps
        self.embed_return = linear(1, width, streams, torch_default())
        self.embed_state = linear(spec.observation_dim, width, streams, torch_default())
        self.embed_action = linear(spec.action_dim, width, streams, torch_default())
        times = [torch.randn(config.max_steps, width, generator=g) for g in streams.generators]
        self.embed_step = nn.Parameter(torch.stack(times))  # as nn.Embedding draws them
        self.embed_norm = LayerNorm(seeds, width)
        self.blocks = nn.ModuleList(
            Block(width, config.heads, streams, normal(0.02)) for _ in range(config.layers)
        )
        self.last_norm = LayerNorm(seeds, width)
        self.head = linear(width, spec.action_dim, streams, torch_default())
        self.register_buffer("mask", causal_mask(3 * config.context), persistent=False)
        first_rows = torch.arange(seeds).view(-1, 1, 1) * config.max_steps
        self.register_buffer("first_rows", first_rows, persistent=False)

    def forward(
        self,
        observations: Tensor,
        actions: Tensor,
        returns: Tensor,
        steps: Tensor,
        wanted: slice,
        streams: Streams | None = None,
    ) -> Tensor:
        """Predict actions: (S, B, T, obs), (S, B, T, act), (S, B, T), (S, B, T) -> (S, B, ., act).

        One action per `wanted` token of the 3 T; without `streams` there is no dropout.
        """
        batch, length = steps.shape[1:]
        tokens = torch.stack(
            [
                self.embed_return(returns.flatten(1).unsqueeze(-1)),
                self.embed_state(observations.flatten(1, 2)),
                self.embed_action(actions.flatten(1, 2)),
            ],
            dim=2,
        )  # (S, B T, 3, width)
        rows = self.first_rows + steps.clamp(max=self.max_steps - 1)
        times = embedding(rows.flatten(1), self.embed_step.flatten(0, 1))  # (S, B T, width)
        dropout = Dropout(self.share, streams)
        x = dropout(self.embed_norm((tokens + times.unsqueeze(2)).flatten(1, 2)))
        mask = self.mask[: 3 * length, : 3 * length]
        for block in self.blocks[:-1]:
            x = block(x, mask, dropout)
        x = self.last_norm(self.blocks[-1](x, mask, dropout, wanted))
        return torch.tanh(self.head(x)).unflatten(1, (batch, -1))


@dataclass
class State:
    policy: Learner[DecisionTransformer]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return a fresh transformer; `updates`, the length of the run, sets the warm-up."""
    rate = warm_up(config.learning_rate, round(config.warmup * updates))
    net = DecisionTransformer(spec, config, streams)
    return State(Learner(net, rate, streams.device, decoupled_decay=config.weight_decay))


def window(config: Config) -> int:
    """Return the number of consecutive steps in each draw of a batch."""
    return config.context


def columns(data: Transitions, config: Config) -> dict[str, np.ndarray]:
    """Return the scaled return-to-go (N,): the sum of rewards from each row to its episode end."""
    episodes = np.split(data.rewards.astype(np.float64), data.starts()[1:])
    sums = np.concatenate([np.cumsum(rewards[::-1])[::-1] for rewards in episodes])
    return {"returns_to_go": (sums / config.return_scale).astype(np.float32)}


def cloning_loss(predicted: Tensor, actions: Tensor, valid: Tensor) -> Tensor:
    """Return the mean squared error of the valid steps: (S, B, K, act) twice, (S, B, K) -> (S,)."""
    errors = (predicted - actions).square().mean(-1)
    return (errors * valid).sum((-2, -1)) / valid.sum((-2, -1))


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Take one regression step; return the metrics, (S,) each."""
    returns, steps, valid = (batch.columns[k] for k in ("returns_to_go", "steps", "valid"))
    predicted = state.policy.net(batch.observations, batch.actions, returns, steps, STATES, streams)
    loss = cloning_loss(predicted, batch.actions, valid)
    state.policy.descend(loss, config.max_norm)
    first = (part[:, :, :1] for part in (predicted.detach(), batch.actions, valid))
    return {
        "actor_loss": loss.detach(),
        "actor_loss_without_history": cloning_loss(*first),  # at a window's first step
        "return_to_go": returns[:, :, 0].mean(-1),
    }


class Rollout:
    """An actor in E environments per seed that sees the last `context` steps of each."""

    def __init__(self, state: State, config: Config):
        self.net, self.scale = state.policy.net, config.return_scale
        self.left: Tensor | float = config.target_return / config.return_scale
        self.count = 0
        self.observations: deque[Tensor] = deque(maxlen=config.context)
        self.actions: deque[Tensor] = deque(maxlen=config.context)
        self.returns: deque[Tensor] = deque(maxlen=config.context)

    def __call__(self, observations: Tensor, rewards: Tensor) -> Tensor:
        """Return actions (S, E, act) for observations (S, E, obs).

        `rewards` (S, E) are the raw ones of the last step, initially 0.
        """
        self.left = self.left - rewards / self.scale
        self.count += 1
        self.observations.append(observations)
        self.returns.append(self.left)
        # The action to predict has a token too, which no state attends to.
        shape = (*observations.shape[:2], self.net.head.biases[0].shape[-1])
        self.actions.append(observations.new_zeros(shape))
        first = self.count - len(self.actions)
        steps = torch.arange(first, self.count, device=observations.device)
        parts = (torch.stack(list(p), 2) for p in (self.observations, self.actions, self.returns))
        action: Tensor = self.net(*parts, steps.expand(*shape[:2], -1), LAST_STATE).squeeze(2)
        self.actions[-1] = action
        return action


def begin(state: State, config: Config, streams: Streams, episodes: int) -> Actor:
    """Return a new rollout with an empty context and the full target return."""
    return Rollout(state, config)
