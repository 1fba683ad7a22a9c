"""The building blocks of a report section: figures, tables and paragraphs, each declared once.

A section declares its content; bench.report.build writes the files, and the templates lay them
out. Captions and paragraphs use the markup of bench.report.markup.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.report.markup import spans
from bench.report.table import Table

if TYPE_CHECKING:  # the command line reads tables without drawing
    import pandas as pd
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Figure:
    """A figure; `draw` is called in the report's style and its result is saved.

    `stem` names the files, `title` is the short name for lists, and `caption` describes the figure.
    `numbers` is the plotted data, written next to the figure as CSV. `shaded`: its colours are
    values, so a page with a dark scheme keeps them.
    """

    stem: str
    title: str
    caption: str
    draw: Callable[[], Drawing]
    numbers: pd.DataFrame
    shaded: bool = False

    def content(self) -> dict[str, Any]:
        """Return the entry in report.json."""
        return {
            "kind": "figure",
            "stem": self.stem,
            "title": self.title,
            "caption": spans(self.caption),
            "shaded": self.shaded,
            "alt": f"{self.title}. {''.join(text for _, text in spans(self.caption))}",
        }


@dataclass(frozen=True)
class CaptionedTable:
    """A table with its caption and layout.

    A table without rows is written as CSV and LaTeX but not shown. Sizes are in points. `widths`
    are shares of the line per column; 0 fits the content. The HTML page shows `title` above the
    table, or only `title` until a reader opens the table where it is `folded`.
    """

    table: Table
    caption: str
    title: str = ""
    folded: bool = False
    size: float = 8.5
    gap: float = 4  # on either side of a column
    widths: tuple[float, ...] = ()
    breakable: bool | None = None  # across pages; None: if it is long
    merge: tuple[int, ...] = ()  # columns whose repeated values are shown once
    runs: bool = False  # whether its rows are the runs that cells link to

    def content(self) -> dict[str, Any]:
        """Return the entry in report.json."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {
            "kind": "table",
            "table": asdict(self.table),
            "caption": spans(self.caption),
        }


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str

    def content(self) -> dict[str, Any]:
        """Return the entry in report.json."""
        return {"kind": "paragraph", "text": spans(self.text)}


@dataclass(frozen=True)
class Code:
    """Lines to copy, such as commands."""

    text: str

    def content(self) -> dict[str, Any]:
        """Return the entry in report.json."""
        return {"kind": "code", "text": self.text}


Item = Figure | CaptionedTable | Paragraph | Code


@dataclass(frozen=True)
class Section:
    """A heading and its items; adjacent `landscape` sections share their pages.

    `name` is the entry in the table of contents; without a `title` there is no heading. `appendix`
    moves a section of the first pages behind them.
    """

    name: str
    title: str
    items: tuple[Item, ...]
    landscape: bool = False
    appendix: bool = False

    def content(self) -> dict[str, Any] | None:
        """Return the entry in report.json; None if there is nothing to show."""
        shown = [i for i in self.items if not isinstance(i, CaptionedTable) or i.table.rows]
        if not shown:
            return None
        return {
            "name": self.name,
            "title": self.title,
            "landscape": self.landscape,
            "appendix": self.appendix,
            "items": [item.content() for item in shown],
        }
