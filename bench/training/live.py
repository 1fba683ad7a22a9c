"""The curves of a running job, for those who watch it: one JSON object per line, only appended.

A line has `phase`, `step` and `seed`, and either metrics or `return`, the mean over an
evaluation's episodes. Lines are flushed at every log point. A run that resumes from its checkpoint
repeats the lines since, with the same numbers; a later line replaces an earlier one. A finished run
has its CSV files instead.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.training.run import Run

PLACE = ("phase", "step", "seed")


class Live:
    """Appends what a run has logged since the last call."""

    def __init__(self, path: Path, run: Run, resumed: bool):
        self.path = path
        self.metrics, self.evaluations = 0, 0  # rows written
        if resumed and path.exists():
            self.metrics, self.evaluations = len(run.metrics), len(run.evaluations)
            self._append("\n")  # ends a line that a kill has cut
        else:
            path.unlink(missing_ok=True)  # of a run with other settings
            self(run)

    def __call__(self, run: Run) -> None:
        """Append the new rows; an evaluation also repeats the last metrics, with its probes."""
        first = self.metrics
        if self.evaluations < len(run.evaluations):
            first = max(first - len(run.settings.seeds), 0)
        lines = [json.dumps(row) for row in run.metrics[first:]]
        lines += [json.dumps(row) for row in _returns(run, self.evaluations)]
        self.metrics, self.evaluations = len(run.metrics), len(run.evaluations)
        if lines:
            self._append("".join(f"{line}\n" for line in lines))

    def _append(self, text: str) -> None:
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            # No result depends on these lines, so a full disk must not end the job here; nor does
            # it leave half a line.
            with suppress(OSError):
                os.truncate(self.path, size)

    def close(self) -> None:
        """Remove the file of a run whose results are written."""
        self.path.unlink(missing_ok=True)


def _returns(run: Run, first: int) -> Iterator[dict[str, Any]]:
    """Yield the mean return of each evaluation and seed from row `first` on."""
    found: dict[tuple[str, int, int], list[float]] = {}
    for row in run.evaluations[first:]:
        found.setdefault((row.phase, row.step, row.seed), []).append(row.return_)
    for place, values in found.items():
        yield dict(zip(PLACE, place, strict=True)) | {"return": math.fsum(values) / len(values)}
