"""The README's numbers are those of the published results, and its files exist."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
LABELS = {"iql": "IQL", "td3_bc": "TD3+BC", "bc10": "10%BC", "bc": "BC"}


def test_the_table_is_the_published_summary() -> None:
    summary = pd.read_csv(ROOT / "results/published/quick/summary.csv").set_index(
        ["task", "method"]
    )
    header = next(line for line in README.splitlines() if line.startswith("| task | IQL"))
    labels = [cell.strip() for cell in header.strip("|").split("|")][1:]
    assert labels == list(LABELS.values())
    for task in summary.index.unique("task"):
        line = next(line for line in README.splitlines() if line.startswith(f"| {task} |"))
        cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
        for method, cell in zip(LABELS, cells, strict=True):
            row = summary.loc[(task, method)]
            mean = f"**{row['mean']:.1f}**" if row["tied"] == "best" else f"{row['mean']:.1f}"
            assert cell == f"{mean} [{row['ci_low']:.1f}, {row['ci_high']:.1f}]"


def test_every_file_that_the_readme_links_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []
