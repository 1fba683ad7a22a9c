"""What is kept of a rehearsal: measures, scores, report and log, with sums."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from bench.publishing import sums

MEASURES = "rehearsal.json"
LOG = "snakemake.log"
FACTS = re.compile(r"\s|$|\[[A-Z][a-z]{2} [A-Z][a-z]{2} ")  # of a job: indented, or when it began


def keep(runs: Mapping[str, Path], suite: str, to: Path) -> None:
    """Copy what tells of a suite's runs, by kind such as calm, into the folder `to`.

    Scores and report are those of the first run; the others have the same scores.
    """
    to.mkdir(parents=True, exist_ok=True)
    first = next(iter(runs.values()))
    shutil.copy(first / f"results/{suite}/scores.csv", to)
    shutil.copy(first / f"reports/{suite}.pdf", to / "report.pdf")
    for kind, folder in runs.items():
        shutil.copy(folder / MEASURES, to / f"{kind}.json")
        log = (folder / LOG).read_text(encoding="utf-8", errors="replace")
        (to / f"{kind}.log").write_text(told(log, folder), encoding="utf-8")
    sums.write(to)


def told(log: str, folder: Path) -> str:
    """Return what Snakemake said without the facts of each job; the project's folder reads `.`."""
    lines = (line for line in log.splitlines() if not FACTS.match(line))
    return "\n".join(lines).replace(str(folder), ".") + "\n"
