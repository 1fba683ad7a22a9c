"""Tables and sentences of the documentation, beside the published results that they quote."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import yaml

from bench.config.catalogue import Catalogue
from bench.statistics.aggregates import last_scores
from bench.statistics.comparisons import places
from helpers.paths import ROOT

PUBLISHED = ROOT / "results/published"
LABELS = {
    name: entry["label"]
    for name, entry in yaml.safe_load((ROOT / "config/methods.yaml").read_text()).items()
}
PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
        *(ROOT / name for name in ("config/README.md", "config/published/README.md")),
        *(ROOT / name for name in ("iql/README.md", "behaviors/README.md")),
        *(ROOT / name for name in ("results/published/README.md", "tests/README.md")),
    ]
)


def page(name: str) -> str:
    """The text of a page, named from the root, on one line, with hyphens for minus signs."""
    return " ".join((ROOT / name).read_text().replace("\N{MINUS SIGN}", "-").split())


def table(name: str, first: str) -> list[dict[str, str]]:
    """The rows of the page's only table whose header begins with the cells `first`, as `page`."""
    lines = (ROOT / name).read_text().replace("\N{MINUS SIGN}", "-").splitlines()
    (start,) = [i for i, line in enumerate(lines) if line.startswith(f"| {first} |")]
    columns = [cell.strip() for cell in lines[start].strip("|").split("|")]
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows.append(dict(zip(columns, cells, strict=True)))
    return rows


def published(suite: str, name: str) -> pd.DataFrame:
    """A table of a published suite by task and method."""
    return pd.read_csv(PUBLISHED / suite / name).set_index(["task", "method"])


def published_runs(suite: str) -> list[dict[str, Any]]:
    """The records of a published suite's runs."""
    lines = PUBLISHED / suite / "runs.jsonl"
    if lines.exists():
        return [json.loads(line)["record"] for line in lines.read_text().splitlines()]
    return [json.loads(p.read_text()) for p in sorted((PUBLISHED / suite).rglob("run.json"))]


def score(row: pd.Series, bold: bool = True) -> str:
    """A mean and its interval as the pages print them; the highest mean of a task in bold."""
    mean = f"{row['mean']:.1f}"
    mean = f"**{mean}**" if bold and row["tied"] == "best" else mean
    return f"{mean} {interval(row['ci_low'], row['ci_high'])}"


def interval(low: float, high: float) -> str:
    """An interval as the pages print it."""
    return "n/a" if pd.isna(low) else f"[{low:.1f}, {high:.1f}]"


def places_of_iql(suite: str) -> dict[tuple[str, str], str]:
    """Where IQL stands relative to each (task, method) of a published suite, with all its seeds."""
    catalogue = Catalogue()
    read = catalogue.read_suite(ROOT / f"config/{suite}.yaml")
    scores = pd.read_csv(PUBLISHED / suite / "scores.csv")
    return dict(places(last_scores(scores, read, catalogue.tasks), "iql"))
