"""SAC's policy: a tanh-squashed Gaussian with mean and deviation from one network.

Haarnoja et al. 2018, arXiv:1801.01290, appendix C. With a = tanh(u), u normal,
log pi(a|s) = log N(u) - sum log(1 - a^2). The code works on the raw action u where possible,
because 1 - a^2 rounds to 0 in float32 from |u| = 9 on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.learning.networks import LOG_2PI, MLP
from bench.learning.streams import Streams

CLIP = 1e-6  # minimum 1 - |a| when a data action is mapped back to its raw action
LOG_2 = math.log(2)


def log_slope(raw: Tensor) -> Tensor:
    """Return log d tanh(u)/du = log(1 - tanh(u)^2), exact at any u and with finite gradients."""
    return 2 * (LOG_2 - raw - F.softplus(-2 * raw))


def draw(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return reparameterised actions and their log pi(a|s), given mean and log_std (S, B, act).

    `noise` is standard normal. With (S, B, act) it gives one action per state, shapes (S, B, act)
    and (S, B); with (S, N, B, act), N actions per state, (S, N, B, act) and (S, N, B).
    """
    if noise.dim() == 4:
        mean, log_std = mean.unsqueeze(1), log_std.unsqueeze(1)
    raw = mean + log_std.exp() * noise
    return torch.tanh(raw), -(0.5 * (noise.square() + LOG_2PI) + log_std + log_slope(raw)).sum(-1)


def log_prob(mean: Tensor, log_std: Tensor, actions: Tensor) -> Tensor:
    """Return log pi(a|s) of given actions: three arguments (S, B, act) -> (S, B).

    An action on the bound has no raw action; it is moved inside by CLIP.
    """
    raw = torch.atanh(actions.clamp(-1 + CLIP, 1 - CLIP))
    z = (raw - mean) * (-log_std).exp()
    return -(0.5 * (z.square() + LOG_2PI) + log_std + log_slope(raw)).sum(-1)


class SquashedGaussianPolicy(nn.Module):
    """a = tanh(u), u ~ N(mean(s), std(s)); mean and log_std are the halves of one MLP's output.

    `sizes` are the layer sizes, obs first, act last. log_std is clamped to `log_std_range` where
    it is used. With `log_std_affine=(m, o)` it is m * net(s) + o before clamping, where m and o
    are trained scalars with these initial values.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        streams: Streams,
        *,
        log_std_range: tuple[float, float] = (-20.0, 2.0),
        log_std_affine: tuple[float, float] | None = None,
        **options: Any,
    ):
        super().__init__()
        self.trunk = MLP([*sizes[:-1], 2 * sizes[-1]], streams, **options)
        self.log_std_range = log_std_range
        self.affine: nn.ParameterList | None = None
        if log_std_affine is not None:
            self.affine = nn.ParameterList(
                nn.Parameter(torch.full((len(streams), 1, 1), float(value)))
                for value in log_std_affine
            )

    def distribution(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log_std of the raw action: (S, B, obs) -> (S, B, act) twice."""
        mean, log_std = self.trunk(observations).chunk(2, dim=-1)
        if self.affine is not None:
            log_std = self.affine[0] * log_std + self.affine[1]
        return mean, log_std.clamp(*self.log_std_range)

    def forward(self, observations: Tensor) -> Tensor:
        """Return the action at the mean, for evaluation: (S, B, obs) -> (S, B, act)."""
        mean, _ = self.distribution(observations)
        return torch.tanh(mean)

    def sample(self, observations: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Draw actions and their log pi(a|s), one or N per state; shapes as in `draw`."""
        return draw(*self.distribution(observations), noise)

    def log_prob(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return log pi(a|s) of given actions: (S, B, obs), (S, B, act) -> (S, B)."""
        return log_prob(*self.distribution(observations), actions)


class Scalar(nn.Module):
    """One trained number per seed, such as the log of a temperature or multiplier: () -> (S, 1)."""

    def __init__(self, value: float, streams: Streams):
        super().__init__()
        self.value = nn.Parameter(torch.full((len(streams), 1, 1), float(value)))

    def forward(self) -> Tensor:
        return self.value.squeeze(-1)
