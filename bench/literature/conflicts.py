"""Cells whose final scores disagree between sources, and the side that each source is on."""

from __future__ import annotations

import pandas as pd

from bench.literature.evidence import DEFAULT, Assumptions, eligible
from bench.literature.sources import Record
from bench.statistics import published

WIDE = 10.0  # points between the lowest and the highest
PAPER = "iql-paper"


def conflicts(record: Record, assume: Assumptions = DEFAULT) -> pd.DataFrame:
    """Return the cells that range over more than WIDE points, the widest first.

    Sources below the middle of the range are `low`, the others `high`; `odd` names the source that
    stands alone on its side, and `paper` the side of the paper's Table 1, where it has the cell.
    """
    rows = eligible(record, "offline", assume)[["task", "method", "source", "mean"]]
    known = [
        {"task": task, "method": method, "source": PAPER, "mean": score}
        for (task, method), score in published.paper_scores().items()
    ]
    made = []
    for (task, method), cell in pd.concat([rows, pd.DataFrame(known)]).groupby(["task", "method"]):
        cell = cell.sort_values("mean")
        low, high = cell["mean"].iloc[0], cell["mean"].iloc[-1]
        if high - low <= WIDE:
            continue
        below = cell["mean"] < (low + high) / 2
        sides = {"low": cell[below], "high": cell[~below]}
        odd = [
            str(side["source"].iloc[0]) for side in sides.values() if len(side) == 1 < len(cell) - 1
        ]
        made.append(
            {
                "task": task,
                "method": method,
                "sources": len(cell),
                "range": high - low,
                "low": _list(sides["low"]),
                "high": _list(sides["high"]),
                "paper": next((n for n, s in sides.items() if PAPER in set(s["source"])), ""),
                "odd": odd[0] if len(odd) == 1 else "",
            }
        )
    frame = pd.DataFrame(made).sort_values(
        ["range", "task", "method"], ascending=[False, True, True], ignore_index=True
    )
    return frame


def _list(rows: pd.DataFrame) -> str:
    return ", ".join(
        f"{source} {value:.1f}" for source, value in zip(rows["source"], rows["mean"], strict=True)
    )
