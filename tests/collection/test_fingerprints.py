"""Collected data are the same to the last bit on every processor seen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.paths import ROOT
from safetensors.torch import load_file

from bench.collection.fingerprint import COLLECTED, FINGERPRINTS, fingerprint
from bench.collection.ladder import ordered_product
from bench.maze_plans import length

TABLE = pd.read_csv(FINGERPRINTS)
LADDERS = sorted((ROOT / "behaviors").glob("*/ladder.safetensors"))

# Other kernels of each library that rounds: what another processor would choose.
OTHER_KERNELS = {"MKL_CBWR": "COMPATIBLE", "OPENBLAS_CORETYPE": "Nehalem"}
ACTIONS = """
import hashlib, sys
from pathlib import Path
import numpy as np
from bench.collection.ladder import load
digest = hashlib.sha256()
for path in sys.argv[1:]:
    ladder = load(Path(path).parent)
    seen = np.random.default_rng(0).normal(0, 3, (len(ladder), 50, ladder.observation_dim))
    digest.update(ladder.without_noise(seen).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("recipe", COLLECTED)
def test_this_machine_collects_the_rows_of_every_other(recipe: str) -> None:
    assert {fingerprint(recipe)} == set(TABLE[TABLE["recipe"] == recipe]["sha256"])


def test_each_processor_has_a_recipe_once() -> None:
    """One that was not seen since a robot's policies changed lacks that robot's rows."""
    for _, rows in TABLE.groupby(["processor", "instructions", "libc"]):
        assert rows["recipe"].tolist() == [
            name for name in COLLECTED if name in set(rows["recipe"])
        ]


@pytest.mark.parametrize("path", LADDERS, ids=lambda p: p.parent.name)
@pytest.mark.parametrize("rows", [1, 8])
def test_sums_are_in_the_order_of_their_terms(path: Path, rows: int) -> None:
    tensors = load_file(path)
    for layer in range(3):
        weight = tensors[f"trunk.weights.{layer}"].numpy().astype(np.float64)
        x = np.random.default_rng(1).normal(size=(len(weight), rows, weight.shape[1]))
        total = np.zeros((len(weight), rows, weight.shape[2]))
        for i in range(weight.shape[1]):
            total = total + x[:, :, i : i + 1] * weight[:, i : i + 1]
        assert np.array_equal(ordered_product(x, weight), total)


def test_actions_do_not_depend_on_the_kernels_of_matrix_products() -> None:
    def actions(environment: dict[str, str]) -> bytes:
        command = [sys.executable, "-c", ACTIONS, *map(str, LADDERS)]
        variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, env=variables, check=True, capture_output=True).stdout

    assert actions({}) == actions(OTHER_KERNELS)


def test_a_length_is_rounded_at_each_operation() -> None:
    step = np.array([0.1, 0.7])
    assert length(step) == np.sqrt(0.1 * 0.1 + 0.7 * 0.7)
