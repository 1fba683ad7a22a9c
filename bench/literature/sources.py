"""Read the published record: one file per source, and beside it runs and curves where published.

    config/published/record/scores/SOURCE.csv    one score per row, after lines that describe SOURCE
    config/published/record/seeds/SOURCE.csv     one score of one run per row
    config/published/record/curves/SOURCE.csv    one evaluation of one run per row

CORL's locomotion and antmaze-v2 scores are those of config/published/corl.csv.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from bench.config.record_types import Score, Source
from bench.config.validation import validate
from bench.errors import BenchError
from bench.paths import shipped
from bench.statistics.frames import read_csv
from bench.statistics.published import CORL

RECORD = Path("config/published/record")
KEY = ["source", "method", "task", "kind", "standing", "commit"]
SEED_COLUMNS = ["method", "task", "seed", "kind", "score", "step"]
CURVE_COLUMNS = ["method", "task", "seed", "phase", "step", "score"]


@dataclass(frozen=True)
class Record:
    """The record in memory.

    `scores` has the columns of Score after `source`, and one row per score; `seeds` one row per
    score of a run; `curves` one row per evaluation of a run.
    """

    sources: Mapping[str, Source]
    scores: pd.DataFrame
    seeds: pd.DataFrame
    curves: pd.DataFrame


def read_record(folder: Path = RECORD, corl: Path = CORL) -> Record:
    """Read and validate every file; raise BenchError naming file, row and field."""
    folder = shipped(folder)
    paths = sorted((folder / "scores").glob("*.csv"))
    if not paths:
        raise BenchError(f"{folder}/scores: no source found; run from the project's root.")
    read = {path.stem: read_source(path) for path in paths}
    frames = [frame for _, frame in read.values()]
    scores = pd.concat([*frames, _corl(corl)], ignore_index=True)
    repeated = scores[scores.duplicated(KEY, keep=False)]
    if len(repeated):
        row = repeated.iloc[0]
        cell = ", ".join(str(row[name]) for name in KEY[1:4])
        raise BenchError(
            f"{folder}/scores/{row['source']}.csv: {cell} is given twice; keep one of them."
        )
    return Record(
        {key: source for key, (source, _) in read.items()},
        scores,
        _runs(folder / "seeds", SEED_COLUMNS),
        _runs(folder / "curves", CURVE_COLUMNS),
    )


def read_source(path: Path) -> tuple[Source, pd.DataFrame]:
    """Read one source: the `#` lines are YAML that describes it, the rest is its table."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    try:
        head = yaml.safe_load("".join(line.removeprefix("#")[1:] for line in lines[:count]))
    except yaml.YAMLError as error:
        first = " ".join(str(error).split())
        raise BenchError(f"{path}: the lines after # are not YAML ({first}); fix them.") from None
    source = validate(Source, head or {}, f"{path}, lines after #")
    try:
        table = pd.read_csv(io.StringIO("".join(lines[count:])), dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BenchError(f"{path}: no table below the lines after # ({error}).") from None
    rows = [
        validate(Score, {k: v for k, v in row.items() if v != ""}, f"{path}, row {number}")
        for number, row in enumerate(table.to_dict("records"), count + 2)
    ]
    return source, _frame(path.stem, rows)


def _frame(source: str, rows: list[Score]) -> pd.DataFrame:
    frame = pd.DataFrame([row.model_dump() for row in rows], columns=list(Score.model_fields))
    numbers = ["mean", "spread", "seeds", "eval_episodes", "updates", "online_steps"]
    frame[numbers] = frame[numbers].astype(float)
    frame.insert(0, "source", source)
    return frame


def _corl(path: Path) -> pd.DataFrame:
    """Return the rows of config/published/corl.csv as rows of the source `corl`."""
    table = read_csv(shipped(path), ["task", "method", "kind", "mean", "std", "seeds"])
    rows = [
        Score(
            method=row["method"],
            task=row["task"],
            kind=row["kind"],
            mean=row["mean"],
            spread=row["std"],
            spread_is="sd n",
            seeds=row["seeds"],
            eval_episodes=100 if row["task"].startswith("antmaze") else 10,
            updates=100_000 if row["method"] == "dt" else 1_000_000,
            standing="independent",
            stratum="other" if row["method"] == "iql" else "port",
            file="corl-team/CORL:README.md",
            commit="eeeeef267123",
            remark="observations normalised; settings per task",
            verified="read in the source's own file",
        )
        for row in table.to_dict("records")
    ]
    return _frame("corl", rows)


def _runs(folder: Path, columns: list[str]) -> pd.DataFrame:
    frames = []
    for path in sorted(folder.glob("*.csv")):
        frame = read_csv(path, columns)[columns]
        frame.insert(0, "source", path.stem)
        frames.append(frame.astype({"seed": str}))
    return pd.concat(frames, ignore_index=True)
