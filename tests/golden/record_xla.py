"""Writes xla_iql.npz: what benchmarks/jax_iql.py makes of the IQL authors' recorded batches.

It runs in an interpreter with JAX. README.md says how.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

HERE = Path(__file__).parent
FILES = ("iql_locomotion", "iql_finetune")
FIELDS = ("observations", "actions", "rewards", "masks", "next_observations")
CRITICS = ("Critic_0/", "Critic_1/")
spec = importlib.util.spec_from_file_location("jax_iql", HERE.parents[1] / "benchmarks/jax_iql.py")
program = importlib.util.module_from_spec(spec)
sys.modules["jax_iql"] = program
spec.loader.exec_module(program)


def net(record: dict[str, Any], name: str, head: str, members: tuple[str, ...] = ("",)) -> Any:
    """The authors' network in the layout of the reference; members on a leading axis."""
    layers = ("MLP_0/Dense_0", "MLP_0/Dense_1", head)

    def part(kind: str) -> list[Any]:
        return [
            jnp.stack([record[f"init/{name}/{m}{layer}/{kind}"] for m in members])
            for layer in layers
        ]

    found = {"weights": part("kernel"), "biases": part("bias")}
    return found if len(members) > 1 else jax.tree.map(lambda x: x[0], found)


def config_of(record: dict[str, Any]) -> Any:
    of = {k.partition("/")[2]: float(v) for k, v in record.items() if k.startswith("settings/")}
    known = ("expectile", "temperature", "discount", "polyak", "learning_rate")
    updates = int(of["max_steps"]) if of["cosine"] else 0
    return program.Config(**{k: of[k] for k in known}, updates=updates)


def run(record: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the losses, and the parameters under the names of iql/iql.py, after all updates."""
    config = config_of(record)
    policy = net(record, "actor", "Dense_0") | {"log_std": record["init/actor/log_stds"]}
    critic = net(record, "critic", "MLP_0/Dense_2", CRITICS)
    state = program.state_of(policy, critic, net(record, "value", "MLP_0/Dense_2"))
    batches = {k: jnp.asarray(record[f"batch/{k}"]) for k in FIELDS}
    state, losses = jax.lax.scan(lambda s, b: program.update(s, b, config), state, batches)
    found = {f"loss/{k}": np.asarray(v) for k, v in losses.items()}
    nets = {
        "policy": state.policy.net,
        "critic": state.critic.net,
        "target_critic": state.target_critic,
        "value": state.value.net,
    }
    for name, of in nets.items():
        for kind in ("weights", "biases"):
            for layer, array in enumerate(of[kind]):
                found[f"after/{name}.trunk.{kind}.{layer}"] = np.asarray(array)
    return found | {"after/policy.log_std": np.asarray(state.policy.net["log_std"])}


def main() -> None:
    found = {}
    for name in FILES:
        with np.load(HERE / f"{name}.npz", allow_pickle=False) as file:
            found |= {f"{name}/{k}": v for k, v in run(dict(file)).items()}
    np.savez_compressed(sys.argv[1], **found)


if __name__ == "__main__":
    main()
