"""D4RL's files as listed in config/d4rl.tsv: their locations and known contents."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from bench.config.task import NAME, OWN, STAND_IN
from bench.config.validation import Strict, read_table, validate
from bench.errors import BenchError, unknown
from bench.paths import D4RL

TABLE = Path("config/d4rl.tsv")
PREFIX = "d4rl/"  # of the Minari ids


# The last part of an address is the name of the local copy.
Url = Annotated[str, Field(pattern=r"^https?://[^\s'\"@]+/[A-Za-z0-9_][A-Za-z0-9_.-]*$")]


Count = Annotated[int, Field(gt=0, le=10**9)]  # of rows or episodes
Return = Annotated[float, Field(ge=-1e9, le=1e9)]


class Source(Strict):
    """One row of config/d4rl.tsv; the comments at its top give the source of each column."""

    dataset: str = Field(pattern=NAME)
    urls: tuple[Url, ...] = Field(min_length=1)
    bytes: int | None = Field(default=None, gt=0, le=10**12)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    observation_dim: int = Field(gt=0, le=10**6)
    action_dim: int = Field(gt=0, le=10**6)
    max_episode_steps: int = Field(gt=0, le=10**6)
    ref_min_score: Return
    ref_max_score: Return
    environment: str
    origin: Literal["D4RL", "stand-in"] = "D4RL"
    jumps: Literal["refused", "reported"] = "refused"
    segments: Count | None = None
    rows: Count | None = None
    rows_status: str = ""
    complete_rows: Count | None = None
    return_mean: Return | None = None
    return_min: Return | None = None
    return_max: Return | None = None
    qlearning_rows: Count | None = None
    qlearning_rows_status: str = ""

    @field_validator("urls", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return value.split() if isinstance(value, str) else value

    @property
    def stand_in(self) -> bool:
        """Whether the file is one of a rehearsal, in the place of D4RL's."""
        return self.origin == STAND_IN

    @property
    def length_mean(self) -> float | None:
        """The mean number of steps of the complete episodes; None where a count is not known."""
        if self.segments is None or self.rows is None or self.complete_rows is None:
            return None
        unfinished = self.rows > self.complete_rows
        return self.complete_rows / (self.segments - unfinished)

    @property
    def minari_id(self) -> str:
        """The Minari id of the dataset: hopper-medium-v2 -> d4rl/hopper/medium-v2."""
        return PREFIX + self.dataset.replace("-", "/", 1)

    @property
    def path(self) -> Path:
        """The path of the local copy, under D4RL's own file name."""
        return D4RL / self.urls[0].rpartition("/")[2]


def read_sources(table: Path = TABLE) -> dict[str, Source]:
    """Return the rows of the table by dataset."""
    sources: dict[str, Source] = {}
    for number, row in enumerate(read_table(table), start=1):
        source = validate(Source, row, f"{table}, row {number}")
        if source.dataset in sources:
            raise BenchError(f"{table}: dataset '{source.dataset}' is given twice; remove one.")
        sources[source.dataset] = source
    return sources


def source_of(name: str, sources: Mapping[str, Source] | None = None) -> Source:
    """Return the row of `hopper-medium-v2`, or of the Minari id `d4rl/hopper/medium-v2`.

    `sources` are the table's rows where they have been read; else it is read.
    """
    sources = read_sources() if sources is None else sources
    dataset = name.removeprefix(PREFIX).replace("/", "-")
    if dataset not in sources:
        raise unknown(str(TABLE), "dataset", dataset, sources)
    return sources[dataset]


def files_of(dataset: str, recipe: str) -> list[Path]:
    """Return the HDF5 files behind a task of recipe `d4rl` or `hdf5:PATHS`, else none.

    Paths are divided by commas; a pattern such as `data/part-*.hdf5` stands for its matches, in
    order of name. Raises BenchError where it has none.
    """
    if recipe == "d4rl":
        return [source_of(dataset).path]
    if not recipe.startswith(OWN):
        return []
    files = []
    for name in recipe.removeprefix(OWN).split(","):
        path = str(Path(name.strip()).expanduser())
        found = sorted(glob.glob(path)) if glob.has_magic(path) else [path]
        if not found:
            raise BenchError(f"recipe '{recipe}': no file matches {name.strip()}; correct it.")
        files += [Path(file) for file in found]
    return files
