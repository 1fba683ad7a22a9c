"""The published record and its analysis, read once per process."""

from __future__ import annotations

import functools

from bench.config.catalogue import Catalogue
from bench.literature.analysis import Analysis
from bench.literature.sources import Record, read_record


@functools.cache
def catalogue() -> Catalogue:
    """The project's own tasks and methods."""
    return Catalogue()


@functools.cache
def record() -> Record:
    """The record of config/published/record; not to be changed in place."""
    return read_record()


def analysed(of: Record) -> Analysis:
    """The analysis of a record, with the labels of the catalogue."""
    return Analysis(of, {name: m.label for name, m in catalogue().methods.items()})


@functools.cache
def analysis() -> Analysis:
    """The analysis that the report shows."""
    return analysed(record())


def changed(of: Record, **cells: float) -> Record:
    """A record in which the mean of IQL's final rows of `source|task` is another."""
    scores = of.scores.copy()
    for key, value in cells.items():
        source, task = key.split("|")
        rows = (scores["source"] == source) & (scores["task"] == task)
        scores.loc[rows & (scores["method"] == "iql"), "mean"] = value
    return Record(of.sources, scores, of.seeds, of.curves)
