"""IQL's three losses, as one update of the code itself computes them.

Nothing is drawn by hand: every network of a fresh IQL is observed while `iql.update` runs. A loss
reads a network if changing that network's output changes the loss, and it moves the networks for
which autograd has a gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib as mpl
import torch
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn

from bench.learning.learner import Learner, Target
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec
from bench.report.figures.style import GREY, INK, STYLE, WIDTH, Figure, save
from iql import iql

TITLE = "The three losses"
LOSSES = ("expectile_loss", "policy_loss", "critic_loss")
UNKNOWN = "?"  # an input that is not a column of the batch
SYMBOLS = {"observations": "s", "actions": "a", "next_observations": "s′"}


def batch() -> Batch:
    """Return random rows of one seed, with different values in each field."""
    draw = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(1, 8, *shape, generator=draw)

    return Batch(normal(3), normal(2).tanh(), normal(), torch.ones(1, 8), normal(3))


@dataclass
class Watch:
    """The network calls and losses of one update, while no parameter moves.

    The output of call number `disturbed`, if any, is changed.
    """

    disturbed: int | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    moves: dict[str, list[str]] = field(default_factory=dict)
    asking: bool = False  # inside the policy's log_prob, which is one call

    def call(self, name: str, asked: list[str], output: Tensor) -> Tensor:
        """Record a call and return its output, which is changed for call `disturbed`."""
        differentiated = torch.is_grad_enabled() and not name.startswith("target")
        self.calls.append({"network": name, "of": asked, "learns": differentiated})
        return output + 1 if self.disturbed == len(self.calls) - 1 else output


@contextmanager
def watching(state: iql.State, rows: Batch, watch: Watch) -> Iterator[None]:
    """Record every network call, loss and descent in `watch`."""
    known = {id(getattr(rows, name)): SYMBOLS[name] for name in SYMBOLS}
    with ExitStack() as stack:

        def names(inputs: tuple[Any, ...]) -> list[str]:
            return [known.get(id(x), UNKNOWN) for x in inputs]

        for part in fields(state):
            owner = getattr(state, part.name)

            def called(
                _: nn.Module, inputs: tuple[Any, ...], output: Tensor, name: str = part.name
            ) -> Tensor:
                return output if watch.asking else watch.call(name, names(inputs), output)

            stack.callback(owner.net.register_forward_hook(called).remove)
            if isinstance(owner, Learner):

                def descend(loss: Tensor, name: str = part.name) -> None:
                    watch.moves[list(watch.losses)[-1]] = moved(state, loss)

                stack.enter_context(patch.object(owner, "descend", descend))
        log_prob = state.policy.net.log_prob

        # The policy is asked for the probability of the data's actions, not called.
        def probable(*inputs: Tensor) -> Tensor:
            watch.asking = True
            found = log_prob(*inputs)
            watch.asking = False
            return watch.call("policy", names(inputs), found)

        stack.enter_context(patch.object(state.policy.net, "log_prob", probable))
        for name in LOSSES:
            function = getattr(iql, name)

            def loss(*inputs: Any, own: Any = function, name: str = name) -> Tensor:
                found: Tensor = own(*inputs)
                watch.losses[name] = float(found.detach().sum())
                return found

            stack.enter_context(patch.object(iql, name, loss))
        yield


def moved(state: iql.State, loss: Tensor) -> list[str]:
    """Return the networks for which the loss has a gradient."""
    found = []
    for part in fields(state):
        owner = getattr(state, part.name)
        if isinstance(owner, Target):
            continue
        gradients = torch.autograd.grad(
            loss.sum(), owner.parameters, retain_graph=True, allow_unused=True
        )
        if any(g is not None and bool(g.any()) for g in gradients):
            found.append(part.name)
    return found


def measure() -> dict[str, Any]:
    """Return the losses in order, with the calls each depends on and the networks it moves.

    A loss depends on a call if it changes when the call's output does.
    """
    config = iql.Config(hidden=(16, 16))
    streams = Streams((0,), "initialisation")
    state = iql.init(Spec(3, 2, 8), config, streams, 10)
    rows = batch()

    def once(disturbed: int | None = None) -> Watch:
        watch = Watch(disturbed)
        with watching(state, rows, watch):
            iql.update(state, rows, config, streams)
        return watch

    plain = once()
    steps: list[dict[str, Any]] = [
        {"loss": name, "reads": [], "moves": plain.moves[name]} for name in plain.losses
    ]
    for number, call in enumerate(plain.calls):
        changed = once(number).losses
        for step in steps:
            if changed[step["loss"]] != plain.losses[step["loss"]]:
                step["reads"].append(call)
    asked = {name for call in plain.calls for name in call["of"]}
    return {"steps": steps, "asked": sorted(asked)}


def draw(result: dict[str, Any], stem: Path) -> None:
    """Draw one row per loss: what it reads, the loss, and the network that it moves."""
    steps = result["steps"]
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(WIDTH, 0.8 * len(steps)), layout="constrained")
        axis = figure.subplots()
        axis.set(xlim=(0, 10.3), ylim=(len(steps), 0))
        axis.axis("off")

        def box(x: float, y: float, text: str, learns: bool) -> None:
            axis.add_patch(
                FancyBboxPatch((x - 0.85, y - 0.2), 1.7, 0.4, boxstyle="round,pad=0.02",
                               facecolor="#dcebf5" if learns else "white", edgecolor=INK,
                               linestyle="-" if learns else (0, (3, 2)), linewidth=0.7)
            )  # fmt: skip
            axis.text(x, y, text, ha="center", va="center", fontsize=6.5)

        def arrow(x: float, to: float, y: float) -> None:
            axis.annotate("", (to, y), (x, y), arrowprops={"arrowstyle": "->", "color": GREY})

        for row, step in enumerate(steps):
            y = row + 0.5
            for place, read in enumerate(step["reads"]):
                name = read["network"].replace("_", " ")
                box(1 + 1.9 * place, y, f"{name}({', '.join(read['of'])})", read["learns"])
            arrow(1 + 1.9 * (len(step["reads"]) - 1) + 0.9, 6.75, y)
            axis.text(7.45, y, step["loss"].replace("_", " "), ha="center", va="center", fontsize=7,
                      fontweight="bold")  # fmt: skip
            arrow(8.1, 8.35, y)
            box(9.25, y, " and ".join(step["moves"]), True)
        save(figure, stem)


def sentences(result: dict[str, Any]) -> list[str]:
    """Return what the figure shows."""
    steps = [
        f"the {s['loss'].replace('_', ' ')} moves the {' and '.join(s['moves'])}"
        for s in result["steps"]
    ]
    asked = [name for name in result["asked"] if name != UNKNOWN]
    only = UNKNOWN not in result["asked"]
    return [
        f"One update of iql/iql.py, traced while it ran, in order: {', '.join(steps)}. Blue "
        "networks are differentiated; dashed ones are only read.",
        f"Every network is evaluated only on {', '.join(asked)} from the batch; no out-of-sample "
        "action is queried."
        if only
        else f"The networks are evaluated on {', '.join(asked)} from the batch, and on inputs that "
        "are not columns of the batch.",
    ]
