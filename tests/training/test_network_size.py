"""What a plan says of a run's networks is what its files hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.training_jobs import DATASET, place_data, random_data, settings
from safetensors import safe_open

from bench.config.types import Settings
from bench.paths import TRANSITIONS
from bench.training.job_process import StopRequest
from bench.training.network_size import DIMS, bytes_of_seed
from bench.training.train import train

METHODS = {
    "iql": {"hidden": [16, 16]},
    "awac": {"hidden": [24, 16], "policy_hidden": [8]},
    "td3_bc": {"hidden": [16, 8]},
}


def held(path: Path) -> int:
    """The bytes of the numbers in a file, without the states of random streams."""
    with safe_open(path, "pt") as opened:
        names = [name for name in opened.keys() if not name.startswith("streams.")]  # noqa: SIM118
        return sum(opened.get_tensor(name).nbytes for name in names)


def trained(cell: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place_data(folder, random_data())
    monkeypatch.chdir(folder)
    monkeypatch.setattr("bench.training.train.prepare_process", lambda *_: None)
    monkeypatch.setattr(StopRequest, "on_signals", StopRequest)
    train(cell, TRANSITIONS / DATASET, folder / "run", "cpu", 1, 1000.0)
    return folder / "run"


@pytest.mark.parametrize("method", METHODS)
def test_a_finished_run_holds_what_was_planned(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"updates": 10, "evaluation": {"every": 10, "episodes": 1}, "seeds": [0, 3]}
    cell = settings(method=method, config=METHODS[method], **changes)
    folder = trained(cell, tmp_path, monkeypatch)
    files = sum(held(folder / f"{name}.safetensors") for name in ("checkpoint", "policy"))
    assert 2 * bytes_of_seed(cell, (4, 1)) == pytest.approx(files, rel=0.03)


def test_wider_networks_and_observations_take_more() -> None:
    sizes = [
        bytes_of_seed(settings(config={"hidden": [width, width]}), dims)
        for width, dims in ((16, (4, 1)), (16, None), (256, (4, 1)))
    ]
    assert sizes == sorted(sizes)
    assert bytes_of_seed(settings(), None) == bytes_of_seed(settings(), DIMS)


def test_an_online_phase_keeps_the_networks_before_it() -> None:
    online = {"steps": 100, "every": 50, "episodes": 1}
    alone, both = (bytes_of_seed(settings(online=o), (4, 1)) for o in (None, online))
    assert both > alone
