"""A table of cells, written as CSV and LaTeX; the report draws the same cells."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.files import write_text

NOT_RUN = "not run"
NOT_VERIFIED = "not verified"  # a run whose files do not match its seal
NOT_AVAILABLE = "n/a"
NOT_RECORDED = "not recorded"  # in files written by an older version
CHANGED = "changed"  # the mark of a value other than the default, or of a significant change


@dataclass(frozen=True)
class Cell:
    """A cell: `text`, small lines below it, and a mark such as best, tied, changed or "".

    `run` is the task and the label of the method whose runs the cell links to. `dots` are seeds,
    drawn below the text between 0 (left) and 1 (right). `address` is that of another document.
    """

    text: str
    notes: tuple[str, ...] = ()
    mark: str = ""
    run: str = ""
    dots: tuple[float, ...] = ()
    address: str = ""


@dataclass(frozen=True)
class Table:
    """A named table; `rules` are the indices of rows below a thin line."""

    name: str
    header: tuple[str, ...]
    align: str  # l, c or r per column
    rows: tuple[tuple[Cell, ...], ...]
    rules: tuple[int, ...] = ()


# What a spreadsheet would compute instead of showing it.
FORMULA = re.compile(r"[=@\t\r]|[+-](?:[^\d. ]|.*(?:[|!]|[A-Za-z]\())")


def number(value: float | None, decimals: int = 1) -> str:
    """Format with fixed decimals, thousands commas and a true minus sign; "n/a" if missing."""
    if value is None or pd.isna(value):
        return NOT_AVAILABLE
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")  # a rounded zero has no sign
    return text.replace("-", "\N{MINUS SIGN}")


def recorded(value: float | None, decimals: int = 1) -> str:
    """Format as `number` does; "not recorded" for None, a value that older files lack."""
    return NOT_RECORDED if value is None else number(value, decimals)


def interval(low: float, high: float) -> str:
    """Format `[low, high]` with one decimal, or "n/a"."""
    return NOT_AVAILABLE if pd.isna(low) else f"[{number(low)}, {number(high)}]"


def plain_value(value: object) -> str:
    """Format a setting as people write it: `none`, `yes`, `3e-4`, `256, 256`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return minus(f"{value:,}")
    if isinstance(value, float):
        return minus(f"{value:g}".replace("e-0", "e-").replace("e+0", "e"))
    if isinstance(value, list | tuple):
        return ", ".join(map(plain_value, value))
    return str(value)


def minus(text: str) -> str:
    """Return a text with true minus signs before numbers."""
    return re.sub(r"(?<![\w.])-(?=\d)", "\N{MINUS SIGN}", text)


def row_of(*values: str | Cell) -> tuple[Cell, ...]:
    """Make a row; plain strings become cells without notes or mark."""
    return tuple(v if isinstance(v, Cell) else Cell(v) for v in values)


def transposed(table: Table) -> Table:
    """Return a table of tasks by methods with rows and columns exchanged."""
    columns = [row_of(name, *(row[i] for row in table.rows))
               for i, name in enumerate(table.header)][1:]  # fmt: skip
    header = ("method", *(row[0].text for row in table.rows))
    return Table(table.name, header, "l" + "c" * len(table.rows), tuple(columns))


def as_frame(table: Table) -> pd.DataFrame:
    """Return the texts of a table."""
    return pd.DataFrame([[c.text for c in row] for row in table.rows], columns=list(table.header))


def write(table: Table, folder: Path) -> Table:
    """Write `folder/<name>.csv` and `.tex` (which needs booktabs) and return the table."""
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    out.writerow(table.header)
    for row in table.rows:
        out.writerow([_plain(cell) for cell in row])
    write_text(folder / f"{table.name}.csv", buffer.getvalue())
    write_text(folder / f"{table.name}.tex", latex(table))
    return table


def latex(table: Table) -> str:
    """Return the table as a LaTeX tabular."""
    lines = [f"\\begin{{tabular}}{{{table.align}}}", "\\toprule"]
    lines += [_latex_row(row_of(*table.header)), "\\midrule"]
    for index, row in enumerate(table.rows):
        if index in table.rules:
            lines.append("\\midrule")
        lines.append(_latex_row(row))
    lines += ["\\bottomrule", "\\end{tabular}", ""]
    return "\n".join(lines)


def _plain(cell: Cell) -> Any:
    parts = [cell.text, *cell.notes, f"({cell.mark})" if cell.mark else ""]
    text = " ".join(p for p in parts if p).replace("\N{MINUS SIGN}", "-")
    return inert(text)


def inert(value: Any) -> Any:
    """Return a value of a CSV file; a text that a spreadsheet would compute begins with a quote."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def _latex_row(row: Sequence[Cell]) -> str:
    return " & ".join(_latex(cell) for cell in row) + r" \\"


def _latex(cell: Cell) -> str:
    text = _escape(cell.text)
    if cell.mark == "tied":
        text = rf"\underline{{{text}}}"
    elif cell.mark:
        text = rf"\textbf{{{text}}}"
    notes = "".join(rf"\\ {{\scriptsize {_escape(note)}}}" for note in cell.notes)
    return rf"\shortstack{{{text}{notes}}}" if notes else text


LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"\N{MINUS SIGN}": "$-$", "\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{EN DASH}": "--"}
)


def _escape(text: str) -> str:
    return text.translate(LATEX)
