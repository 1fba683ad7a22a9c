"""The comparison that `precision: bfloat16` rests on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from helpers.paths import ROOT

from bench.cli import main, measure
from bench.config.catalogue import Catalogue
from bench.config.types import Settings
from bench.errors import BenchError
from bench.speed import precision as module
from bench.training import rounding
from bench.training.evaluate import HEADER

TASK = "hopper-medium-replay"


def cells(seeds: int) -> list[Settings]:
    catalogue = Catalogue()
    suite = catalogue.read_suite(ROOT / "config/quick.yaml")
    cell = catalogue.settings(suite, "iql", TASK, tuple(range(seeds)))
    return [
        cell.model_copy(update={"precision": value, "suite": f"precision-{value}"})
        for value in module.PRECISIONS
    ]


def finished(cell: Settings, returns: list[float]) -> None:
    """A run whose last evaluation has one episode a seed."""
    folder = Path("results", cell.suite, "runs/iql", TASK, f"0-{len(returns) - 1}")
    folder.mkdir(parents=True)
    rows = [("offline", cell.updates, seed, 0, value, 10) for seed, value in enumerate(returns)]
    pd.DataFrame(rows, columns=HEADER).to_csv(folder / "evaluations.csv", index=False)
    record = {"settings": cell.model_dump(mode="json"), "updates_per_second": 7.0}
    (folder / "run.json").write_text(json.dumps(record))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("config", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("elsewhere")
def test_scores_are_paired_by_seed() -> None:
    plain, rounded = cells(3)
    row = Catalogue().tasks[TASK]
    width = row.ref_max_score - row.ref_min_score
    finished(plain, [100.0, 500.0, 900.0])
    finished(rounded, [100.0 + 0.01 * width, 500.0 + 0.02 * width, 900.0 + 0.03 * width])
    measure.precision((TASK,), seeds=3)
    row = pd.read_csv("results/precision/precision.csv").iloc[0]
    assert row["difference"] == pytest.approx(2.0)
    # Differences 1, 2, 3: deviation 1, t(0.975, 2) = 4.3027, half width 4.3027 / sqrt(3).
    assert row["ci_high"] - row["difference"] == pytest.approx(2.4842, abs=1e-3)
    assert row["ci_low"] == pytest.approx(2 * row["difference"] - row["ci_high"], abs=1e-3)
    assert row["seeds"] == 3


@pytest.mark.usefixtures("elsewhere")
def test_a_run_that_fails_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding, "check", lambda: None)
    with pytest.raises(BenchError, match=r"the run failed .*observations\.npy"):
        measure.precision((TASK,), seeds=1)


@pytest.mark.usefixtures("elsewhere")
def test_a_machine_that_does_not_round_ends_the_verb_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is trained; through the command line, so that a traceback would be seen."""
    monkeypatch.setattr(rounding, "rounds", lambda *product: False)
    monkeypatch.setattr(sys, "argv", ["bench", "precision", "--tasks", TASK, "--seeds", "1"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(rounding.NO_EFFECT)
    assert not Path("results").exists()


def test_an_unknown_task_gets_the_nearest_name() -> None:
    with pytest.raises(BenchError, match="hopper-medium-replay"):
        measure.precision(("hopper-medium-reply",))
