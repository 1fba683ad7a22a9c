"""The paper's ideas as measured experiments, typeset one per page."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from bench import files
from bench.config.registry import IDEAS
from bench.errors import BenchError, unknown
from bench.paths import RESULTS
from bench.records import machine
from bench.report.pdf import typeset
from bench.report.table import minus

IDEA_RESULTS = RESULTS / "ideas"


def measure(idea: str, folder: Path = IDEA_RESULTS) -> Path:
    """Measure one of IDEAS, write `folder/<idea>.json` and return its path."""
    if idea not in IDEAS:
        raise unknown("idea", "idea", idea, IDEAS)
    result = importlib.import_module(f"iql.ideas.{idea}").measure()
    path = folder / f"{idea}.json"
    commit, _ = machine.commit()
    made = {"commit": commit, "versions": machine.versions(), "result": result}
    files.write_json(path, made)
    return path


def build(out_pdf: Path, folder: Path = IDEA_RESULTS) -> None:
    """Write `out_pdf` and a folder with its figures, from the files that `measure` wrote.

    Raise BenchError if one of IDEAS has not been measured.
    """
    beside = out_pdf.with_suffix("")
    pages: list[dict[str, Any]] = []
    for idea in IDEAS:
        path = folder / f"{idea}.json"
        if not path.exists():
            raise BenchError(f"{path}: not measured; run `python -m bench idea {idea}`.")
        made = files.read_json(path)
        module = importlib.import_module(f"iql.ideas.{idea}")
        module.draw(made["result"], beside / "figures" / idea)
        title, sentences = module.TITLE, [minus(s) for s in module.sentences(made["result"])]
        pages.append({"name": idea, "title": title, "sentences": sentences})
        versions, commit = made["versions"], made["commit"]
    content = {"pages": pages, "versions": versions, "commit": commit}
    files.write_text(beside / "report.json", json.dumps(content, indent=1, ensure_ascii=False))
    typeset("ideas.typ", beside, out_pdf)
