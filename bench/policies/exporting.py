"""Export the mean action of one seed, with its scales, as a file that needs none of our code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import BenchError
from bench.files import read_json
from bench.paths import card_of
from bench.policies.finished import Policy


class MeanAction(nn.Module):
    """Raw observations (B, obs) to actions (B, act) in the environment's own units."""

    low: Tensor
    high: Tensor

    def __init__(self, policy: Policy, low: Tensor, high: Tensor):
        super().__init__()
        self.policy = policy
        self.register_buffer("low", low)
        self.register_buffer("high", high)

    def forward(self, observations: Tensor) -> Tensor:
        """Scale observations, act, and scale actions from [-1, 1] to [low, high]."""
        policy = self.policy
        seen = policy.scaler(observations).unsqueeze(0)
        actions = policy.method.act(policy.state, seen, policy.config).squeeze(0).clamp(-1, 1)
        return self.low + (actions + 1) * (self.high - self.low) / 2


def module_of(policy: Policy) -> MeanAction:
    """Return the policy of one seed as a module.

    Raises BenchError where the method has no mean action, because it acts with randomness or
    memory.
    """
    if not hasattr(policy.method, "act"):
        raise BenchError(
            f"{policy.folder}: {policy.settings.method} acts with randomness or memory, so that "
            "one observation does not give its action; export another method."
        )
    card = card_of(policy.settings.task.transitions)
    known = read_json(card).get("actions") if card.exists() else None
    unit = [1.0] * policy.action_dim
    low, high = (known["low"], known["high"]) if known else ([-v for v in unit], unit)
    return MeanAction(policy, torch.tensor(low), torch.tensor(high)).eval()


@torch.no_grad()
def export(policy: Policy, out: Path) -> None:
    """Write `out` as TorchScript (.pt) or ONNX (.onnx), by its suffix.

    Raises BenchError at another suffix, or if a package is missing.
    """
    module: Any = module_of(policy)
    example = torch.zeros(2, len(policy.scaler.mean))
    _freeze(policy)
    if out.suffix == ".pt":
        torch.jit.trace(module, example, check_trace=False).save(str(out))
        return
    if out.suffix != ".onnx":
        raise BenchError(f"{out}: neither a .pt (TorchScript) nor an .onnx; name one of those.")
    batch = {"observations": {0: torch.export.Dim("batch")}}
    try:
        torch.onnx.export(
            module, (example,), str(out), dynamic_shapes=batch, dynamo=True, verbose=False,
            input_names=["observations"], output_names=["actions"], external_data=False,
        )  # fmt: skip
    except ImportError:
        raise BenchError(
            f"{out}: ONNX needs `pip install onnx onnxscript`; a .pt needs nothing."
        ) from None


def _freeze(policy: Policy) -> None:
    """Let no parameter ask for gradients: a trace holds them as constants."""
    for part in vars(policy.state).values():
        if isinstance(net := getattr(part, "net", None), nn.Module):
            net.requires_grad_(False)
