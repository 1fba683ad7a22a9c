"""The common style of figures, and how they are saved: sizes, fonts, panels, legends."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import MaxNLocator

WIDTH = 6.7  # inches, the report's text width, so that font sizes are kept
FORMATS = ("svg", "pdf", "png")
INK, GREY = "0.15", "0.45"
MOST_COLUMNS = 5  # of a legend
MOST_LINES = 6  # that one panel tells apart
OTHERS = "other methods"  # drawn in grey
SERIES = "series "  # begins the gid of what is drawn of one method
GID = re.compile(f'id="{SERIES}([^"]*)"')

STYLE = sns.axes_style("ticks") | {
    "font.family": "STIXGeneral",  # ships with Matplotlib, so it is the same everywhere
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.92",
    "grid.linewidth": 0.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "savefig.dpi": 200,
    "svg.fonttype": "none",  # text stays text, which can be searched
    "svg.hashsalt": "bench",  # fixed element ids, so that equal data give equal bytes
    "pdf.fonttype": 42,
}


def columns_of(count: int) -> int:
    """Return the number of panels per row: three, or two where three would leave one alone."""
    return 2 if count == 4 else min(3, count)


def panels(count: int, height: float, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """Make a full-width figure with `count` panels of `height` inches, without spare panels."""
    columns = columns or columns_of(count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(WIDTH, height * rows + 0.45), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def ticks() -> MaxNLocator:
    """Return a locator of a few round numbers along an axis."""
    return MaxNLocator(4, steps=[1, 2, 2.5, 5, 10])


def write(draw: Callable[[], Figure], stem: Path) -> Figure:
    """Draw a figure in the report's style, save it as `stem` and return it."""
    with mpl.rc_context(STYLE):
        figure = draw()
        save(figure, stem)
    return figure


def save(figure: Figure, stem: Path) -> None:
    """Write the figure as `stem` with each of FORMATS; equal figures give equal bytes."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    for kind in FORMATS:
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
        figure.savefig(f"{stem}.{kind}", metadata=dates[kind])
        figure.set_layout_engine("none")  # laid out once, and alike in all formats
    drawn = Path(f"{stem}.svg")
    marked = GID.sub(r'class="series" data-method="\1"', drawn.read_text(encoding="utf-8"))
    drawn.write_text(marked, encoding="utf-8")  # a method has several elements, an id only one


def name_rows(axis: Axes, methods: Mapping[str, str], shown: bool = True) -> None:
    """Label one row per method, from the top; `methods` maps names to labels."""
    axis.set_yticks(range(len(methods)), list(methods.values()) if shown else [])
    axis.set_ylim(len(methods) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    for label, method in zip(axis.get_yticklabels(), methods, strict=False):
        label.set_gid(f"{SERIES}{method}")


def legend(figure: Figure, axes: Axes) -> None:
    """Add one legend for all panels, below the figure, in as many columns as its width takes."""
    handles, labels = axes.get_legend_handles_labels()
    for columns in range(min(len(labels), MOST_COLUMNS), 0, -1):
        made = figure.legend(
            handles, labels, loc="outside lower center", ncols=columns, handlelength=3.2
        )
        if columns == 1 or made.get_window_extent().width <= figure.bbox.width:
            _mark(made, handles)
            return
        made.remove()


def _mark(made: Legend, handles: Sequence[Artist]) -> None:
    """Give the entries of a legend the gid of what they explain."""
    for shown, text, handle in zip(made.legend_handles, made.texts, handles, strict=True):
        if shown is not None:
            shown.set_gid(handle.get_gid())
        text.set_gid(handle.get_gid())


def apart(methods: Mapping[str, str], means: Mapping[str, float], first: str) -> list[str]:
    """Return the methods that lines can tell apart: all if few, else `first` and the best of them.

    `means` are their mean scores; the lines of the others are drawn in grey.
    """
    if len(methods) <= MOST_LINES:
        return list(methods)
    ranked = sorted(methods, key=lambda m: (m != first, -means.get(m, -math.inf)))
    return [m for m in methods if m in ranked[: MOST_LINES - 1]]


def show_range(axis: Axes, bounded: bool, which: str = "y") -> None:
    """Show all of 0 to 100 where scores are bounded, so that 2% does not look like 90%."""
    if bounded:
        axis.set(**{f"{which}lim": (-4, 104)})


def empty(axis: Axes, why: str = "not run") -> None:
    """Turn a panel into a note on why there is nothing to draw."""
    axis.text(0.5, 0.5, why, transform=axis.transAxes, ha="center", color=GREY)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def outer_labels(axes: Sequence[Axes], x: str, y: str) -> None:
    """Label the left column and the bottom panel of each column."""
    columns = columns_of(len(axes))
    for index, axis in enumerate(axes):
        if index % columns == 0:
            axis.set_ylabel(y)
        if index + columns >= len(axes):
            axis.set_xlabel(x)
