"""How the recorded files in D4RL's layout are converted and read by this project."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from bench.data import convert, prepare
from bench.data.transitions import Transitions
from bench.learning.scalers import RewardScaler
from helpers.d4rl_files import task, write
from helpers.golden.record import Record

RECORD = Record("d4rl_reading")
FILES = RECORD.settings["files"]
NUMBERS = range(len(FILES))
LOCOMOTION = [k for k in NUMBERS if FILES[k]["family"] == "locomotion"]
ANTMAZE = [k for k in NUMBERS if FILES[k]["family"] == "antmaze"]
# Those that hold the observations after timeouts, so that all rows can be kept.
WHOLE = [k for k in LOCOMOTION if FILES[k]["next_observations"]]
ENVIRONMENTS = {"locomotion": "Hopper-v4", "antmaze": "bench.antmaze:AntMazeUmaze-v2"}


class Read(NamedTuple):
    """One recorded file and how we read it."""

    number: int
    data: Transitions

    def theirs(self, name: str) -> np.ndarray:
        """What `name`, as rows or iql, has of this file: rows/observations and so on."""
        program, _, array = name.partition("/")
        found: np.ndarray = RECORD.arrays[f"{program}_{self.number}/{array}"]
        return found


def read(number: int, folder: Path, reading: str) -> Transitions:
    """Through an HDF5 file, a Minari dataset and the arrays that training maps."""
    prefix = f"file_{number}/"
    content = {k.removeprefix(prefix): v for k, v in RECORD.under(f"file_{number}").items()}
    path = write(folder / "file.hdf5", content)
    env_id = ENVIRONMENTS[FILES[number]["family"]]
    row = task(f"hdf5:{path}", env_id=env_id, reading=reading)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MINARI_DATASETS_PATH", str(folder))  # restored afterwards
        convert.convert(row, Path("minari"))
        arrays = prepare.prepare(row, Path("minari"))
        return Transitions.load(folder / arrays)


def reward_factor_difference(found: Read) -> float:
    """Relative, of the factor on locomotion rewards; theirs is computed in float32."""
    scale = RewardScaler.fit("return_range", found.data).scale
    return abs(scale / float(found.theirs("iql/factor")) - 1)
