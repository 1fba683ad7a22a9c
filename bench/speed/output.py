"""Write a benchmark's records, their table and their figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import files
from bench.speed.derived import derive
from bench.speed.figure import draw
from bench.speed.table import render


def write(content: dict[str, Any], folder: Path) -> None:
    """Write benchmark.json and table.md, and the figure if its part ran."""
    derive(content)
    files.write_json(folder / "benchmark.json", content)
    files.write_text(folder / "table.md", render(content))
    if content["scale"]:
        draw(content, folder / "scale")
    else:
        for kind in ("png", "svg"):  # from an earlier run: it would not match the table
            (folder / f"scale.{kind}").unlink(missing_ok=True)
