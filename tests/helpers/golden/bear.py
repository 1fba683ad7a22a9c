"""How the recorded updates of the BEAR authors' code of 2019 are replayed, with either kernel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from torch import Tensor

from baselines import bear
from helpers.golden.case import Case
from helpers.golden.record import WITH_VAE, Draw, Named, Record, by_sample, flat_by_sample, laid_out


def config(s: dict[str, Any]) -> bear.Config:
    return bear.Config(
        kernel=s["kernel_type"],
        bandwidth=s["mmd_sigma"],
        threshold=s["threshold"],
        match_samples=s["num_samples_match"],
        warm_start=s["warm_updates"],
        target_samples=s["target_samples"],
        discount=s["discount"],
        polyak=s["tau"],
        learning_rate=s["learning_rate"],
        policy_learning_rate=s["learning_rate"],
        dual_learning_rate=s["dual_learning_rate"],
        hidden=tuple(s["hidden"]),
        vae_hidden=tuple(s["vae_hidden"]),
    )


LAYOUT: dict[str, Any] = {**WITH_VAE, "multiplier.log": "log_multiplier"}


def draws_as_they_are(record: Record, t: int) -> list[Draw]:
    return [
        ("normal", record("draw/vae_noise")[t]),
        ("normal", by_sample(record("draw/target_policy")[t])),
        ("normal", flat_by_sample(record("draw/model_latents")[t])),
        ("normal", by_sample(record("draw/policy")[t])),
    ]


def draws(record: Record, t: int) -> list[Draw]:
    """With the policy's own noise clipped, as the code of 2019 does and ours does not."""
    *others, (kind, policy) = draws_as_they_are(record, t)
    limit = record.settings["policy_noise_clip"]
    return [*others, (kind, policy.clamp(-limit, limit))]


def reported(record: Record, t: int) -> Named:
    found = {k: record(f"loss/{k}")[t] for k in ("critic_loss", "mmd", "actor_loss", "q")}
    # There the multiplier is that of after the step.
    before = record("loss/multiplier")[t - 1] if t else record("init/log_multiplier").exp()
    return found | {"multiplier": before}


@contextlib.contextmanager
def lower_critic_of_the_means(record: Record, state: bear.State) -> Iterator[None]:
    """As in 2019, each critic's mean over the samples, then the lower critic."""
    own = bear.policy_loss

    def of_means(q: Tensor | None, mmd: Tensor, multiplier: Tensor) -> Tensor:
        means = None if q is None else q.unflatten(-1, (-1, mmd.shape[-1])).mean(2)
        return own(means, mmd, multiplier)

    with patch.object(bear, "policy_loss", of_means):
        yield


CASES = [
    Case(
        name,
        bear,
        config,
        laid_out(LAYOUT),
        draws,
        reported,
        undone="policy's noise clipped to 0.5; lower of the critics' means over samples",
        undo=lower_critic_of_the_means,
        own_draws=draws_as_they_are,
    )
    for name in ("bear_laplacian", "bear_gaussian")
]
