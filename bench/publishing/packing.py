"""Packing of results for publication: a few files for all runs instead of several per run."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.errors import BenchError, unknown
from bench.files import sealed, write_json, write_rows, write_text
from bench.paths import (
    AGGREGATE,
    CLAIMS,
    EFFECTS,
    EPISODES,
    EVALUATIONS,
    FINETUNE,
    METRICS,
    RUNS,
    SCORES,
    SUITE,
    SUMMARY,
    TRANSITIONS,
)
from bench.publishing import sums
from bench.records import seals
from bench.records.layouts import Results, open_results
from bench.records.packed import CARDS, KEY, RECORDS, PackedRun
from bench.records.stored_run import StoredRun
from bench.statistics.scores import collect_scores

REPORT = "report.pdf"
NEEDED = (SUITE, SCORES, SUMMARY, AGGREGATE)
OPTIONAL = (CLAIMS, EFFECTS, FINETUNE)


def pack(folder: Path, report: Path, out: Path, curves: Sequence[str] = ()) -> list[str]:
    """Write the live results in `folder` and the report's PDF to the new folder `out`.

    `curves` lists the METHOD/TASK whose training metrics are included; networks never are. Return
    the names of the files. Raise BenchError if a file is missing, a run does not match its seal,
    scores.csv does not match the packed runs, or a card does not match the data on which its runs
    were trained.
    """
    results = open_results(folder)
    if results.packed or not results.runs:
        raise BenchError(f"{folder / RUNS}: no runs to pack; name a suite that has run here.")
    for reason in results.refused.values():
        raise BenchError(reason)
    if out.exists():
        raise BenchError(f"{out}: already exists; delete it or choose another folder.")
    for name in NEEDED:
        if not (folder / name).exists():
            raise BenchError(f"{folder / name}: file not found; run `python -m bench statistics`.")
    if not report.exists():
        raise BenchError(f"{report}: file not found; run `python -m bench report`.")
    cells = {run.name.rpartition("/")[0] for run in results.runs.values()}
    for cell in curves:
        if cell not in cells:
            raise unknown("--curves", "METHOD/TASK", cell, cells)
    staging = out.with_name(f".packing-{out.name}")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _write(results, staging, set(curves))
        for name in (*NEEDED, *OPTIONAL):
            if (folder / name).exists():
                shutil.copyfile(folder / name, staging / name)
        shutil.copyfile(report, staging / REPORT)
        _check_scores(staging, folder / SCORES)
        sums.write(staging)
        staging.replace(out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return sorted(path.name for path in out.iterdir())


def _write(results: Results, out: Path, curves: set[str]) -> None:
    runs, cards = list(results.runs.values()), results.cards()
    for run in runs:
        record = run.record()
        task = record["settings"]["task"]["task"]
        if record.get("dataset_hash") != cards[task].get("hash"):
            raise BenchError(
                f"{run.record_at}, dataset_hash: differs from the card of {task} in "
                f"{TRANSITIONS}; train the run again."
            )
    write_json(out / CARDS, cards)
    lines = [json.dumps({"run": run.name, "record": run.record()}) + "\n" for run in runs]
    write_text(out / RECORDS, "".join(lines))
    _write_rows(out / EVALUATIONS, runs)
    played = [run for run in runs if run.has(EPISODES)]
    _write_rows(out / EPISODES, played)
    _write_rows(out / METRICS, [r for r in runs if r.name.rpartition("/")[0] in curves])
    seal(out)


def seal(folder: Path) -> None:
    """Add to each line of runs.jsonl the sums of the run's packed rows, and the line's seal."""
    lines = []
    for run in open_results(folder).runs.values():
        assert isinstance(run, PackedRun)
        found = {name: seals.sum_of(name, run.read(name).text.encode()) for name in run.files}
        line = sealed({"run": run.name, "record": run.content, seals.FILES: found})
        lines.append(json.dumps(line) + "\n")
    write_text(folder / RECORDS, "".join(lines))


def _write_rows(path: Path, runs: Iterable[StoredRun]) -> None:
    """Write the rows of all runs with the union of their columns; without rows, write no file."""
    rows: list[tuple[list[str], dict[str, str]]] = []
    for run in runs:
        content = run.read(path.name)
        header, *mine = csv.reader(content.text.splitlines())
        for row in mine:
            if len(row) != len(header):
                raise content.error(f"a row of {len(row)} cells, not {len(header)}")
            rows.append((run.name.split("/"), dict(zip(header, row, strict=True))))
    if rows:
        columns = list(dict.fromkeys(name for _, row in rows for name in row))
        filled = [[*key, *(row.get(name, "") for name in columns)] for key, row in rows]
        write_rows(path, (*KEY, *columns), filled)


def _check_scores(packed: Path, scores: Path) -> None:
    again = packed / f".{SCORES}"
    collect_scores(open_results(packed).runs.values(), again)
    same = again.read_bytes() == scores.read_bytes()
    again.unlink()
    if not same:
        raise BenchError(
            f"{scores}: does not match the runs next to it; run `python -m bench statistics`, "
            "and remove runs that are not in the suite."
        )
