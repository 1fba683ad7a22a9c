"""The part `xla`: processes that take turns on a core, and what is made of their rounds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.speed import derived, table
from bench.speed.prediction import RATE
from bench.speed.processes import in_turn

MEMORY = "peak_memory_megabytes"


def test_processes_that_share_a_core_take_turns(tmp_path: Path) -> None:
    """No round begins before the last one has ended, and one that fails drops out."""
    script = """
import os, sys
def note(what): open("{log}", "a").write(f"{{what}} {name}\\n")
assert len(os.sched_getaffinity(0)) == 1
print("{{}}", flush=True)
for number, _ in enumerate(sys.stdin):
    note("begin")
    if "{name}" == "bad" and number: raise SystemExit("no more")
    note("end")
    print(number + {add}, flush=True)
print('{{"peak_memory_megabytes": 3}}')
"""
    log = tmp_path / "log"
    commands = {
        name: [sys.executable, "-c", script.format(log=log, name=name, add=add)]
        for name, add in (("a", 1), ("bad", 0), ("b", 10))
    }
    commands["absent"] = [sys.executable, "-c", 'print(\'{"not_run": "no library"}\')']
    core = min(os.sched_getaffinity(0))
    found = in_turn(commands, "per_second", 3, core, tmp_path)
    assert list(found) == ["a", "bad", "b", "absent"]
    assert found["a"] == {"per_second": 2, "per_second_rounds": [[1, 2, 3]], MEMORY: 3}
    assert found["b"]["per_second_rounds"] == [[10, 11, 12]]
    assert found["bad"] == {"failed": "no more (exit status 1)"}
    assert found["absent"] == {"not_run": "no library"}
    lines = [line.split() for line in log.read_text().splitlines()]
    first = [["begin", "a"], ["end", "a"], ["begin", "bad"], ["end", "bad"]]
    assert lines[:6] == [*first, ["begin", "b"], ["end", "b"]]
    assert lines[-4:] == [[w, n] for n in "ab" for w in ("begin", "end")]


def made_up() -> dict[str, Any]:
    """A benchmark of which no other part ran."""
    machine = {"cpu": "A processor", "cores": 2, "memory_gb": 8, "platform": "Linux"}
    head = {"date": "2026-11-29", "rounds": 3, "round_seconds": 0.5, "versions": {"torch": "2"}}
    return (
        head | {"machine": machine} | dict.fromkeys(("gemm", "updates", "peer", "around", "scale"))
    )


def beside_xla(**other: Any) -> dict[str, Any]:
    """Width 64 and one seed: ours at 300, 90 and 330, XLA's at 200, 100 and 300."""

    def in_rounds(*rates: float) -> dict[str, Any]:
        return {RATE: sorted(rates)[1], f"{RATE}_rounds": [list(rates)]}

    cell = {"method": "iql", "width": 64, "seeds": 1, "recorded": in_rounds(50, 60, 40)}
    cell |= {"compiled": in_rounds(300, 90, 330), "xla": in_rounds(200, 100, 300)} | other
    rates = {"torch": 100.0, "numpy": 250.0, "xla": 200.0}
    products = {name: {"gflops_per_second": rate} for name, rate in rates.items()}
    products["scipy-openblas32"] = {"not_run": "scipy-openblas32 is not installed"}
    return {"products": products, "cells": [cell]}


def test_ours_over_xla_s_is_taken_in_each_round() -> None:
    content = made_up()
    content["work"] = {"flops_per_seed_update": {"iql": {"64": 0.5e9}}}
    content["xla"] = beside_xla()
    derived.derive(content)
    (cell,) = content["xla"]["cells"]
    assert cell["best"] == "compiled"
    assert cell["over_xla"] == pytest.approx(1.1)  # of 1.5, 0.9 and 1.1
    assert cell["share_of_fastest_library"] == pytest.approx(300 / (250 / 0.5))
    text = table.render(content)
    assert "| 64 | 1 | 50 | 300 | 200 | 1.10 | 60% | 40% |" in text
    assert "torch 100, numpy 250, xla 200, scipy-openblas32 not run; the fastest is numpy" in text
    assert "scipy-openblas32 is not installed" in text
    content["xla"] = beside_xla(xla={"failed": "no memory"})
    derived.derive(content)
    assert "| 64 | 1 | 50 | 300 | failed | not run | 60% | not run |" in table.render(content)
