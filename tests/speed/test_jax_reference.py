"""The JAX reference of the benchmark makes the updates that iql/iql.py makes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.golden import iql
from helpers.golden.case import Case, Form, replay
from helpers.golden.record import GOLDEN, Record, furthest
from helpers.paths import ROOT

STORED = GOLDEN / "xla_iql.npz"
OWN = ROOT / ".venv-xla/bin/python"  # of `make benchmark`
PYTHON = str(OWN) if OWN.exists() else sys.executable
HAS_JAX = OWN.exists() or importlib.util.find_spec("jax") is not None


def arrays(path: Path, folder: str) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {k.removeprefix(folder): file[k] for k in file.files if k.startswith(folder)}


@pytest.mark.parametrize("case", [c for c in iql.CASES if c.file != "iql_antmaze"], ids=str)
def test_its_recorded_updates_are_ours(case: Case) -> None:
    """Parameters after 20 updates on the same batches; losses as the authors reported them."""
    stored, losses = (arrays(STORED, f"{case.file}/{k}/") for k in ("after", "loss"))
    like = iql.parameters(Record(case.file), "after20")
    assert stored.keys() == like.keys()
    expected = {k: torch.from_numpy(v).reshape(like[k].shape) for k, v in stored.items()}
    assert furthest(replay(case, Form("recorded")).state, expected) < 4e-6
    for name, values in losses.items():
        recorded = Record(case.file).arrays[f"metrics/{name}"]
        np.testing.assert_allclose(values, recorded, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not HAS_JAX, reason="needs JAX, as `make benchmark` installs it")
def test_it_still_makes_what_was_recorded(tmp_path: Path) -> None:
    made = tmp_path / "made.npz"
    subprocess.run([PYTHON, str(GOLDEN / "record_xla.py"), str(made)], check=True)
    stored, again = arrays(STORED, ""), arrays(made, "")
    assert stored.keys() == again.keys()
    for name, values in stored.items():
        np.testing.assert_allclose(again[name], values, atol=2e-6, rtol=1e-5, err_msg=name)
