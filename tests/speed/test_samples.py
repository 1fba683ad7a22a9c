"""What the benchmark measures of each method: its sizes, and updates in a run's proportions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.paths import ROOT

from bench.config import registry
from bench.config.catalogue import Catalogue
from bench.config.registry import METHODS, OFFLINE, Phase, Sample, entry_of
from bench.config.samples import UPDATES, is_measured
from bench.errors import BenchError
from bench.speed import job_startup, worker
from bench.speed.cells import source_cells
from bench.speed.prediction import paper_hours, prediction
from bench.speed.worker import count_work, enter, prepared_run, synthetic
from bench.training.recording.tracer import learners


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


# --- sizes ----------------------------------------------------------------------------

W, ACT = -1, 6  # of HalfCheetah; W stands for the width
TWO, THREE = [W, W], [W, W, W]
VAE = [W, W, 4 * ACT, W, W, ACT]  # a latent of twice the actions, mean and deviation
BLOCK = [W, W, W, 4 * W, W]  # of a transformer: query, value, out (the key is no layer), MLP
# Units of each layer: as many as the method's source has.
LAYERS = {
    "iql": {"policy": [*TWO, ACT], "critic": [*TWO, 1], "value": [*TWO, 1]},
    "bc": {"policy": [*TWO, ACT]},
    "bc10": {"policy": [*TWO, ACT]},
    "td3_bc": {"policy": [*TWO, ACT], "critic": [*TWO, 1]},
    "awac": {"policy": [W, W, W, W, ACT], "critic": [*TWO, 1]},
    "onestep": {"policy": [*TWO, 2 * ACT], "behaviour": [*TWO, 2 * ACT], "critic": [*TWO, 1]},
    "cql": {"policy": [*THREE, 2 * ACT], "critic": [*THREE, 1]},
    "cql_antmaze": {"policy": [*TWO, 2 * ACT], "critic": [*THREE, 1]},
    "cal_ql": {"policy": [*TWO, 2 * ACT], "critic": [*THREE, -1, 1]},
    "bcq": {"policy": [*TWO, ACT], "critic": [*TWO, 1], "vae": VAE},
    "bear": {"policy": [*TWO, 2 * ACT], "critic": [*TWO, 1], "vae": VAE},
    "awr": {"policy": [*TWO, ACT], "value": [*TWO, 1]},
    "dt": {"policy": [*THREE, *3 * BLOCK, ACT]},
}


def units(net: torch.nn.Module) -> list[int]:
    """Of each layer of a network whose weights are (..., in, out)."""
    named = net.named_parameters()
    return [p.shape[-1] for n, p in named if "weights" in n]


@pytest.mark.parametrize("width", [64, 256])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_the_source_s_at_both_widths(name: str, width: int) -> None:
    run = prepared_run(synthetic(2000), name, width, 1, "eager", updates=1)
    for network, expected in LAYERS[name].items():
        found = units(getattr(run.state, network).net)
        assert found == [-width * n if n < 0 else n for n in expected], network


@pytest.mark.parametrize("name", OFFLINE)
def test_every_method_gets_the_width(name: str) -> None:
    narrow, wide = (
        [n for learner in learners(run.state) for n in units(learner.net)]
        for width in (64, 256)
        for run in [prepared_run(synthetic(2000), name, width, 1, "eager", updates=1)]
    )
    assert narrow != wide, f"{name}: no field `width` or `...hidden` of its Config sets its layers"
    assert all(after in (before, 4 * before) for before, after in zip(narrow, wide, strict=True))


def test_sources_of_other_sizes_have_cells_of_their_own() -> None:
    """IQL's, CQL's and cloning's are cells of `updates`; CQL's in mazes are cql_antmaze's there."""
    found = {(c.method, c.family): c for c in source_cells(OFFLINE, 2)}
    assert {"awac", "onestep", "dt"} <= {method for method, _ in found}
    assert not {"iql", "bc", "bc10", "td3_bc", "cql"} & {method for method, _ in found}
    assert found["onestep", "locomotion"].width == 1024


def test_a_source_s_own_batch_and_layers_are_run() -> None:
    run = prepared_run(synthetic(2_000), "awac", 0, 1, "eager", 1, family="locomotion")
    assert run.settings.batch_size == 1024
    assert units(run.state.policy.net) == [256, 256, 256, 256, ACT]


def test_the_source_s_own_settings_are_measured_where_they_have_that_width() -> None:
    catalogue = Catalogue()
    assert is_measured(catalogue, "cql", {"hidden": [256, 256, 256]}, 256, 256)
    assert not is_measured(catalogue, "cql", {"hidden": [256, 256]}, 256, 256)
    assert not is_measured(catalogue, "cql", {"hidden": [64, 64, 64]}, 256, 256)
    assert not is_measured(catalogue, "awac", {}, 1024, 256)
    assert is_measured(catalogue, "awac", {}, 256, 256)
    assert not is_measured(catalogue, "bear", {}, 256, 256)  # its VAE has 750 units
    assert is_measured(catalogue, "dt", {"width": 64}, 64, 64)
    assert not is_measured(catalogue, "dt", {"width": 64}, 256, 64)


@pytest.mark.parametrize("name", [n for n in OFFLINE if hasattr(registry.load(n), "branch")])
def test_a_method_whose_updates_differ_has_a_sample_of_its_own(name: str) -> None:
    """Over the run, updates take no branch that the sample has not got."""
    sample, run = entry_of(name).sample, prepared_run(synthetic(2000), name, 64, 1, "eager", 1)

    def branches(updates: Iterable[int]) -> set[Hashable]:
        found = set()
        for update in updates:
            for learner in learners(run.state):
                learner.updates = update
            found.add(run.method.branch(run.state, run.config))
        return found

    measured = (
        n for phase in sample.phases for n in range(phase.first, phase.first + sample.cycle)
    )
    assert branches(range(0, UPDATES, 997)) <= branches(measured)


# --- phases ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n, e in METHODS.items() if len(e.sample.phases) > 1])
def test_phases_are_those_of_the_method_s_own_counters(name: str) -> None:
    """Each phase has one set of branches from its first update to its last, then another one."""
    sample = entry_of(name).sample
    run = prepared_run(synthetic(2000), name, 64, 1, "eager", updates=1)

    def branches(first: int) -> set[Hashable]:
        found = set()
        for update in range(first, first + sample.cycle):
            for learner in learners(run.state):
                learner.updates = update
            found.add(run.method.branch(run.state, run.config))
        return found

    ends = [*(phase.first for phase in sample.phases[1:]), UPDATES]
    previous: set[Hashable] = set()
    for phase, end in zip(sample.phases, ends, strict=True):
        assert phase.share == pytest.approx((end - phase.first) / UPDATES, abs=2e-6)
        assert branches(phase.first) == branches(end - sample.cycle) != previous
        assert len(branches(phase.first)) in (1, sample.cycle)
        previous = branches(phase.first)
        enter(run, phase)
        assert run.method.branch(run.state, run.config) in previous


@pytest.mark.parametrize("name", ["td3_bc", "awr"])
def test_a_cycle_has_each_branch_in_proportion(name: str) -> None:
    """Two cycles that follow each other hold the same branches, equally often."""
    sample = entry_of(name).sample
    run = prepared_run(synthetic(2000), name, 64, 1, "eager", updates=1)
    seen: list[Hashable] = []
    original = run.method.update

    def update(state: Any, batch: Any, config: Any, streams: Any) -> Any:
        seen.append(run.method.branch(state, config))
        return original(state, batch, config, streams)

    run.engine.method = type("Method", (), {"update": staticmethod(update)})
    for _ in range(2 * sample.cycle):
        run.advance()
    halves = Counter(seen[: sample.cycle]), Counter(seen[sample.cycle :])
    assert halves[0] == halves[1]
    expected = {"td3_bc": {True: 1, False: 1}, "awr": {True: 20, False: 100}}  # AWR: 200 to 1,000
    assert halves[0] == expected[name]


def test_work_is_a_mean_over_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """BEAR seeks values in 96 of 100 updates."""
    rows, first = synthetic(2000), [phase.first for phase in entry_of("bear").sample.phases]

    def work_of(*shares: float) -> float:
        phases = tuple(Phase(*pair) for pair in zip(shares, first, strict=True))
        with monkeypatch.context() as patch:
            bear = replace(METHODS["bear"], sample=Sample(phases=phases))
            patch.setitem(METHODS, "bear", bear)
            return count_work(rows, "bear", 64)

    mean, warm, seeking = count_work(rows, "bear", 64), work_of(1, 0), work_of(0, 1)
    assert warm < 0.8 * seeking
    assert mean == pytest.approx(0.04 * warm + 0.96 * seeking)


def test_without_a_compiler_a_compiled_cell_is_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BenchError, match="no C\\+\\+ compiler found"):
        worker.updates(str(tmp_path), "bc", 64, 1, "compiled", 0.1)


@pytest.mark.parametrize("begun", [0, 3, 9])
def test_a_rate_counts_the_updates_that_the_optimiser_made(begun: int) -> None:
    """Also where it begins between two multiples of `log_every`, so that `advance` makes fewer."""
    run = prepared_run(synthetic(2000), "iql", 8, 2, "recorded", updates=1)
    for _ in range(begun):
        run.advance()
    worker.draw_at_once(run, 10, 1)
    seconds, adam = run.seconds, run.state.value.updates
    each = worker.of_phase(run, None, 10)
    made = run.state.value.updates - adam
    assert made >= 10
    assert each * made == pytest.approx(run.seconds - seconds)


def test_a_measurement_is_made_of_such_rates(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "of_phase", lambda run, phase, count: 0.01 if phase else 0.002)
    assert worker.updates(str(rows), "iql", 8, 2, "recorded", 0.1)[0]() == pytest.approx(1000)
    assert worker.updates(str(rows), "bear", 8, 2, "recorded", 0.1)[0]() == pytest.approx(200)


# --- a job ----------------------------------------------------------------------------


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Arrays of 2,000 rows."""
    worker.data(str(tmp_path / "rows"), 2000)
    return tmp_path / "rows"


def test_the_first_update_of_the_real_verb_is_timed(rows: Path, tmp_path: Path) -> None:
    found = job_startup.start(rows, tmp_path / "scratch", 1)
    assert found["seconds_rounds"] == [found["seconds"]]
    assert 0.5 < found["seconds"] < 300
    assert not list((tmp_path / "scratch").iterdir())
    assert rows.exists()
    (rows / "masks.npy").unlink()
    failed = job_startup.start(rows, tmp_path / "again", 1)["failed"]
    assert "masks.npy: file not found" in failed


def test_a_job_s_memory_is_its_part_of_what_is_resident(rows: Path) -> None:
    measure, _ = worker.resident(str(rows))
    megabytes = measure()
    status = Path("/proc/self/status").read_text()
    resident = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS:"))
    assert 0.2 * resident < megabytes * 1e6 / 1024 < 1.1 * resident


# --- what follows ---------------------------------------------------------------------


def cell(method: str, ratio: float | None, **changes: Any) -> dict[str, Any]:
    known = {} if ratio is None else {"gflops_ratio_to_iql": ratio}
    base = {"method": method, "width": 64, "seeds": 5, "executor": "compiled"}
    return base | known | changes


def test_every_method_is_held_against_iql() -> None:
    cells = [
        cell("iql", 1.0),
        cell("bc", 0.8),
        cell("bc", 0.9, width=256),
        cell("dt", None, failed="no memory"),
        cell("awr", 0.5),
        cell("cql", 0.1, executor="recorded"),
    ]
    sentence, header, rows = prediction(cells, "compiled")
    assert sentence == "Within 1.2 in 1 of 3 cells; not in bc (64, 5), awr (64, 5)."
    assert header == ["method", "64, 5", "256, 5"]
    assert rows == [
        ("bc", "1.25", "1.11"),
        ("dt", "failed", "not run"),
        ("awr", "2.00", "not run"),
    ]
    assert prediction([cell("bc", 0.9)], "compiled")[0] == "Within 1.2 in 1 of 1 cells."


def test_hours_of_the_paper_s_suite_are_of_sources_that_were_measured() -> None:
    names = ("iql", "td3_bc", "cql", "awac", "bear", "dt")
    cells = [{"method": name, "width": 256, "seed_updates_per_second": 100.0} for name in names]
    # The sources of the others have other batches or sizes than the benchmark.
    assert set(paper_hours(cells)) == {"iql", "td3_bc", "cql"}
