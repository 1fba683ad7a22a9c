"""How the authors' recorded DT updates, windows and actions in an episode are replayed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines import dt
from bench.data.transitions import Transitions
from bench.learning.replay import Replay
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.training.engine import Engine
from bench.training.method_contract import make_replay
from helpers.golden.case import FORMS, Form
from helpers.golden.record import Named, Record, distance, furthest, load, precision

FILE = "dt"
TOLERANCE, FLOAT32 = 1e-10, 5e-6


def config(s: dict[str, Any]) -> dt.Config:
    return dt.Config(
        target_return=s["target_return_scaled"] * s["scale"],
        return_scale=s["scale"],
        context=s["context"],
        layers=s["layers"],
        heads=s["heads"],
        width=s["width"],
        dropout=s["dropout"],
        max_steps=s["max_ep_len"],
        learning_rate=s["learning_rate"],
        weight_decay=s["weight_decay"],
        warmup=s["warmup_steps"] / s["updates"],
        max_norm=s["max_norm"],
    )


def parameters(record: Record, when: str) -> Named:
    """All but their keys' bias, which ours has not."""

    def pair(ours: str, theirs: str, kinds: tuple[str, str]) -> Named:
        return {f"{ours}.{k}": record(f"{when}/{theirs}/{p}")
                for k, p in zip(kinds, ("weight", "bias"), strict=True)}  # fmt: skip

    found: Named = {"policy.embed_step": record(f"{when}/embed_timestep/weight")}
    for ours, theirs in (
        ("embed_return", "embed_return"),
        ("embed_state", "embed_state"),
        ("embed_action", "embed_action"),
        ("head", "predict_action"),
    ):
        found |= pair(f"policy.{ours}", theirs, ("weights.0", "biases.0"))
    for ours, theirs in (("embed_norm", "embed_ln"), ("last_norm", "ln_f")):
        found |= pair(f"policy.{ours}", theirs, ("weight", "bias"))
    for number in range(record.settings["layers"]):
        block, there = f"policy.blocks.{number}", f"block_{number}"
        for ours, theirs in (("attention_norm", "ln_1"), ("mlp_norm", "ln_2")):
            found |= pair(f"{block}.{ours}", f"{there}/{theirs}", ("weight", "bias"))
        for ours, theirs, layer in (
            ("attention.out", "attn_c_proj", 0),
            ("mlp", "c_fc", 0),
            ("mlp", "mlp_c_proj", 1),
        ):
            names = (f"weights.{layer}", f"biases.{layer}")
            found |= pair(f"{block}.{ours}", f"{there}/{theirs}", names)
        weights = record(f"{when}/{there}/c_attn/weight").chunk(3, dim=1)
        biases = record(f"{when}/{there}/c_attn/bias").chunk(3)
        found[f"{block}.attention.key"] = weights[1]
        for ours, part in (("query", 0), ("value", 2)):
            found[f"{block}.attention.{ours}.weights.0"] = weights[part]
            found[f"{block}.attention.{ours}.biases.0"] = biases[part]
    return found


def transitions(record: Record, dtype: torch.dtype) -> Transitions:
    """The recorded episodes, none of which is said to terminate."""
    kind = np.float64 if dtype == torch.float64 else np.float32
    arrays = {k: v.astype(kind) for k, v in record.under("data").items()}
    lengths = record.arrays["data/lengths"]
    return Transitions(
        observations=arrays["data/observations"],
        actions=arrays["data/actions"],
        rewards=arrays["data/rewards"],
        next_observations=arrays["data/observations"],
        masks=np.ones(len(arrays["data/rewards"]), kind),
        episodes=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
    )


def rows(record: Record, t: int) -> Tensor:
    """Where the windows of update t begin in the data, (1, B)."""
    lengths = record.arrays["data/lengths"]
    starts = np.cumsum(lengths) - lengths
    found = starts[record.arrays["draw/episode"][t]] + record.arrays["draw/start"][t]
    return torch.from_numpy(found)[None]


def padded_right(record: Record, key: str, t: int) -> Tensor:
    """A batch's array with each window at the beginning and zeros behind it, (1, B, K, ...)."""
    values, mask = record(f"batch/{key}")[t], record("batch/mask")[t]
    result = torch.zeros_like(values)
    for row, count in enumerate(mask.sum(1).int().tolist()):
        result[row, :count] = values[row, values.shape[1] - count :]
    return result[None]


def windows_difference() -> float:
    """The largest difference of what our replay reads at the same starts, in float32 there."""
    with precision(torch.float64):
        return _windows_difference(Record(FILE))


def _windows_difference(record: Record) -> float:
    data = transitions(record, torch.float32)
    replay = make_replay(dt, data, config(record.settings), "raw", "raw", torch.device("cpu"))
    apart = 0.0
    for t in range(record.updates()):
        batch = replay.batch(rows(record, t))
        valid = batch.columns["valid"]
        assert torch.equal(valid.double(), padded_right(record, "mask", t))
        limit = record.settings["max_ep_len"] - 1
        for ours, theirs in (
            (batch.observations, "observations"),
            (batch.actions, "actions"),
            (batch.columns["returns_to_go"], "returns_to_go"),
            (batch.columns["steps"].clamp(max=limit), "timesteps"),
        ):
            shape = (*valid.shape, *[1] * (ours.dim() - 3))
            difference = (ours - padded_right(record, theirs, t)) * valid.view(shape)
            apart = max(apart, float(difference.abs().max()))
    return apart


class Outcome:
    """The largest differences of a replay of all updates, and the state that they end in."""

    def __init__(self, form: Form):
        with precision(form.dtype or torch.float64):
            record = Record(FILE)
            self.config, self.parameters = config(record.settings), {}
            streams = Streams([0], "initialisation")
            spec = Spec(*(record.arrays[f"data/{k}"].shape[1] for k in ("observations", "actions")))
            self.state = dt.init(spec, self.config, streams, record.settings["updates"])
            load(self.state, parameters(record, "init"))
            engine = Engine(
                dt, self.state, self.config, self._replay(record), streams, form.executor
            )
            self.loss = 0.0
            for t in range(record.updates()):
                loss = engine(rows(record, t))["actor_loss"]
                self.loss = max(self.loss, distance(loss, record("loss/loss")[t]))
                if t + 1 in record.snapshots():
                    expected = parameters(record, f"after{t + 1}")
                    self.parameters[t + 1] = furthest(self.state, expected)

    def _replay(self, record: Record) -> Replay:
        """With returns in full precision, which `columns` rounds to float32."""
        data = transitions(record, torch.get_default_dtype())
        made = make_replay(dt, data, self.config, "raw", "raw", torch.device("cpu"))
        episodes = np.split(data.rewards.astype(np.float64), data.starts()[1:])
        sums = np.concatenate([np.cumsum(rewards[::-1])[::-1] for rewards in episodes])
        returns = torch.from_numpy(sums / self.config.return_scale)
        made.columns["returns_to_go"] = returns.to(torch.get_default_dtype())
        return made


def acting_difference() -> float:
    """The largest difference of an action in the recorded episode."""
    outcome = Outcome(FORMS[0])
    with precision(torch.float64):
        record = Record(FILE)
        act = dt.begin(outcome.state, outcome.config, Streams([0], "acting"), 1)
        reward, apart = torch.zeros(1, 1), 0.0
        for t, observation in enumerate(record("acting/observations")):
            with torch.no_grad():
                action = act(observation[None, None], reward)
            apart = max(apart, distance(action[0, 0], record("acting/actions")[t]))
            reward = record("acting/rewards")[t].view(1, 1)
        return apart
