"""What a section of the report is made of: figures, tables and paragraphs, each declared once.

A section says what there is; bench.report.build writes its files, and the templates lay it out.
Captions and paragraphs are in the markup of bench.report.markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.report.markup import spans
from bench.report.table import Table

if TYPE_CHECKING:  # the command line reads tables without drawing anything
    import pandas as pd
    from matplotlib.figure import Figure as Drawing


@dataclass(frozen=True)
class Figure:
    """A figure: `draw` is called in the style of the report, and what it returns is saved.

    `stem` names its files, `title` is short and stands in lists, and `caption` says what is seen.
    `numbers`, where given, are what is drawn, and are written beside it as CSV.
    """

    stem: str
    title: str
    caption: str
    draw: Callable[[], Drawing]
    numbers: pd.DataFrame | None = None

    def content(self) -> dict[str, Any]:
        """What report.json holds."""
        return {
            "kind": "figure",
            "stem": self.stem,
            "title": self.title,
            "caption": spans(self.caption),
        }


@dataclass(frozen=True)
class CaptionedTable:
    """A table with its caption, and how it is set.

    Without rows it is written as CSV and LaTeX, but not shown. Sizes are in points. `widths` are
    shares of the line by column, 0 for as wide as its content. The HTML page shows `title` above
    the table or, where it is `folded`, instead of it until a reader opens it.
    """

    table: Table
    caption: str
    title: str = ""
    folded: bool = False
    size: float = 8.5
    gap: float = 4  # between columns, on either side
    widths: tuple[float, ...] = ()
    breakable: bool | None = None  # over pages; None: where it is long
    merge: tuple[int, ...] = ()  # columns whose repeated values are said once
    linked: Sequence[Sequence[str]] = ()  # (first cell, column) of the cells that link to a run
    runs: bool = False  # whether its rows are the runs that others link to

    def content(self) -> dict[str, Any]:
        """What report.json holds."""
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
        """What report.json holds."""
        return {"kind": "paragraph", "text": spans(self.text)}


Item = Figure | CaptionedTable | Paragraph


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it; neighbours that are `landscape` share their pages.

    `name` is what a list of contents says; without a `title` the items follow what is above.
    """

    name: str
    title: str
    items: tuple[Item, ...]
    landscape: bool = False

    def content(self) -> dict[str, Any] | None:
        """What report.json holds; None where nothing is left to show."""
        shown = [i for i in self.items if not isinstance(i, CaptionedTable) or i.table.rows]
        if not shown:
            return None
        return {
            "name": self.name,
            "title": self.title,
            "landscape": self.landscape,
            "items": [item.content() for item in shown],
        }
