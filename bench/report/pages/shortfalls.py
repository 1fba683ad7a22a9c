"""Page 3: the tasks on which IQL scores below another method, and what its runs show of why."""

from __future__ import annotations

import pandas as pd

from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.pages import answer
from bench.report.prose import SUBJECT
from bench.report.section import Item, Paragraph, Section
from bench.report.sections import finetuning
from bench.report.table import interval, number
from bench.statistics.comparisons import Lead, strongest
from bench.statistics.intervals import MIN_SEEDS
from bench.statistics.seed_scores import SeedScores, estimate

MOST = 5  # tasks
CLONING = ("bc", "bc10", "dt")
TOP = 0.9  # quantile of the episodes' returns


def section(inputs: ReportInputs) -> Section | None:
    """Name the tasks where IQL trails, the largest deficit first; None without any."""
    if not inputs.scored or SUBJECT not in inputs.offline.methods or inputs.effects is not None:
        return None
    phase = finetuning.phase(inputs)
    found = answer.leads_of(inputs) if phase is None else phase.afterwards
    top = strongest(found)
    behind = {
        task: found[task, rival] for task, rival in top.items() if found[task, rival].value < 0
    }
    if not behind:
        return None
    ordered = sorted(behind, key=lambda task: behind[task].value)[:MOST]
    title = "Where IQL loses, and why" if phase is None else "Where fine-tuned IQL loses"
    items: list[Item] = [
        Paragraph(_task(task, top[task], behind[task], inputs)) for task in ordered
    ]
    items += [Paragraph(CAVEAT)] if phase is None else []
    return Section("Losses of IQL", title, tuple(items))


CAVEAT = "These observations are consistent with the causes named; they do not test them."


def _task(task: str, rival: str, lead: Lead, inputs: ReportInputs) -> str:
    label = plain(inputs.catalogue.methods[rival].label)
    told = [
        f"*{plain(task)}.* {label} scores {number(lead.theirs)}, IQL "
        f"{number(lead.ours)} (difference {answer.difference(lead)}).",
        _data(task, rival, inputs),
        "" if inputs.finetune is not None else _last_step(task, inputs),
        "" if inputs.finetune is not None else _seeds(task, inputs),
    ]
    return " ".join(sentence for sentence in told if sentence)


def _data(task: str, rival: str, inputs: ReportInputs) -> str:
    """Say what cloning could gain from the data, if the rival clones."""
    card = inputs.cards.get(task)
    if card is None or rival not in CLONING:
        return ""
    if proof := card.get("proof"):
        if (crossing := proof.get("from_start_to_goal")) is None:
            return ""
        share = answer.percent(crossing / card["episodes"])
        return (
            f"{crossing:,} of {card['episodes']:,} trajectories ({share}) already lead from the "
            "start to the goal, so cloning needs no stitching."
        )
    best = top_score(card["histogram"], inputs, task)
    mean = card["return"].get("mean")
    if best is None or mean is None:
        return ""
    return (
        f"The best tenth of the data’s episodes scores {number(best)} or more, the mean episode "
        f"{number(inputs.tasks[task].score(mean))}, so cloning the best needs no value function."
    )


def top_score(histogram: dict[str, list[float]], inputs: ReportInputs, task: str) -> float | None:
    """Return the normalised score that the best tenth of the episodes reaches, by bins."""
    if not {"counts", "edges"} <= set(histogram):
        return None
    counts = pd.Series(histogram["counts"])
    reached = counts[::-1].cumsum() >= (1 - TOP) * counts.sum()
    return inputs.tasks[task].score(histogram["edges"][int(reached.idxmax())])


def _last_step(task: str, inputs: ReportInputs) -> str:
    """Say whether IQL still changed between its last two evaluations."""
    rows = inputs.scores[
        (inputs.scores["task"] == task)
        & (inputs.scores["method"] == SUBJECT)
        & (inputs.scores["phase"] == "offline")
    ]
    steps = sorted(rows["step"].unique())
    if len(steps) < 2:
        return ""
    bounded = inputs.tasks[task].bounded
    before, after = (SeedScores.of(rows[rows["step"] == s], bounded) for s in steps[-2:])
    if min(len(before.scores), len(after.scores)) < MIN_SEEDS:
        return ""
    change = estimate([after], [before])
    if not change.known:
        return ""
    low, high = change.interval()
    text = f"{answer.signed(change.value)} {interval(low, high)}"
    if low > 0:
        return f"IQL was still rising at the end: {text} since update {steps[-2]:,}."
    if high < 0:
        return f"IQL was falling at the end: {text} since update {steps[-2]:,}."
    return f"Between updates {steps[-2]:,} and {steps[-1]:,} IQL changed by {text}."


def _seeds(task: str, inputs: ReportInputs) -> str:
    rows = inputs.scores[
        (inputs.scores["task"] == task)
        & (inputs.scores["method"] == SUBJECT)
        & (inputs.scores["phase"] == "offline")
        & (inputs.scores["step"] == inputs.suite.updates_of(SUBJECT))
    ]
    low, high = rows["score"].min(), rows["score"].max()
    return f"IQL’s {len(rows)} seeds range from {number(low)} to {number(high)}."
