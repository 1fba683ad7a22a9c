"""The reference of `python -m bench benchmark --xla PYTHON`: IQL in JAX, measured like ours.

It shows what XLA makes of the same updates on the same core. It runs in an interpreter with JAX,
which needs its own environment, and imports nothing from this repository. The order is that of
IQL's authors, as in iql/iql.py: V, policy, Q, target. `lax.scan` takes many updates a call, and
`vmap` trains all seeds. tests/speed/test_jax_reference.py compares it with iql/iql.py.

The argument is JSON: `kind` is updates (with width, seeds) or gemm (with size), and seconds. It
prints that it is ready, measures one round for each line that it reads, and prints versions and
peak memory at the end of its input.
"""

import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

ROWS, OBSERVATION, ACTION, BATCH = 100_000, 17, 6, 256
CALL = 100  # updates a call
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
MAX_WEIGHT = 100.0
LOG_STD = (-5.0, 2.0)
Net = dict[str, Any]  # weights, biases: lists of (in, out) and (out,); the policy's log_std (act,)
Batch = dict[str, Array]


class Config(NamedTuple):
    """The authors' configs/mujoco_config.py."""

    expectile: float = 0.7
    temperature: float = 3.0
    discount: float = 0.99
    polyak: float = 0.005
    learning_rate: float = 3e-4
    updates: int = 1_000_000  # until the policy's rate is 0; 0 for a constant rate


class Learner(NamedTuple):
    """A network and its Adam."""

    net: Net
    mean: Net
    square: Net


class State(NamedTuple):
    """Everything that an update changes, of one seed; a critic's arrays lead with its members."""

    policy: Learner
    critic: Learner
    target_critic: Net
    value: Learner
    updates: Array


def learner(net: Net) -> Learner:
    """Return a network at the start of its training."""
    zeros = jax.tree.map(jnp.zeros_like, net)
    return Learner(net, zeros, zeros)


def state_of(policy: Net, critic: Net, value: Net) -> State:
    """Return the state of a run that starts from these networks."""
    parts = learner(policy), learner(critic), critic, learner(value)
    return State(*parts, jnp.zeros((), jnp.int32))


def mlp(net: Net, x: Array) -> Array:
    """Apply layers with ReLU between them: (B, in) -> (B, out)."""
    *hidden, last = zip(net["weights"], net["biases"], strict=True)
    for weight, bias in hidden:
        x = jax.nn.relu(x @ weight + bias)
    return x @ last[0] + last[1]


def value_of(net: Net, observations: Array) -> Array:
    """V: (B, obs) -> (B,)."""
    return mlp(net, observations)[:, 0]


def q_of(net: Net, observations: Array, actions: Array) -> Array:
    """Both Q: (B, obs), (B, act) -> (2, B)."""
    x = jnp.concatenate([observations, actions], -1)
    return jax.vmap(mlp, (0, None))(net, x)[..., 0]


def log_prob(net: Net, observations: Array, actions: Array) -> Array:
    """log pi(a|s): (B,)."""
    log_std = net["log_std"].clip(*LOG_STD)
    z = (actions - jnp.tanh(mlp(net, observations))) * jnp.exp(-log_std)
    return -(0.5 * z**2 + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)


def descend(found: Learner, gradient: Net, rate: Array | float, step: Array) -> Learner:
    """Take one step of Adam; `step` counts from 1."""
    mean = jax.tree.map(lambda m, g: m + (1 - BETA1) * (g - m), found.mean, gradient)
    square = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, found.square, gradient)
    scale, correction = rate / (1 - BETA1**step), 1 / jnp.sqrt(1 - BETA2**step)
    net = jax.tree.map(
        lambda p, m, v: p - scale * m / (jnp.sqrt(v) * correction + EPSILON),
        found.net, mean, square,
    )  # fmt: skip
    return Learner(net, mean, square)


def update(state: State, batch: Batch, config: Config) -> tuple[State, dict[str, Array]]:
    """Take one step of all networks of one seed; return the state and the losses."""
    observations, actions = batch["observations"], batch["actions"]
    step = state.updates + 1
    q = q_of(state.target_critic, observations, actions).min(0)

    def value_loss(net: Net) -> Array:
        difference = q - value_of(net, observations)
        weight = jnp.where(difference > 0, config.expectile, 1 - config.expectile)
        return (weight * difference**2).mean()

    of_value, gradient = jax.value_and_grad(value_loss)(state.value.net)
    value = descend(state.value, gradient, config.learning_rate, step)
    v = value_of(value.net, observations)
    next_v = value_of(value.net, batch["next_observations"])

    def policy_loss(net: Net) -> Array:
        weight = jnp.minimum(jnp.exp(config.temperature * (q - v)), MAX_WEIGHT)
        return -(weight * log_prob(net, observations, actions)).mean()

    of_policy, gradient = jax.value_and_grad(policy_loss)(state.policy.net)
    rate: Array | float = config.learning_rate
    if config.updates:
        share = jnp.minimum(state.updates / config.updates, 1.0)
        rate = 0.5 * config.learning_rate * (1 + jnp.cos(jnp.pi * share))
    policy = descend(state.policy, gradient, rate, step)

    target = batch["rewards"] + config.discount * batch["masks"] * next_v

    def critic_loss(net: Net) -> Array:
        return ((q_of(net, observations, actions) - target) ** 2).sum(0).mean()

    of_critic, gradient = jax.value_and_grad(critic_loss)(state.critic.net)
    critic = descend(state.critic, gradient, config.learning_rate, step)
    moved = jax.tree.map(
        lambda old, new: old + config.polyak * (new - old), state.target_critic, critic.net
    )
    losses = {"value_loss": of_value, "actor_loss": of_policy, "critic_loss": of_critic}
    return State(policy, critic, moved, value, step), losses


def train(state: State, key: Array, data: Batch, config: Config) -> tuple[State, Array, Any]:
    """Take CALL updates of one seed on batches that `key` draws."""

    def one(carry: tuple[State, Array], _: None) -> tuple[tuple[State, Array], Any]:
        state, key = carry
        key, own = jax.random.split(key)
        rows = jax.random.randint(own, (BATCH,), 0, len(data["rewards"]))
        batch = {name: array[rows] for name, array in data.items()}
        state, losses = update(state, batch, config)
        return (state, key), losses

    (state, key), losses = lax.scan(one, (state, key), length=CALL)
    return state, key, losses


def dataset() -> Batch:
    """Return random rows of the same shape as ours."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Array:
        return jnp.asarray(rng.standard_normal(shape, dtype=np.float32))

    return {
        "observations": normal(ROWS, OBSERVATION),
        "actions": jnp.tanh(normal(ROWS, ACTION)),
        "rewards": normal(ROWS),
        "masks": jnp.ones(ROWS),
        "next_observations": normal(ROWS, OBSERVATION),
    }


def fresh(key: Array, width: int) -> State:
    """Return the state of a seed with two hidden layers of `width`."""
    draw = jax.nn.initializers.orthogonal(math.sqrt(2))

    def net(key: Array, first: int, last: int) -> Net:
        sizes = [(first, width), (width, width), (width, last)]
        keys = jax.random.split(key, len(sizes))
        weights = [draw(k, size) for k, size in zip(keys, sizes, strict=True)]
        return {"weights": weights, "biases": [jnp.zeros(out) for _, out in sizes]}

    of_policy, of_value, *of_critic = jax.random.split(key, 4)
    policy = net(of_policy, OBSERVATION, ACTION) | {"log_std": jnp.zeros(ACTION)}
    members = [net(k, OBSERVATION + ACTION, 1) for k in of_critic]
    critic = jax.tree.map(lambda *parts: jnp.stack(parts), *members)
    return state_of(policy, critic, net(of_value, OBSERVATION, 1))


def updates(width: int, seeds: int) -> tuple[Any, int]:
    """Return a function that takes CALL updates of all seeds, and its seed-updates."""
    data, keys = dataset(), jax.random.split(jax.random.key(0), seeds)
    state = jax.vmap(lambda key: fresh(key, width))(keys)
    step = jax.jit(
        jax.vmap(lambda state, key, data: train(state, key, data, Config()), (0, 0, None)),
        donate_argnums=(0, 1),
    )
    held = [state, keys]

    def call() -> None:
        *held[:], losses = step(*held, data)
        jax.block_until_ready(losses)

    return call, CALL * seeds


def gemm(size: int) -> tuple[Any, float]:
    """Return a function that multiplies square matrices, and its GFLOP."""
    times = 20
    factor = jax.nn.initializers.orthogonal()(jax.random.key(0), (size, size))
    step = jax.jit(lambda x: lax.fori_loop(0, times, lambda _, x: factor @ x, x))
    held = [factor]

    def call() -> None:
        held[0] = jax.block_until_ready(step(held[0]))

    return call, times * 2 * size**3 / 1e9


def main() -> None:
    # Output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(content: object) -> None:
        print(json.dumps(content), file=answers, flush=True)

    task = json.loads(sys.argv[1])
    seconds, kind = task.pop("seconds"), task.pop("kind")
    began = time.perf_counter()
    kinds: dict[str, Callable[..., Any]] = {"updates": updates, "gemm": gemm}
    call, amount = kinds[kind](**task)
    call()
    facts: dict[str, Any] = {"preparation_seconds": time.perf_counter() - began}

    def rate(least: float) -> float:
        """Return the amount a second over at least `least` seconds."""
        began, calls, elapsed = time.perf_counter(), 0, 0.0
        while elapsed < least:
            call()
            calls += 1
            elapsed = time.perf_counter() - began
        return calls * amount / elapsed

    rate(0.2 * seconds)  # warms up
    say({})
    for _ in sys.stdin:
        say(rate(seconds))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    facts["versions"] = {"jax": jax.__version__}
    say({"peak_memory_megabytes": round(memory, 1), **facts})


if __name__ == "__main__":
    main()
