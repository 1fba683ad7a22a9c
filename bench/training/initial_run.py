"""Beginning an online phase from a finished run: the same method's, or another's networks.

What the run was trained with must be what this one is to go on with; the first field that differs
is named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bench.errors import BenchError
from bench.paths import RunFolder
from bench.training import checkpoint

SHARED = ("precision", "rewards", "observations")  # of the settings, beside task and seeds
TASK = ("task", "env_id", "dataset", "reading")
OFFLINE = "offline."  # before the names of the networks as they were before the online phase


def networks_before(folder: Path, wanted: Mapping[str, Any]) -> dict[str, Tensor]:
    """The networks of a run of another method as its offline phase left them.

    `wanted` is what its run.json has to say: `method`, `task`, `seeds`, `dataset_hash` and so on.
    Raises BenchError where it differs or cannot be read.
    """
    _compare(_read(folder), wanted, folder)
    path = RunFolder(folder).policy
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise BenchError(f"{path}: not readable ({error}); run that method again.") from None
    before = {k.removeprefix(OFFLINE): v for k, v in found.items() if k.startswith(OFFLINE)}
    return before or found


def offline_end(
    folder: Path, wanted: Mapping[str, Any], state: Any
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and record of the checkpoint in which a run of the same method ended offline.

    `wanted` as above, with `updates`, `batch_size` and `config`; `state` is an initialised state.
    Raises BenchError where the run differs or cannot be read.
    """
    _compare(_read(folder), wanted, folder)
    path = RunFolder(folder).checkpoint
    found = checkpoint.load(path, None)
    if found is None:
        raise BenchError(f"{path}: no checkpoint that can be read; train {folder} again.")
    tensors, record = found
    phase, step = record.get("phase", "offline"), record["step"]
    if phase != "offline" or step != wanted["updates"]:
        raise BenchError(
            f"{path}: phase: the checkpoint is of {phase} step {step:,}, not of the end of the "
            f"offline phase at {wanted['updates']:,}; give a run without an online phase."
        )
    for name, tensor in checkpoint.state_tensors(state).items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise BenchError(
                f"{path}: {name}: not there, or of another shape, because the code has changed "
                "since; train it again."
            )
    return tensors, record


def _read(folder: Path) -> dict[str, Any]:
    """A run's record with its settings and config as flat fields."""
    path = RunFolder(folder).record
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        settings = run["settings"]
        found = {key: settings[key] for key in ("method", "seeds", "updates", "batch_size")}
        found |= {key: settings["task"].get(key) for key in TASK}
        found |= {key: settings[key] for key in SHARED}
        found |= {"dataset_hash": run["dataset_hash"], "status": run["status"]}
        return found | {f"config.{key}": value for key, value in run["config"].items()}
    except FileNotFoundError:
        raise BenchError(f"{path}: file not found; name the folder of a finished run.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchError(f"{path}: not a run's record ({error}); run it again.") from None


def _compare(found: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path) -> None:
    if found["status"] != "done":
        raise BenchError(f"{folder}: status: the run is {found['status']}; start from another.")
    for key, value in json.loads(json.dumps(wanted)).items():  # as stored: a tuple is a list
        theirs = found.get(key)
        if theirs != value:
            raise BenchError(
                f"{folder}: {key}: the run has {theirs!r}, this one {value!r}; start from a run "
                "that agrees, or change the setting."
            )
