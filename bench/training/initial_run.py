"""Start an online phase from a finished run of the same method, or from another's networks.

Both runs must agree in their settings; an error names the first field that differs.
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
from bench.files import decode_json
from bench.paths import RunFolder
from bench.training import checkpoint

SHARED = ("precision", "rewards", "observations")  # settings compared besides task and seeds
TASK = ("task", "env_id", "dataset", "reading", "max_rows")
OFFLINE = "offline."  # prefix of the networks saved before the online phase


def networks_before(folder: Path, wanted: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the networks of another method's run at the end of its offline phase.

    `wanted` holds the expected values of its run.json: `method`, `task`, `seeds`, `dataset_hash`
    and so on. Raises BenchError where a value differs or the file cannot be read.
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
    """Return tensors and record of the checkpoint at the end of a run's offline phase.

    The run is of the same method. `wanted` is as above, with `updates`, `batch_size` and
    `config`; `state` is an initialised state. Raises BenchError where the run differs or cannot
    be read.
    """
    _compare(_read(folder), wanted, folder)
    path = RunFolder(folder).checkpoint
    found = checkpoint.load(path, None)
    if found is None:
        raise BenchError(f"{path}: no readable checkpoint; train {folder} again.")
    tensors, record = found
    phase, step = record.get("phase", "offline"), record["step"]
    if phase != "offline" or step != wanted["updates"]:
        raise BenchError(
            f"{path}: phase: the checkpoint is at {phase} step {step:,}, not at the end of the "
            f"offline phase at {wanted['updates']:,}; give a run without an online phase."
        )
    for name, tensor in checkpoint.state_tensors(state).items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise BenchError(
                f"{path}: {name}: missing or of another shape, because the code has changed "
                "since; train it again."
            )
    return tensors, record


def _read(folder: Path) -> dict[str, Any]:
    """Return a run's record with its settings and config as flat fields."""
    path = RunFolder(folder).record
    try:
        run = decode_json(path.read_text(encoding="utf-8"))
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
