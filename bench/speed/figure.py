"""Draw the figure of the benchmark's scale part: the cost of an update, and how the rate scales."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, LogLocator, NullLocator

from bench.report.figures.method_styles import COLORS
from bench.report.figures.style import GREY, STYLE, WIDTH
from bench.speed.derived import Record, core_rate
from bench.speed.prediction import RATE

Value = Callable[[Record], float | None]
IDEAL = (0, (3, 3))


def draw(content: dict[str, Any], stem: Path) -> None:
    """Draw the cost of a seed-update by seeds and width, and the rate by rows and processes."""
    axes, of_core = content["scale"], core_rate(content)

    def bound(cell: Record) -> float | None:
        flops = cell.get("flops_per_seed_update")
        return flops / of_core / 1e6 if flops and of_core else None

    def speedup(cell: Record) -> float | None:
        alone = next(c for c in axes["jobs"] if c["width"] == cell["width"])
        return cell[RATE] / alone[RATE] if RATE in cell and RATE in alone else None

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr,call-arg]
        seeds, width, rows, jobs = figure.subplots(2, 2).flat
        _lines(seeds, axes["seeds"], "seeds", _cost, bound)
        seeds.set(xlabel="seeds that a process trains together", title="seeds")
        _lines(width, axes["width"], "width", _cost, bound)
        width.set(xlabel="units in each of the two hidden layers", title="width (5 seeds)")
        for axis in (seeds, width):
            axis.set_yscale("log", base=10)
            axis.set_ylabel("core-ms per seed-update")
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_locator(NullLocator())
        _lines(rows, axes["rows"], "rows", _rate)
        rows.set(
            xlabel="rows of the dataset",
            ylabel="seed-updates/s",
            title="rows (10 seeds, width 64)",
        )
        rows.xaxis.set_major_formatter(EngFormatter(sep=""))
        _memory(rows, axes["rows"])
        _lines(jobs, axes["jobs"], "jobs", speedup, lambda cell: cell["jobs"])
        jobs.set(xlabel="processes at the same time", ylabel="rate over that of one process")
        jobs.set_title("processes (5 seeds)")
        _from_zero(rows)
        _from_zero(jobs)
        _legend(figure, seeds)
        for kind, metadata in (("png", {}), ("svg", {"Date": None})):
            figure.savefig(f"{stem}.{kind}", metadata=metadata)


def _rate(cell: Record) -> float | None:
    return cell.get(RATE)


def _cost(cell: Record) -> float | None:
    return cell["jobs"] / cell[RATE] * 1e3 if RATE in cell else None


def _lines(
    axis: Axes, cells: list[Record], key: str, value: Value, ideal: Value | None = None
) -> None:
    """Draw one line per width, or a single one; a point that was not measured is a gap."""
    widths = [None] if key == "width" else sorted({c["width"] for c in cells})
    for width in widths:
        line = [c for c in cells if width in (None, c["width"])]
        x = [c[key] for c in line]
        look = _look(width)
        axis.plot(x, [_or_gap(value(c)) for c in line], label=f"width {width}", **look)
        if ideal is not None:
            axis.plot(x, [_or_gap(ideal(c)) for c in line], color=look["color"], linestyle=IDEAL,
                      linewidth=0.8)  # fmt: skip
    if key != "jobs":
        axis.set_xscale("log", base=10 if key == "rows" else 2)
    if key != "rows":
        axis.xaxis.set_major_locator(FixedLocator(sorted({c[key] for c in cells})))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter("{x:.0f}")


def _from_zero(axis: Axes) -> None:
    axis.set_ylim(0, 1.08 * axis.get_ylim()[1])


def _look(width: int | None) -> dict[str, Any]:
    """Return the style of a width, equal in all panels; None where the width varies."""
    index = {64: 0, 256: 3}.get(width or 0, 2)
    return {"color": COLORS[index], "marker": "osD^"[index]}


def _or_gap(value: float | None) -> float:
    return float("nan") if value is None else value


def _memory(axis: Axes, cells: list[Record]) -> None:
    """Draw peak memory on the right axis, in grey."""
    right = axis.twinx()
    values = [_or_gap(cell.get("peak_memory_megabytes")) for cell in cells]
    right.plot([cell["rows"] for cell in cells], values, color=GREY, marker="v", linestyle=":")
    right.set_ylabel("peak memory, MB (dotted)", color=GREY)
    _from_zero(right)
    right.spines["right"].set_visible(True)
    right.tick_params(axis="y", colors=GREY)
    right.grid(False)


def _legend(figure: Figure, axis: Axes) -> None:
    handles, labels = axis.get_legend_handles_labels()
    handles += axis.plot([], [], color=GREY, linestyle=IDEAL, linewidth=0.8)
    labels.append("matrix products alone (above), every process at full rate (below)")
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=3.2)
