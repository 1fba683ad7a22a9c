"""The conditional VAE against a plain one, its KL by hand, and the layout of many samples."""

from __future__ import annotations

import math

import pytest
import torch
from helpers.plain_torch import ACT, OBS, batches, descend
from helpers.plain_vae import SIZE, PlainVAE, same_vae

from bench.learning.learner import Learner, constant
from bench.learning.networks import torch_default
from bench.learning.streams import Streams
from bench.learning.vae import ActionVAE, best_sample, kl_divergence, reconstruction_loss, repeat


def fresh(seeds: tuple[int, ...] = (0,)) -> ActionVAE:
    streams = Streams(seeds, "initialisation")
    return ActionVAE(OBS, ACT, (16, 16), streams, initialiser=torch_default())


def test_fifty_updates_equal_a_plain_vae() -> None:
    learner = Learner(fresh(), constant(1e-3))
    plain = PlainVAE(learner.net)
    adam = torch.optim.Adam(plain.parameters(), lr=1e-3)
    ours, theirs = Streams([0], "noise"), Streams([0], "noise")
    for batch in batches(50, SIZE):
        reconstruction, kl = learner.net.losses(batch.observations, batch.actions, ours)
        learner.descend(reconstruction + 0.5 * kl)
        noise = theirs.normal(SIZE, 2 * ACT)[0]
        loss = plain.loss(batch.observations[0], batch.actions[0], noise, 0.5)
        torch.testing.assert_close((reconstruction + 0.5 * kl)[0], loss)
        descend(adam, loss)
    same_vae(learner.net, plain)


def test_samples_equal_a_plain_decoder_with_clipped_latents() -> None:
    vae = fresh((2, 0))
    states = torch.randn(2, 50, OBS, generator=torch.Generator().manual_seed(1))
    raw = vae.sample_raw(states, Streams((2, 0), "noise"))
    noise = Streams((2, 0), "noise").normal(50, 2 * ACT)
    assert (noise.abs() > 0.5).any()
    torch.testing.assert_close(raw[0], PlainVAE(vae).draw(states[0], noise[0]))
    actions = vae.sample(states, Streams((2, 0), "noise"))
    torch.testing.assert_close(actions, raw.tanh())


def test_the_latent_deviation_is_clamped() -> None:
    vae = fresh()
    batch = batches(1, SIZE)[0]
    for offset, expected in ((-100.0, -4.0), (100.0, 15.0)):
        vae.encoder.biases[-1].data[..., 2 * ACT :] = offset
        _, log_std = vae.encode(batch.observations, batch.actions)
        assert (log_std == expected).all()


def test_latent_has_twice_the_dimensions_of_the_action() -> None:
    batch = batches(1, SIZE)[0]
    mean, log_std = fresh().encode(batch.observations, batch.actions)
    assert mean.shape == log_std.shape == (1, SIZE, 2 * ACT)


def test_kl_by_hand() -> None:
    standard = torch.zeros(1, 3, 2)
    assert kl_divergence(standard, standard).tolist() == [0.0]
    # of N(1, 2): (1 + 4 - 1) / 2 - log 2; of N(-3, 1): 9 / 2
    mean, log_std = torch.tensor([[[1.0, -3.0]]]), torch.tensor([[[math.log(2.0), 0.0]]])
    assert kl_divergence(mean, log_std).item() == pytest.approx((2 - math.log(2) + 4.5) / 2)


def test_reconstruction_by_hand() -> None:
    predicted, actions = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 2.0]]])
    assert reconstruction_loss(predicted, actions).item() == pytest.approx((1 + 4) / 2)


def test_repeat_keeps_a_rows_samples_apart_by_the_batch() -> None:
    values = torch.arange(12.0).reshape(2, 3, 2)
    repeated = repeat(values, 4)
    assert repeated.shape == (2, 12, 2)
    for sample in range(4):
        assert torch.equal(repeated.unflatten(1, (4, -1))[:, sample], values)


def test_best_sample_equals_a_plain_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    seeds, count, size = 2, 5, 3
    actions = torch.randn(seeds, count * size, ACT, generator=generator)
    q = torch.randn(seeds, count * size, generator=generator)
    best = best_sample(actions, q, count)
    assert best.shape == (seeds, size, ACT)
    for s in range(seeds):
        for b in range(size):
            n = max(range(count), key=lambda n: q[s, n * size + b].item())
            assert torch.equal(best[s, b], actions[s, n * size + b])
