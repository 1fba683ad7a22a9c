"""How the authors' recorded IQL updates are replayed, in float32 as they were made."""

from __future__ import annotations

from typing import Any

import torch

from helpers.golden.case import Case
from helpers.golden.record import Named, Record
from iql import iql


def config(s: dict[str, Any]) -> iql.Config:
    return iql.Config(
        expectile=s["expectile"],
        temperature=s["temperature"],
        discount=s["discount"],
        polyak=s["polyak"],
        learning_rate=s["learning_rate"],
        cosine_actor=bool(s["cosine"]),
        hidden=tuple(s["hidden"]),
    )


HEADS = {"actor": "Dense_0", "critic": "MLP_0/Dense_2", "value": "MLP_0/Dense_2"}
OURS = {"actor": "policy", "critic": "critic", "target_critic": "target_critic", "value": "value"}


def parameters(record: Record, when: str) -> Named:
    """The target, which the authors' start leaves out, begins equal to the critic."""
    found: Named = {}
    for theirs, ours in OURS.items():
        head = HEADS[theirs.removeprefix("target_")]
        recorded = "critic" if (when, theirs) == ("init", "target_critic") else theirs
        members = ("Critic_0/", "Critic_1/") if theirs.endswith("critic") else ("",)
        for layer, name in enumerate(("MLP_0/Dense_0", "MLP_0/Dense_1", head)):
            keys = [f"{when}/{recorded}/{member}{name}" for member in members]
            for kind, part in (("weights", "kernel"), ("biases", "bias")):
                parts = torch.stack([record(f"{key}/{part}") for key in keys])
                found[f"{ours}.trunk.{kind}.{layer}"] = parts
    return found | {"policy.log_std": record(f"{when}/actor/log_stds")}


def reported(record: Record, t: int) -> Named:
    return {k: record(f"metrics/{k}")[t] for k in ("value_loss", "actor_loss", "critic_loss")}


CASES = [
    Case(
        name,
        iql,
        config,
        parameters,
        reported=reported,
        dtype=torch.float32,
        tolerance=2e-6,
        reported_tolerance=2e-5,
    )
    for name in ("iql_locomotion", "iql_antmaze", "iql_finetune")
]
