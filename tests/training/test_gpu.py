"""What holds on a GPU as on a CPU; skipped, with the reason, where there is none.

Not run so far: no card was at hand. Nothing in the documentation claims a speed on one. What can be
checked without one is in test_pretend_card.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers.online_runs import settings as online_settings
from helpers.training_jobs import settings

from bench.config.registry import OFFLINE
from bench.data.transitions import Transitions
from bench.training import checkpoint
from bench.training.run import Run

CUDA = torch.device("cuda")
TOLERANCE = 1e-4


def run_of(
    data: Transitions, device: torch.device, executor: str = "eager", **changes: object
) -> Run:
    run = Run(settings(**changes), data, device, executor, draw_on_card=False)
    run.advance()
    run.advance()
    return run


def close(a: Run, b: Run, tolerance: float = TOLERANCE) -> None:
    ours, theirs = checkpoint.state_tensors(a.state), checkpoint.state_tensors(b.state)
    for name, tensor in ours.items():
        torch.testing.assert_close(
            tensor.cpu(), theirs[name].cpu(), atol=tolerance, rtol=tolerance, msg=name
        )


@pytest.mark.gpu
@pytest.mark.parametrize("method", OFFLINE)
def test_a_method_learns_on_the_card_what_it_learns_on_the_processor(
    data: Transitions, method: str
) -> None:
    on_card, on_cpu = (
        run_of(data, d, method=method, config={}) for d in (CUDA, torch.device("cpu"))
    )
    close(on_card, on_cpu)


@pytest.mark.gpu
def test_data_networks_and_moments_live_on_the_card(data: Transitions) -> None:
    run = run_of(data, CUDA)
    held = [v for v in vars(run.replay).values() if isinstance(v, torch.Tensor)]
    held += [t for name, t in checkpoint.state_tensors(run.state).items() if "updates" not in name]
    assert {tensor.device.type for tensor in held} == {"cuda"}


@pytest.mark.gpu
@pytest.mark.parametrize("executor", ["recorded", "compiled"])
def test_executors_agree_with_eager_on_the_card(data: Transitions, executor: str) -> None:
    close(run_of(data, CUDA, executor), run_of(data, CUDA))


@pytest.mark.gpu
def test_ten_seeds_on_one_card_are_each_as_alone(data: Transitions) -> None:
    block = run_of(data, CUDA, seeds=list(range(10)))
    alone = run_of(data, CUDA, seeds=[7])
    for a, b in zip(
        block.state.policy.net.parameters(), alone.state.policy.net.parameters(), strict=True
    ):
        torch.testing.assert_close(a[7], b[0], atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.gpu
def test_a_run_on_the_card_goes_on_from_its_checkpoint(data: Transitions, tmp_path: Path) -> None:
    run = Run(settings(), data, CUDA, "recorded")
    run.advance()
    run.save(tmp_path / "c", "x")
    again = Run(settings(), data, CUDA, "recorded")
    assert again.resume(tmp_path / "c", "x")
    for it in (run, again):
        it.advance()
    close(run, again)


@pytest.mark.gpu
def test_an_on_policy_phase_on_the_card_goes_on_from_its_checkpoint(
    data: Transitions, tmp_path: Path
) -> None:
    """On the processor too it takes the same first steps; later ones part by rounding."""
    cell = online_settings("ppo")
    devices = (CUDA, torch.device("cpu"))
    runs = [Run(cell, data, device, draw_on_card=False) for device in devices]
    for run in runs:
        run.go_online()
        run.advance()
    close(*runs)
    first, again = runs[0], Run(cell, data, CUDA, draw_on_card=False)
    first.save(tmp_path / "c", "x")
    assert again.resume(tmp_path / "c", "x")
    for run in (first, again):
        run.advance()
        run.advance()
    close(first, again)
