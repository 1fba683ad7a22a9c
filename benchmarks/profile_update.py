"""Profile one recorded IQL update, operator by operator.

It shows why an update stays below the machine's matrix rate. Run it on an otherwise idle core.

    python benchmarks/profile_update.py > results/published/benchmark/profile.md
"""

from __future__ import annotations

import time
from collections import Counter

import torch
from torch.profiler import ProfilerActivity, profile

from bench.records.machine import machine
from bench.speed.worker import count_work, gemm, prepared_run, synthetic
from bench.training.engine import prepare_process

UPDATES = 300
CELLS = ((64, 5), (256, 1))  # width, seeds
GROUPS = {
    "matrix products": ("bmm", "mm", "addmm"),
    "Adam and target (all parameters)": ("lerp_", "addcmul_", "sqrt", "mul_", "add_", "div"),
    "copies and reductions": ("cat", "copy_", "clone", "sum", "mean", "stack"),
    "ReLU and its mask": ("relu_", "relu", "threshold_backward"),
    "gathering the batch": ("index_select", "clamp", "sub"),
}


def group_of(name: str) -> str:
    """Return the table row that an operator belongs to."""
    short = name.removeprefix("aten::")
    return next((group for group, names in GROUPS.items() if short in names), "other operators")


def measure(width: int, seeds: int) -> tuple[float, Counter[str]]:
    """Return milliseconds of an update, and of each group's operators in it."""
    run = prepared_run(synthetic(100_000), "iql", width, seeds, "recorded", updates=UPDATES)
    run.advance()
    before = run.seconds
    run.advance()
    plain = (run.seconds - before) / UPDATES * 1e3
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        run.advance()
    spent: Counter[str] = Counter()
    for event in recorded.key_averages():
        if event.key.startswith("aten::"):
            spent[group_of(event.key)] += event.self_cpu_time_total / UPDATES / 1e3
    return plain, spent


def main() -> None:
    """Print one table per cell."""
    prepare_process(1)
    facts = machine()
    print("# Where the time of a recorded IQL update goes\n")
    print(f"{facts['cpu']}, one thread, torch {torch.__version__}, {time.strftime('%Y-%m-%d')}.")
    print("Milliseconds of one update of a block at batch 256. Operators' own times are by torch's")
    print("profiler, which slows short ones down; the first row is timed without it.")
    rate, rows = gemm(1.0)[0](), synthetic(10_000)
    print(f"The machine multiplies square matrices at {rate:.0f} GFLOP/s on one thread.")
    for width, seeds in CELLS:
        ideal = count_work(rows, "iql", width) * seeds / rate / 1e6
        plain, spent = measure(width, seeds)
        total = sum(spent.values())
        print(f"\n## Width {width}, {seeds} seed{'s' if seeds > 1 else ''}\n")
        print("| what | ms | share of operators |\n|---|---:|---:|")
        print(f"| one update, not profiled | {plain:.2f} | |")
        print(f"| its matrix products at the square rate | {ideal:.2f} | |")
        for group, value in spent.most_common():
            print(f"| {group} | {value:.2f} | {value / total:.0%} |")


if __name__ == "__main__":
    main()
