"""The data: size, returns and origin, paths through the mazes, audit and collection."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import read_sources
from bench.config.task import origin_of
from bench.config.types import Suite
from bench.data.transitions import Transitions
from bench.maze_plans import Maze
from bench.report.figures.mazes import trajectories
from bench.report.figures.scores import return_histograms
from bench.report.inputs import ReportInputs
from bench.report.section import CaptionedTable, Figure, Item, Section
from bench.report.table import (
    NOT_RECORDED,
    NOT_RUN,
    Cell,
    Table,
    as_frame,
    minus,
    number,
    plain_value,
    recorded,
    row_of,
)

Cards = Mapping[str, Mapping[str, Any]]  # by task
AUDITED = ("rule", "finding", "verdict")  # keys of each entry of a card's audit
CROSSINGS = ("from_start", "reach_goal", "from_start_to_goal")  # keys of a card's proof


def section(inputs: ReportInputs) -> Section:
    """Tabulate the dataset cards; draw trajectories where the arrays are present."""
    suite, catalogue, cards = inputs.suite, inputs.catalogue, inputs.cards
    items: list[Item] = [CaptionedTable(data_table(cards, suite, catalogue), DATASETS, size=8)]
    if (beside := beside_d4rl(cards, suite, catalogue)).rows:
        items.append(CaptionedTable(beside, BESIDE, size=8))
    varied = {t: cards[t] for t in suite.tasks if t in cards and not inputs.tasks[t].bounded}
    if varied:  # a success has two returns, and their mean is its score
        draw = partial(return_histograms, varied)
        items.append(
            Figure("returns", "Returns in the data", RETURNS, draw, histogram_rows(varied))
        )
    crossings = crossings_table(inputs.mazes, cards)
    folders = {t: inputs.card_folders[t] for t in inputs.mazes if t in inputs.card_folders}
    whole = {t: f for t, f in folders.items() if (f / "observations.npy").exists()}
    if whole:
        data = {t: (inputs.mazes[t], Transitions.load(f)) for t, f in whole.items()}
        draw = partial(trajectories, data)
        numbers = as_frame(crossings)
        items.append(
            Figure(
                "trajectories", "Trajectories in the data", TRAJECTORIES, draw, numbers, shaded=True
            )
        )
    if inputs.mazes:
        items.append(CaptionedTable(crossings, WAYS, size=8))
    audit = CaptionedTable(
        audit_table(cards, suite), AUDIT, title="What the audit found", folded=True,
        size=8, widths=(0, 0, 0, 1),
    )  # fmt: skip
    collection = CaptionedTable(
        collection_table(cards, suite), COLLECTION, title="How the data were collected",
        folded=True, size=8, widths=(0, 0, 1),
    )  # fmt: skip
    return Section("Data", "Data", (*items, audit, collection))


DATASETS = (
    "The datasets. _return_: mean ± standard deviation over episodes, in the environment’s own "
    "units; _range_: its extremes; _score_: the normalised mean; _length_: mean number of steps "
    "per episode; _local_: collected by this project."
)
BESIDE = (
    "Local data beside D4RL’s of the same name: returns of episodes in the environment’s own "
    "units, and their mean number of steps. D4RL’s figures are published ones of its complete "
    "episodes; `config/d4rl.tsv` has their sources."
)
RETURNS = "Returns of the episodes in each dataset; the dashed line is their mean."
TRAJECTORIES = (
    "Trajectories in the mazes, spread evenly over the dataset: at most 300, plus at most 100 that "
    "reach the goal and 50 that connect start and goal. A trajectory reaches the goal if it comes "
    "as close to it as the environment requires."
)
WAYS = (
    "Does any trajectory connect start and goal? _start to goal_: trajectories that visit both; "
    "where there are few, a policy must stitch parts of several. _path_: distance from start to "
    "goal along the corridors. _median_, _max_: distance from the goal at which the trajectories "
    "that reach it begin. _cells_: free cells that contain an observation."
)
AUDIT = (
    "Data audit: what each rule found, and in which tasks. *reported* findings need the reader’s "
    "attention; a finding that would invalidate the results stops the suite before training."
)
COLLECTION = (
    "How each dataset was collected, with the first digits of the hash of its content. "
    "`card.json` beside the data has all of it."
)


def histogram_rows(cards: Cards) -> pd.DataFrame:
    """Return the histograms of returns: a row per task and bin; none that was not recorded."""
    rows = [
        (task, low, high, count)
        for task, card in cards.items()
        if {"counts", "edges"} <= set(found := card["histogram"])
        for low, high, count in zip(
            found["edges"], found["edges"][1:], found["counts"], strict=False
        )
    ]
    return pd.DataFrame(rows, columns=["task", "from", "to", "episodes"])


def data_table(cards: Mapping[str, Mapping[str, Any]], suite: Suite, catalogue: Catalogue) -> Table:
    """Tabulate size, raw returns and origin of each dataset; `cards` by task."""
    rows = []
    for task in suite.tasks:
        card = cards.get(task)
        if card is None:
            rows.append(row_of(task, *[NOT_RUN] * 7))
            continue
        returns, length = card["return"], card["length"]
        mean = returns.get("mean")
        spread = f"{recorded(mean)} \N{PLUS-MINUS SIGN} {recorded(returns.get('std'))}"
        rows.append(
            row_of(
                Cell(task, (card["dataset"],)),
                number(card["rows"], 0),
                number(card["episodes"], 0),
                spread,
                f"{recorded(returns.get('min'))} to {recorded(returns.get('max'))}",
                recorded(mean if mean is None else catalogue.tasks[task].score(mean)),
                recorded(length.get("mean"), 0),
                origin_of(catalogue.tasks[task], card),
            )
        )
    header = ("task", "rows", "episodes", "return", "range", "score", "length", "origin")
    return Table("data", header, "lrrrrrrl", tuple(rows))


def beside_d4rl(cards: Cards, suite: Suite, catalogue: Catalogue) -> Table:
    """Tabulate the local datasets of which D4RL has one of the same name, each above D4RL's."""
    sources, rows = read_sources(), []
    for task in suite.tasks:
        theirs, card = sources.get(f"{task}-v2"), cards.get(task)
        if card is None or theirs is None or theirs.return_mean is None:
            continue
        if origin_of(catalogue.tasks[task], card) != "local":
            continue
        returns = [card["return"].get(key) for key in ("mean", "min", "max")]
        ours = (card["rows"], *returns, card["length"].get("mean"))
        published = (theirs.return_mean, theirs.return_min, theirs.return_max)
        rows.append(row_of(task, "local", *(recorded(value, 0) for value in ours)))
        d4rl = (theirs.rows, *published, theirs.length_mean)
        rows.append(row_of("", "D4RL", *(number(value, 0) for value in d4rl)))
    header = ("task", "data", "rows", "mean return", "lowest", "highest", "length")
    rules = tuple(range(1, len(rows) - 1, 2))
    return Table("beside_d4rl", header, "llrrrrr", tuple(rows), rules)


def crossings_table(mazes: Mapping[str, Maze], cards: Cards) -> Table:
    """Tabulate how many trajectories of each task connect start and goal; both by task."""
    rows = []
    for task in (t for t in mazes if t in cards):
        card, maze = cards[task], mazes[task]
        if proof := card.get("proof"):
            counts = [card["episodes"], *(proof.get(key) for key in CROSSINGS)]
            began = proof.get("goal_reached_from", {})
            way = float(maze.path_distance(maze.start_xy[None])[0])
            metres = [number(m) for m in (way, began.get("median"), began.get("max"))]
            seen = [proof.get(key) for key in ("cells_visited", "cells_free")]
            cells = NOT_RECORDED if None in seen else f"{seen[0]} of {seen[1]}"
            known = (NOT_RECORDED if n is None else f"{n:,}" for n in counts)
            rows.append(row_of(task, *known, *metres, cells))
    counted = ("trajectories", "visit start", "reach goal", "start to goal")
    header = ("task", *counted, "path (m)", "median (m)", "max (m)", "cells")
    return Table("crossings", header, "lrrrrrrrr", tuple(rows))


def audit_table(cards: Mapping[str, Mapping[str, Any]], suite: Suite) -> Table:
    """Tabulate what each rule of the audit found, and in which tasks' data."""
    found: dict[tuple[str, str, str], list[str]] = {}
    present = [task for task in suite.tasks if task in cards]
    for task in present:
        for entry in cards[task]["audit"]:
            rule, finding, verdict = (entry.get(key, NOT_RECORDED) for key in AUDITED)
            found.setdefault((rule, finding, verdict), []).append(task)
    order = list(dict.fromkeys(rule for rule, _, _ in found))
    rows = []
    for (rule, finding, verdict), names in sorted(
        found.items(), key=lambda i: order.index(i[0][0])
    ):
        where = "all" if names == present else ", ".join(names)
        mark = "" if verdict == "ok" else "reported"
        rows.append(row_of(rule, finding, Cell(verdict, mark=mark), where))
    header = ("rule", "finding", "verdict", "tasks")
    return Table("audit", header, "llll", tuple(rows))


def collection_table(cards: Mapping[str, Mapping[str, Any]], suite: Suite) -> Table:
    """Tabulate how each dataset was collected, from its card, and the hash of its content."""
    rows = []
    for task in (t for t in suite.tasks if t in cards):
        facts = dict(cards[task]["collection"])
        recipe, policies = (plain_value(facts.pop(key, NOT_RECORDED)) for key in MAIN)
        rest = [f"{key.replace('_', ' ')} {plain_value(value)}" for key, value in facts.items()]
        rows.append(
            row_of(Cell(task, (f"hash {cards[task]['hash'][:12]}",)), recipe,
                   Cell(minus(policies), (", ".join(rest),) if rest else ()))
        )  # fmt: skip
    header = ("task", "recipe", "policies that collected it")
    return Table("collection", header, "lll", tuple(rows))


MAIN = ("recipe", "policies")
