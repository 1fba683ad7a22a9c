"""Recorded runs of the methods' own programs, replayed by our methods.

A `Case` says how one file is laid on one method: settings, names of parameters, order of draws,
reported quantities, and what is undone of a documented deviation. `replay` runs it through the
engine and measures how far every parameter and every reported quantity is from the program's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch

from bench.data.transitions import Transitions
from bench.learning.replay import Replay
from bench.learning.scalers import ObservationScaler
from bench.learning.streams import Streams
from bench.training.engine import Engine
from helpers.golden.record import (
    Draw,
    Named,
    Record,
    RecordedStreams,
    distance,
    furthest,
    load,
    note_losses,
    own_parameters,
    precision,
)

FIELDS = ("observations", "actions", "rewards", "next_observations", "masks")


@dataclass(frozen=True)
class Case:
    """How the file `file` is laid on `method`."""

    file: str
    method: ModuleType
    config: Callable[[dict[str, Any]], Any]  # of the program's settings
    parameters: Callable[[Record, str], Named]  # under our names, at "init", "after1", ...
    draws: Callable[[Record, int], list[Draw]] = lambda record, t: []  # of update t
    # What it reported at update t, under our metrics' names, or "critic.descend" and the like for
    # the loss that a network descends on.
    reported: Callable[[Record, int], Named] = lambda record, t: {}
    columns: tuple[str, ...] = ()  # of the batches
    changed: str = ""  # in the program before it was recorded, where a deviation is documented
    # A documented deviation, in words, a context in which ours does as the program, and the draws
    # where they are not undone, if they differ.
    undone: str = ""
    undo: Callable[[Record, Any], AbstractContextManager[Any]] = lambda record, state: (
        contextlib.nullcontext()
    )
    own_draws: Callable[[Record, int], list[Draw]] | None = None
    dtype: torch.dtype = torch.float64
    tolerance: float = 1e-10
    reported_tolerance: float = 1e-10  # relative above 1
    float32: float = 5e-6  # the tolerance of parameters in float32

    def __str__(self) -> str:
        return self.file


class Form(NamedTuple):
    """How the updates are executed."""

    executor: str
    dtype: torch.dtype | None = None  # else that of the record

    def __str__(self) -> str:
        return self.executor if self.dtype is None else f"{self.executor}-float32"


FORMS = [Form("eager"), Form("recorded"), Form("recorded", torch.float32)]


@dataclass
class Result:
    """The largest differences found, and what the run ended with."""

    parameters: dict[int, float]  # after so many updates
    reported: dict[str, float]
    state: Any
    config: Any


def replay_of(record: Record, columns: tuple[str, ...]) -> Replay:
    """The batches one after another as data, so that the engine takes them by row numbers."""
    arrays: dict[str, Any] = {k: record(f"batch/{k}").flatten(0, 1).numpy() for k in
                              (*FIELDS, *columns) if f"batch/{k}" in record}  # fmt: skip
    count = len(arrays["observations"])
    for name in FIELDS:  # what a method without rewards does not need
        like = "observations" if name == "next_observations" else "rewards"
        arrays.setdefault(name, arrays[like] if like in arrays else np.zeros(count))
    data = Transitions(**{k: arrays[k] for k in FIELDS}, episodes=np.zeros(count, np.int32))
    size = data.observations.shape[1]
    scaler = ObservationScaler(torch.zeros(size), torch.ones(size))
    # "known", of Onestep RL, is 1 in every recorded row.
    extra = {name: arrays.get(name, np.ones(count)) for name in columns}
    return Replay(data, scaler, torch.device("cpu"), extra)


def replay(case: Case, form: Form = FORMS[0], undo: bool = True) -> Result:
    """Run the case from the program's start on its batches and draws."""
    with precision(form.dtype or case.dtype):
        record = Record(case.file)
        config = case.config(record.settings)
        updates = int(record.settings.get("max_steps", record.updates()))
        state = case.method.init(record.spec(), config, Streams([0], "initialisation"), updates)
        load(state, case.parameters(record, "init"))
        begin = {k: v.detach().clone() for k, v in own_parameters(state).items()}
        context = case.undo(record, state) if undo else contextlib.nullcontext()
        make = case.draws if undo or case.own_draws is None else case.own_draws
        draws = [draw for t in range(record.updates()) for draw in make(record, t)]
        with context:
            return _run(case, form, record, config, state, RecordedStreams(draws), begin)


def _run(
    case: Case,
    form: Form,
    record: Record,
    config: Any,
    state: Any,
    streams: RecordedStreams,
    begin: Named,
) -> Result:
    noted: Named = {}
    if form.executor == "eager":
        note_losses(state, noted)
    data = replay_of(record, case.columns)
    engine = Engine(case.method, state, config, data, streams, form.executor)
    size = record.arrays["batch/observations"].shape[1]
    result = Result({}, {}, state, config)
    seen: set[str] = set()
    for t in range(record.updates()):
        metrics = noted | engine(torch.arange(t * size, (t + 1) * size)[None])
        for name, value in case.reported(record, t).items():
            if name in metrics or form.executor == "eager":
                apart = distance(metrics[name], value)
                result.reported[name] = max(apart, result.reported.get(name, 0.0))
        if t + 1 in record.snapshots():
            expected = case.parameters(record, f"after{t + 1}")
            result.parameters[t + 1] = furthest(state, expected)
            seen |= expected.keys()
    assert streams.position == len(streams.draws), "draws are left over"
    # What the program does not have must not have moved.
    own = own_parameters(state)
    assert all(torch.equal(own[k], begin[k]) for k in own.keys() - seen)
    return result


def check(case: Case, form: Form) -> None:
    """Fail where a parameter or a reported quantity is further away than its tolerance."""
    result = replay(case, form)
    single = form.dtype not in (None, case.dtype)
    limit = case.float32 if single else case.tolerance
    assert max(result.parameters.values()) < limit, result.parameters
    if not single:
        far = {k: v for k, v in result.reported.items() if v >= case.reported_tolerance}
        assert not far
