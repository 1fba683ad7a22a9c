"""CSV files as data frames: columns are checked on reading, decimals are fixed on writing."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.files import write_text
from bench.records.stored_run import Content, read_content


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame atomically, with six decimals so that equal data give equal bytes."""
    write_text(path, frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def read_csv(source: Path | Content, columns: Sequence[str]) -> pd.DataFrame:
    """Read a CSV that must have `columns`; raise BenchError naming what is wrong."""
    content = read_content(source) if isinstance(source, Path) else source
    header = next(csv.reader([content.text.partition("\n")[0]]), [])
    if len(set(header)) < len(header):
        raise content.error("a column occurs twice")
    if "\0" in content.text:
        raise content.error("not a CSV file (it holds a zero byte)")
    try:
        frame = pd.read_csv(io.StringIO(content.text), keep_default_na=False, na_values=[""])
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise content.error(f"not a CSV file ({error})") from None
    for column in columns:
        if column not in frame:
            raise content.error(f"the column '{column}' is missing")
    return frame
