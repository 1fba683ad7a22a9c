"""Every method on a card, without one: nothing on the wrong device, nothing that waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from helpers import online_runs
from helpers.pretend_card import CARD, Copies, OnCard, on_card, pretended
from torch import Tensor

from bench.config.catalogue import Catalogue
from bench.config.registry import METHODS, entry_of
from bench.config.samples import config_at
from bench.speed.worker import enter
from bench.training import checkpoint
from bench.training.cards.graph_rules import broken_rules
from bench.training.method_contract import is_on_policy, make_actor
from bench.training.products.choice import Products
from bench.training.recording.tracer import Trace
from bench.training.run import Run

DATA = online_runs.data()
# A variant that only sets options of IQL is IQL here.
PLAIN = [n for n, e in METHODS.items() if e.module != "iql.iql" or n == "iql"]
OFF_POLICY = [name for name in PLAIN if name not in ("ppo", "ppo_iql")]
FINE_TUNED = [name for name in PLAIN if METHODS[name].fine_tunes]


def run_of(method: str) -> Run:
    """A run on the card, with two seeds and small networks where the method's width can be set."""
    small = config_at(Catalogue(), method, 8)
    config = small | online_runs.CONFIGS.get(method, {})
    cell = online_runs.settings(method, batch_size=8, config=config)
    return Run(cell, DATA, CARD, "eager")


def tensors_of(state: Any) -> list[Tensor]:
    """A state's tensors but the counts of updates, which are made for the checkpoint alone."""
    counts = ("updates", "phases.ends")
    return [t for k, t in checkpoint.state_tensors(state).items() if not k.endswith(counts)]


def branches(run: Run) -> Iterator[Any]:
    """Put the run before an update of each branch of its method."""
    sample, seen = entry_of(run.settings.method).sample, set()
    branch = getattr(run.method, "branch", lambda state, config: None)
    for phase in sample.phases:
        for update in range(phase.first, phase.first + max(sample.cycle, 1)):
            enter(run, phase)
            for learner in vars(run.state).values():
                if hasattr(learner, "updates"):
                    learner.updates = update
            found = branch(run.state, run.config)
            if found not in seen:
                seen.add(found)
                yield found


def rows_of(run: Run) -> Tensor:
    return torch.zeros(2, 8, dtype=torch.int64, device=CARD)


@pytest.mark.parametrize("name", PLAIN)
def test_a_method_acts_and_goes_on_from_a_checkpoint_on_the_card(name: str) -> None:
    with pretended():
        run = run_of(name)
        assert all(map(on_card, tensors_of(run.state)))
        seen = torch.zeros(2, 3, DATA.observations.shape[1], device=CARD)
        noise = OnCard(run.settings.seeds, "actions", CARD)
        actor = make_actor(run.method, run.state, run.config, noise, 3)
        with torch.no_grad():
            actions = actor(run.replay.scaler(seen), torch.zeros(2, 3, device=CARD))
        assert on_card(actions)
        held = checkpoint.state_tensors(run.state)
        kept = {k: v.cpu() if on_card(v) else v for k, v in held.items()}
        checkpoint.restore_state(run.state, kept)
        assert all(map(on_card, tensors_of(run.state)))


@pytest.mark.parametrize("name", OFF_POLICY)
def test_an_update_can_be_captured(name: str) -> None:
    """Each branch: eager updates copy nothing, and its recorded graph keeps the rules."""
    with pretended():
        run = run_of(name)
        noise = OnCard(run.settings.seeds, "noise", CARD)
        for _ in branches(run):
            trace = Trace(run.method, run.state, Products())
            with Copies() as copies:
                metrics = trace.run(run.engine.eager, rows_of(run), noise)
            assert copies.found == []
            assert trace.findings == []
            assert all(map(on_card, metrics.values()))
            inputs = (rows_of(run), *trace.draws)
            assert broken_rules(trace.operations.graph(), inputs, CARD) == []
        assert all(map(on_card, tensors_of(run.state)))


@pytest.mark.parametrize("name", FINE_TUNED)
def test_an_online_phase_runs_on_the_card(name: str) -> None:
    """Of an update, only the numbers of its rows are copied, which the processor draws."""
    with pretended():
        run = run_of(name)
        run.go_online()
        phase = run.online
        assert phase is not None
        for purpose in ("exploration", "batches"):
            setattr(phase, purpose, OnCard(run.settings.seeds, purpose, CARD))
        phase.engine.streams = OnCard(run.settings.seeds, "noise", CARD)
        phase.engine.inspected = True
        for _ in range(phase.warm_up + phase.interval):
            phase._act()
        with Copies() as copies:
            metrics = phase.learn()
        assert len(copies.found) == (0 if is_on_policy(run.method) else 1)
        assert all(map(on_card, (*metrics.values(), *tensors_of(run.state))))
