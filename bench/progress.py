"""Progress of a job: a line in its log, and a small file that `bench watch` reads."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from types import TracebackType

FOLDER = Path("logs/progress")
FILE_EVERY = 1.0  # seconds
LINE_EVERY = 15.0
# Keys of the file, and their types.
KINDS = {
    "label": str,
    "done": int,
    "total": int,
    "unit": str,
    "rate": float,
    "host": str,
    "pid": int,
}


class Progress:
    """A counter up to `total`: enter it as a context, then call it with the units just done."""

    def __init__(self, label: str, total: int, unit: str, done: int = 0):
        self.label, self.total, self.unit = label, total, unit
        self.began_at, self.began = done, time.monotonic()
        self.done = done
        self.path = FOLDER / f"{label.replace('/', '_')}.json"
        self._next_file = self._next_line = 0.0

    def __enter__(self) -> Progress:
        self._tell()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.path.unlink(missing_ok=True)

    def __call__(self, units: int) -> None:
        self.done += units
        self._tell()

    @property
    def rate(self) -> float:
        """Units per second since this process started."""
        elapsed = time.monotonic() - self.began
        return (self.done - self.began_at) / elapsed if elapsed > 0 else 0.0

    def _tell(self) -> None:
        now = time.monotonic()
        if now >= self._next_file:
            self._next_file = now + FILE_EVERY
            state = {"label": self.label, "done": self.done, "total": self.total}
            state |= {"unit": self.unit, "rate": self.rate}
            state |= {"host": platform.node(), "pid": os.getpid()}
            FOLDER.mkdir(parents=True, exist_ok=True)
            scratch = self.path.with_suffix(f".{os.getpid()}.tmp")
            scratch.write_text(json.dumps(state), encoding="utf-8")
            os.replace(scratch, self.path)
        if now >= self._next_line:
            self._next_line = now + LINE_EVERY
            share = self.done / self.total
            line = f"{self.label}: {self.done:,} of {self.total:,} {self.unit} ({share:.0%})"
            print(f"{line}, {self.rate:,.0f} {self.unit}/s", flush=True)
