"""Predictions from the rates: each method's time relative to IQL's, and the paper's suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.samples import BATCH, is_measured

RATE = "seed_updates_per_second"
PAPER_TASKS, PAPER_SEEDS, PAPER_UPDATES = 15, 10, 1_000_000
AIM = 1.2  # times the prediction, at most
Record = dict[str, Any]


def times_predicted(cell: Record) -> float | None:
    """Return an update's time over that of its matrix products at IQL's GFLOP/s in that cell."""
    ratio = cell.get("gflops_ratio_to_iql")
    return 1 / ratio if ratio else None


def prediction(
    cells: Sequence[Record], executor: str
) -> tuple[str, list[str], list[tuple[str, ...]]]:
    """Return a sentence, and a table's header and rows: one row per method."""
    others = [c for c in cells if c["method"] != "iql" and c["executor"] == executor]
    columns = list(dict.fromkeys((c["width"], c["seeds"]) for c in others))
    header = ["method", *(f"{width}, {seeds}" for width, seeds in columns)]
    rows, beyond, known = [], [], 0
    for method in dict.fromkeys(c["method"] for c in others):
        texts = []
        for width, seeds in columns:
            wanted = (method, width, seeds)
            cell = next((c for c in others if (c["method"], c["width"], c["seeds"]) == wanted), {})
            times = times_predicted(cell)
            texts.append("failed" if "failed" in cell else "not run")
            if times is not None:
                known += 1
                texts[-1] = f"{times:.2f}"
                if times > AIM:
                    beyond.append(f"{method} ({width}, {seeds})")
        rows.append((method, *texts))
    sentence = f"Within {AIM} in {known - len(beyond)} of {known} cells"
    return sentence + (f"; not in {', '.join(beyond)}." if beyond else "."), header, rows


def paper_hours(cells: Sequence[Record]) -> dict[str, float]:
    """Return the hours of the paper's suite on this machine at the best rate at width 256.

    Only methods whose sources use the measured sizes are included.
    """
    catalogue = Catalogue()
    best: dict[str, float] = {}
    for cell in cells:
        method = cell["method"]
        own = catalogue.methods[method].first
        batch = own.batch_size or BATCH
        if cell["width"] == 256 and is_measured(catalogue, method, own.config, batch, 256):
            best[method] = max(best.get(method, 0.0), cell.get(RATE, 0.0))
    total = PAPER_TASKS * PAPER_SEEDS * PAPER_UPDATES
    return {method: total / rate / 3600 for method, rate in best.items() if rate}
