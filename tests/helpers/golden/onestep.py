"""How the authors' recorded Onestep RL updates are replayed, through all three phases."""

from __future__ import annotations

from typing import Any

import torch

from baselines import onestep
from helpers.golden.case import Case
from helpers.golden.record import Draw, Named, Record, layers


def config(s: dict[str, Any]) -> onestep.Config:
    return onestep.Config(
        improvement=s["improvement"],
        temperature=s["temperature"],
        alpha=s["alpha"],
        samples=s["samples"],
        behaviour_steps=s["behaviour_updates"],
        critic_steps=s["critic_updates"],
        policy_steps=s["policy_updates"],
        discount=s["discount"],
        polyak=s["tau"],
        track_every=s["target_update_freq"],
        learning_rate=s["learning_rate"],
        hidden=tuple(s["hidden"]),
    )


def parameters(record: Record, when: str) -> Named:
    """A network stays as it is after its phase; until the improvement the policy is the clone."""
    s = record.settings
    behaviour_end, critic_end = s["behaviour_updates"], s["critic_updates"]
    done = 0 if when == "init" else int(when.removeprefix("after"))
    policy = "policy" if done > critic_end else "behaviour"
    found: Named = {}
    for ours, theirs, end in (
        ("behaviour", "behaviour", behaviour_end),
        ("policy", policy, behaviour_end if policy == "behaviour" else done),
        ("critic", "critic", critic_end),
        ("target_critic", "target_critic", critic_end),
    ):
        snapshot = f"after{end}" if done > end else when
        found |= layers(record, snapshot, f"{ours}.trunk", theirs)  # none where not recorded
    return found


def draws(record: Record, t: int) -> list[Draw]:
    improving = t - record.settings["critic_updates"]
    if improving < 0:
        return []
    if record.settings["improvement"] == "exp_weight":
        return [("normal", record("draw/behaviour")[improving])]
    own, others = record("draw/policy_q")[improving], record("draw/policy_kl")[improving]
    return [("normal", torch.cat([own.unsqueeze(0), others]))]


def reported(record: Record, t: int) -> Named:
    """Of the phases that update t belongs to."""
    s, found = record.settings, {}
    if t < s["behaviour_updates"]:
        found["behaviour_loss"] = record("loss/behaviour_loss")[t]
    if t < s["critic_updates"]:
        found["critic_loss"] = record("loss/critic_loss")[t]
    else:
        found["actor_loss"] = record("loss/policy_loss")[t - s["critic_updates"]]
    return found


CASES = [
    Case(name, onestep, config, parameters, draws, reported, columns=("next_actions", "known"))
    for name in ("onestep_exp_weight", "onestep_reverse_kl")
]
