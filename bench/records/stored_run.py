"""One finished run as stored: its record and its files, in a folder of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench import files
from bench.errors import BenchError
from bench.files import read_json
from bench.paths import EPISODES, EVALUATIONS, METRICS, RunFolder
from bench.records import seals

FILES = (EVALUATIONS, EPISODES, METRICS)  # those that are packed


@dataclass(frozen=True)
class Content:
    """The text of a run's file, with the location and the remedy to name in errors."""

    text: str
    place: str
    remedy: str

    def error(self, problem: str) -> BenchError:
        """Return an error that names the file, the problem and the remedy."""
        return BenchError(f"{self.place}: {problem}; {self.remedy}.")


class StoredRun(Protocol):
    """One finished run."""

    @property
    def name(self) -> str:
        """METHOD/TASK/SEEDS."""

    @property
    def place(self) -> str:
        """The run's folder, or its file and line."""

    @property
    def record_at(self) -> str:
        """The location of the content of its run.json."""

    @property
    def remedy(self) -> str:
        """How to fix a damaged record."""

    def record(self) -> dict[str, Any]:
        """Return the content of its run.json; raise BenchError if it cannot be read."""

    def rows_at(self, file: str) -> str:
        """Return the location of the rows of one of FILES."""

    def has(self, file: str) -> bool:
        """Return whether one of FILES exists."""

    def read(self, file: str) -> Content:
        """Return one of FILES as the run wrote it; raise BenchError if it cannot be read."""

    def problem(self) -> str | None:
        """Return how the run differs from its seal, or None if it is as it was written."""


@dataclass(frozen=True)
class FolderRun:
    """A run in its own folder."""

    folder: Path
    remedy: str = "delete the run's folder and run again"

    @property
    def name(self) -> str:
        return "/".join(self.folder.parts[-3:])

    @property
    def place(self) -> str:
        return str(self.folder)

    @property
    def record_at(self) -> str:
        return str(RunFolder(self.folder).record)

    def record(self) -> dict[str, Any]:
        return read_json(RunFolder(self.folder).record)

    def rows_at(self, file: str) -> str:
        return str(self.folder / file)

    def has(self, file: str) -> bool:
        return (self.folder / file).exists()

    def read(self, file: str) -> Content:
        return read_content(self.folder / file)

    def problem(self) -> str | None:
        try:
            text = Path(self.record_at).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            return f"record: cannot be read ({error})"
        return seals.problem(text, lambda file: (self.folder / file).read_bytes(), files.INDENT)


def read_content(path: Path) -> Content:
    """Read a file that can be regenerated; raise BenchError if it cannot be read."""
    remedy = "delete it and run again"
    try:
        return Content(path.read_text(encoding="utf-8"), str(path), remedy)
    except FileNotFoundError:
        raise BenchError(f"{path}: file not found; run the step that writes it.") from None
    except UnicodeDecodeError as error:
        raise BenchError(f"{path}: not a text file ({error}); {remedy}.") from None
