"""The contract, check by check: each returns what is wrong in a sentence, or None."""

from __future__ import annotations

import io
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.training import checkpoint
from bench.training.contract.problem import Problem

NEAR = 1e-5  # of parameters alone and in a block, whose sums may be ordered differently
LEARNT = 0.25  # of the regret before training, and of the data's own
LENGTH = 600  # updates


def has_shapes(problem: Problem) -> str | None:
    """Check that metrics are finite and (S,), and actions (S, B, act) within [-1, 1]."""
    trainer = problem((3, 5), 10)
    metrics = trainer.run(4)
    if not metrics:
        return "update returns no metrics; return at least a loss, one number per seed."
    for name, value in metrics.items():
        if value.shape != (2,):
            return (
                f"the metric {name} has the shape {tuple(value.shape)} for 2 seeds; return one "
                "number per seed."
            )
        if value.requires_grad:
            return f"the metric {name} requires a gradient; detach it."
        if not value.isfinite().all():
            return f"the metric {name} is not finite after 4 updates."
    actions = trainer.act(torch.zeros(2, 7, 2))
    if actions.shape != (2, 7, 2):
        return (
            f"act returns {tuple(actions.shape)} for 2 seeds, 7 observations and 2 action "
            "dimensions; return (2, 7, 2)."
        )
    if actions.abs().max() > 1:
        return "act returns actions outside [-1, 1]; squash or clip them."
    return None


def seeds_differ(problem: Problem) -> str | None:
    """Check that every seed has initial weights of its own."""
    trainer = problem((0, 1), 10)
    second = trainer.parameters(1)
    for key, value in trainer.parameters(0).items():
        drawn = value.unique().numel() > 1  # biases and the like may begin alike
        if drawn and torch.equal(value, second[key]):
            return f"seeds 0 and 1 begin with the same {key}; draw initial weights from streams."
    return None


def repeats(problem: Problem) -> str | None:
    """Check that the same seeds give the same bits."""
    runs = [problem((0, 4), 50) for _ in range(2)]
    for trainer in runs:
        trainer.run(50)
    if found := difference(runs[0].tensors(), runs[1].tensors()):
        return f"two runs of the same seeds end with different {found}; draw from streams alone."
    return None


def is_alone_as_in_a_block(problem: Problem) -> str | None:
    """Check that a seed trained alone is as in a block, up to the order of sums."""
    block, alone = problem((7, 3, 11, 0, 5), 100), problem((3,), 100)
    block.run(100)
    alone.run(100)
    for key, value in alone.parameters(0).items():
        gap = (value - block.parameters(1)[key]).abs().max().item()
        if not gap <= NEAR:
            return (
                f"seed 3 alone and in a block of five differ by {gap:.1e} in {key}; reduce losses "
                "over the batch, never over the axis of seeds."
            )
    return None


def resumes(problem: Problem) -> str | None:
    """Check that a run continued from its checkpoint ends with the bits of an uninterrupted one."""
    whole = problem((0, 1), 60)
    whole.run(30)
    with TemporaryDirectory() as folder:
        path = Path(folder, "checkpoint.safetensors")
        checkpoint.save(path, whole.tensors(), {"identity": "check"})
        found = checkpoint.load(path, "check")
    assert found is not None
    whole.run(30)
    resumed = problem((0, 1), 60)
    resumed.restore(found[0])
    resumed.run(30)
    if other := difference(whole.tensors(), resumed.tensors()):
        return (
            f"a resumed run ends with different {other}; keep what changes in tensors of the state."
        )
    return None


def replays(problem: Problem) -> str | None:
    """Check that recorded updates are the eager ones, through every branch and to the bit."""
    eager, recorded = (problem((2, 0, 9), 40, e) for e in ("eager", "recorded"))
    for _ in range(8):
        pairs = (eager.run(5), recorded.run(5)), (eager.tensors(), recorded.tensors())
        for expected, found in pairs:
            if other := difference(expected, found):
                return f"recorded and eager updates differ in {other}; set `executor: eager`."
    return None


def improves(problem: Problem) -> str | None:
    """Check that training reaches the best action, from data that is noisy around it."""
    trainer = problem((0, 1, 2), LENGTH)
    before = trainer.regret()
    trainer.run(LENGTH)
    after = trainer.regret()
    behaviour = 1 - float(problem.data.rewards.mean())  # what the data's own noise costs
    most = float((after / before.clamp(max=behaviour)).max())
    if most < LEARNT:
        return None
    return (
        f"after {LENGTH} updates its regret on the tiny problem is {most:.2f} of the regret before "
        f"or of the data's; {LEARNT} is enough."
    )


Check = Callable[[Problem], str | None]
CHECKS: dict[str, Check] = {
    "shapes": has_shapes,
    "seeds differ": seeds_differ,
    "the same seeds give the same bits": repeats,
    "a seed alone is as in a block": is_alone_as_in_a_block,
    "a resumed run is bit-equal": resumes,
    "recorded updates are the eager ones": replays,
    "it improves on a tiny problem": improves,
}


def findings(problem: Problem) -> Iterator[tuple[str, str | None]]:
    """Yield each check's name and what it finds; stop where the method raises an error."""
    for name, check in CHECKS.items():
        try:
            with redirect_stdout(io.StringIO()):  # each trainer would say why it is not recorded
                found = check(problem)
        except BenchError as error:
            yield name, str(error)
            return
        except Exception as error:  # whatever a method raises
            yield name, _raised(error, Path(problem.method.__file__ or ""))
            return
        yield name, found


def difference(expected: dict[str, Tensor], found: dict[str, Tensor]) -> str:
    """Return the name of the first tensor that is not bit-equal, or an empty text."""
    names = [*expected, *(name for name in found if name not in expected)]
    equal = (k in expected and k in found and torch.equal(expected[k], found[k]) for k in names)
    return next((name for name, same in zip(names, equal, strict=True) if not same), "")


def _raised(error: Exception, file: Path) -> str:
    """Return the error and the last line of the method's file that led to it."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == file]
    place = f"{file.name}, line {frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {' '.join(str(error).split())}."
