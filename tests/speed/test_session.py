"""The benchmark: a tiny run of its own verb, and what it makes of what it measured."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT

from bench.cli import main, measure
from bench.config.samples import BATCH
from bench.errors import BenchError
from bench.records import machine
from bench.speed import cells, derived, session, table
from bench.speed.figure import draw
from bench.speed.prediction import RATE
from bench.speed.processes import measure as measure_processes
from bench.speed.worker import ACTION, OBSERVATION, count_work, synthetic


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two cells on one core: `iql`, and `awr` at its source's sizes."""
    folder = tmp_path_factory.mktemp("benchmark")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(cells, "WIDTHS", (64,))
        patch.setattr(cells, "BLOCKS", (5,))
        patch.setattr(cells, "EXECUTORS", ("recorded",))
        one_core = machine.machine() | {"cores": 1}
        patch.setattr(machine, "machine", lambda: one_core)
        cell = cells.Cell("awr", 128, 1, "recorded", 1, family="locomotion")
        patch.setattr(session, "source_cells", lambda methods, cores: [cell])
        parts = ("gemm", "updates", "sources")
        measure.benchmark(("iql",), parts, rounds=2, seconds=0.05, out=folder)
    return folder


@pytest.fixture
def content(out: Path) -> dict[str, Any]:
    return json.loads((out / "benchmark.json").read_text())


# --- a run ----------------------------------------------------------------------------


def test_a_run_keeps_every_round_and_says_where_it_ran(content: dict[str, Any]) -> None:
    cores = content["machine"]["cores"]
    assert {"date", "command", "commit", "versions"} <= content.keys()
    assert (content["rounds"], content["round_seconds"]) == (2, 0.05)
    (cell,) = content["updates"]
    assert {cell[k] for k in ("method", "executor")} == {"iql", "recorded"}
    rounds = cell["seed_updates_per_second_rounds"]
    assert [len(process) for process in rounds] == [2] * cores
    assert cell["seed_updates_per_second"] == pytest.approx(sum(sum(p) / 2 for p in rounds))
    assert cell["peak_memory_megabytes"] > 100
    assert cell["preparation_seconds"] > 0


def test_work_and_rate_give_the_share_of_the_machine(content: dict[str, Any]) -> None:
    (cell,) = content["updates"]
    ends = [content["gemm"][k]["gflops_per_second"] for k in ("float32", "float32_at_the_end")]
    ends += [content["gemm"]["numpy"]["gflops_per_second"]]
    ends += [content["gemm"]["scipy-openblas32"].get("gflops_per_second", 0)]
    done = cell["flops_per_seed_update"] * cell["seed_updates_per_second"] / 1e9
    assert cell["gflops_per_second"] == pytest.approx(done)
    assert cell["share_of_gemm_rate"] == pytest.approx(done / max(ends))
    assert cell["gflops_ratio_to_iql"] == 1
    bfloat16 = content["gemm"]["bfloat16"]
    refusal = "precision: 'bfloat16' has no effect"
    assert ("gflops_per_second" in bfloat16) != (refusal in bfloat16.get("not_run", ""))


def test_sources_are_measured_at_their_sizes(out: Path, content: dict[str, Any]) -> None:
    (found,) = content["sources"]
    assert found["sizes"] == {"hidden": [128, 64]}
    assert (found["batch_size"], found["family"]) == (256, "locomotion")
    assert found["seed_updates_per_second"] > 1
    assert "| awr | hidden 128 × 64 | 256 | 1 |" in (out / "table.md").read_text()


def test_what_did_not_run_reads_not_run(out: Path, content: dict[str, Any]) -> None:
    assert [content[part] for part in ("peer", "xla", "around", "scale")] == [None] * 4
    assert all("ratio" not in ratio for ratio in content["ratios"])
    text = (out / "table.md").read_text()
    assert content["machine"]["cpu"] in text.splitlines()[2]
    assert "| IQL over d3rlpy's, width 256, best block | not run |" in text
    assert "## d3rlpy's IQL\n\nnot run" in text
    assert "## The same updates by XLA\n\nnot run" in text
    assert "| iql | 64 | 5 | not run | " in text  # the eager executor
    assert not (out / "scale.png").exists()


def test_the_library_of_each_product_is_named(content: dict[str, Any]) -> None:
    (cell,) = content["updates"]
    assert "256x64x64 nn" in cell["products"]["chosen"]
    cell["products"] = {
        "openblas": "0.3 Zen",
        "chosen": {"b": "torch", "a": "openblas", "c": "torch"},
    }
    text = table.render(content)
    assert "OpenBLAS is 0.3 Zen.\n\n- openblas: a\n- torch: b, c\n" in text
    del cell["products"]
    assert "## Library of each product\n\nnot run" in table.render(content)


@pytest.mark.parametrize("width", [64, 256])
def test_the_work_of_an_update_is_that_of_a_hand_count(width: int) -> None:
    """A product of (B, i) and (i, o) costs 2 B i o; so does each of its two gradients."""

    def forward(first: int, last: int) -> int:
        return 2 * BATCH * (first * width + width * width + width * last)

    def backward(first: int, last: int) -> int:  # the batch itself needs no gradient
        return 2 * forward(first, last) - 2 * BATCH * first * width

    value, policy = (OBSERVATION, 1), (OBSERVATION, ACTION)
    critic = (OBSERVATION + ACTION, 1)
    expected = (
        3 * forward(*value)  # of s before the step, of s and of s' after it
        + backward(*value)
        + forward(*policy)
        + backward(*policy)
        + 2 * (2 * forward(*critic) + backward(*critic))  # twins; the target critic's forward
    )
    assert count_work(synthetic(2000), "iql", width) == expected


# --- what fails -----------------------------------------------------------------------


def scripted(script: str, tmp_path: Path, jobs: int = 1) -> dict[str, Any]:
    return measure_processes([sys.executable, "-c", script], "per_second", 3, jobs, tmp_path)


def test_processes_run_their_rounds_together(tmp_path: Path) -> None:
    script = """
import sys
print("{}", flush=True)
for number, _ in enumerate(sys.stdin):
    print([1, 5, 2][number], flush=True)
print('{"peak_memory_megabytes": 3}')
"""
    result = scripted(script, tmp_path, jobs=2)
    rounds = [[1, 5, 2], [1, 5, 2]]
    expected = {"per_second": 4, "per_second_rounds": rounds, "peak_memory_megabytes": 3}
    assert result == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("raise SystemExit('no memory')", {"failed": "no memory (exit status 1)"}),
        ("print('{}', flush=True); input(); 1 / 0", {"failed": "ZeroDivisionError: "}),
        ("import os; os.kill(os.getpid(), 9)", {"failed": "no message (exit status -9)"}),
        ('print(\'{"not_run": "no data"}\')', {"not_run": "no data"}),
    ],
)
def test_a_process_that_ends_early_says_why(
    tmp_path: Path, script: str, expected: dict[str, str]
) -> None:
    result = scripted(script, tmp_path)
    assert result.keys() == expected.keys()
    for key, reason in expected.items():
        assert result[key].startswith(reason)


def test_the_plan_is_work_over_the_best_rate() -> None:
    made = [
        {"method": "iql", "width": 256, "seed_updates_per_second": 100.0},
        {"method": "iql", "width": 256, "seed_updates_per_second": 250.0},
        {"method": "iql", "width": 64, "seed_updates_per_second": 9000.0},
        {"method": "bc", "width": 64, "seed_updates_per_second": 9000.0},
    ]
    text = table._plan(made, 2)
    assert "| iql | 167 | 333 | not run |" in text  # 150,000,000 / 250 / 3600
    assert "| bc |" not in text
    assert table._plan(None, 2).endswith("not run")


def test_a_failed_cell_is_in_the_table_with_its_reason(content: dict[str, Any]) -> None:
    cell = {k: content["updates"][0][k] for k in ("method", "width", "seeds", "jobs", "rows")}
    content["updates"].append(cell | {"executor": "compiled", "failed": "no compiler"})
    content["peer"] = [{"width": 256, "threads": 1, "jobs": 2, "failed": "out of memory"}]
    derived.derive(content)
    text = table.render(content)
    row = next(line for line in text.splitlines() if line.startswith("| iql | 64 | 5 |"))
    assert row.split("|")[6].strip() == "failed"
    assert "seeds 5, executor compiled" in text
    assert "(failed): no compiler" in text
    assert "(failed): out of memory" in text
    assert "| IQL over d3rlpy's, width 256, best block | not run |" in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--peer", "/no/such/python"], "--peer: '/no/such/python' is not a Python interpreter"),
        (["--peer", sys.executable], "that can import d3rlpy"),
        (["--xla", "/no/such/python"], "--xla: '/no/such/python' is not a Python interpreter"),
        (["--methods", "ikl"], "--methods: unknown method 'ikl'; did you mean 'iql'?"),
        (["--methods", "ppo"], "--methods: unknown method 'ppo'"),
        (["--parts", "updatse"], "--parts: unknown part 'updatse'; did you mean 'updates'?"),
        (["--rounds", "0"], "--rounds: 0; give 1 or more"),
        (["--seconds", "-1"], "--seconds: -1.0; give 0.001 or more"),
        (["--seconds", "60"], "--seconds: 60.0 is not between"),
    ],
)
def test_a_bad_option_gives_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    options: list[str],
    sentence: str,
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["bench", "benchmark", "--out", str(out), *options])
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert sentence in message
    assert len(message.splitlines()) == 1
    assert not out.exists()


def test_naming_no_method_is_refused() -> None:
    with pytest.raises(BenchError, match="--methods: none given"):
        measure.benchmark(methods=())


# --- peer and scale, from numbers made up here ----------------------------------------


def test_ratios_are_to_the_peer_at_its_best(content: dict[str, Any]) -> None:
    content["updates"][0][RATE] = 900.0
    peer = {"width": 64, RATE: 100.0}
    content["peer"] = [peer | {"threads": 1}, peer | {"threads": 2, RATE: 300.0}]
    derived.derive(content)
    of_block = content["ratios"][1]
    assert of_block["ratio"] == 3
    assert of_block["peer"] == "one process with all threads"
    assert of_block["ours"] == "recorded, 5 seeds a job"


def test_a_library_bounds_the_rate_of_every_cell(content: dict[str, Any]) -> None:
    rates = {"float32": 100.0, "bfloat16": 900.0, "numpy": 400.0, "float32_at_the_end": 90.0}
    content["gemm"] = {name: {"gflops_per_second": rate} for name, rate in rates.items()}
    assert derived.core_rate(content) == 400 / content["machine"]["cores"]


def test_scale_is_drawn_with_gaps_where_it_failed(content: dict[str, Any], tmp_path: Path) -> None:
    measured = {RATE: 100.0, "peak_memory_megabytes": 500.0}
    content["scale"] = {
        axis: [vars(cell) | measured for cell in varied]
        for axis, varied in cells.scale_cells(4).items()
    }
    assert {len(varied) for varied in content["scale"].values()} == {4, 6, 10}
    broken = copy.deepcopy(content)
    for varied in broken["scale"].values():
        del varied[0][RATE]
        varied[0]["failed"] = "out of memory"
    for name, drawn in (("whole", content), ("broken", broken)):
        draw(drawn, tmp_path / name)
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
        assert (tmp_path / f"{name}.svg").exists()
    assert "out of memory" in table.render(broken)
