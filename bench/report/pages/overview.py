"""Page 1 below the abstract: the forest plot, the strip of claims, and what ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

import pandas as pd

from bench.report.figures import overview
from bench.report.figures.overview import SHOWN, Difference
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.pages import answer
from bench.report.prose import RIVAL, SUBJECT
from bench.report.section import CaptionedTable, Figure, Item, Paragraph, Section
from bench.report.sections import claims, finetuning
from bench.report.sections.claims import concerned
from bench.report.table import NOT_RUN
from bench.statistics.comparisons import strongest


def section(inputs: ReportInputs) -> Section:
    """Show differences around zero, the verdicts on the claims, and what ran."""
    items: list[Item] = []
    if figure := forest(inputs):
        items.append(figure)
    if inputs.claims is not None and concerned(inputs):
        items.append(verdicts_figure(strip_rows(inputs), STRIP.format(ledger_of(inputs))))
    items.append(Paragraph(f"*What ran.* {plain(' '.join(answer.ran(inputs)))} {DETAILS}"))
    return Section("Overview", "", tuple(items))


DETAILS = "Details: @facts."
STRIP = (
    "Verdicts on published claims about IQL, one square each: filled, reproduced; crossed, not "
    "reproduced; half filled, inconclusive; empty, not tested.{}"
)
AGAINST = (
    "Score of IQL minus that of the best other method of each task, which is named at the right, "
    "and minus that of BC, at the last evaluation: mean difference over seeds with 95% CI. "
    "_n_: seeds. The best rival was chosen by its score on the same seeds, which favours it."
)
EFFECTS = (
    "Score of each method minus that of {}, at the last evaluation: mean difference over seeds, "
    "paired, with 95% CI. _n_: seeds."
)
CHANGES = (
    "Change of IQL’s score through the online phase, and its score afterwards minus that of the "
    "best other method of each task, which is named at the right: mean over seeds, paired, with "
    "95% CI. _n_: seeds."
)


def verdicts_figure(rows: Mapping[str, Mapping[str, int]], caption: str) -> Figure:
    """Return the strip of claims; `rows` has the counts of verdicts by kind of claim."""
    counts = [
        (name, SHOWN.get(verdict, verdict), count)
        for name, found in rows.items()
        for verdict, count in found.items()
    ]
    numbers = pd.DataFrame(counts, columns=["claims", "verdict", "count"])
    draw = partial(overview.strip, rows)
    return Figure("verdicts", "Verdicts on the claims", caption, draw, numbers)


def forest(inputs: ReportInputs) -> Figure | None:
    """Return the forest plot; None below two differences."""
    if not inputs.scored:
        return None
    if inputs.finetune is not None:
        found, caption = online(inputs), CHANGES
        label, better = "difference in normalised score", ("worse", "better")
    elif inputs.effects is not None and inputs.suite.baseline is not None:
        baseline = inputs.labels.get(inputs.suite.baseline, inputs.suite.baseline)
        found, caption = effects(inputs.effects, inputs), EFFECTS.format(plain(baseline))
        label, better = f"score minus that of {baseline}", (f"{baseline} better", "method better")
    else:
        found, caption = against(answer.leads_of(inputs), inputs.labels), AGAINST
        label, better = "IQL minus other method, normalised score", ("other better", "IQL better")
    if len(found) < 2:
        return None
    seen = dict.fromkeys(d.kind for d in found)
    kinds = [kind for kind in KINDS if kind in seen] or list(seen)
    draw = partial(overview.forest, found, kinds, label, better)
    return Figure("forest", "Differences", caption, draw, pd.DataFrame(found))


BEST, BC = "minus the best other method", "minus BC"
CHANGE, AFTER = "IQL after minus before", "IQL minus the best other method, both after"
KINDS = (BEST, BC, CHANGE, AFTER)  # in the order of the legend


def against(found: answer.Leads, labels: Mapping[str, str]) -> list[Difference]:
    """Return IQL minus the best other method and minus BC, by task."""
    top, shown = strongest(found), []
    for task, best in top.items():
        for rival in dict.fromkeys((best, RIVAL)):
            if (task, rival) in found:
                lead = found[task, rival]
                kind = BC if rival == RIVAL else BEST
                note = f"{labels[rival]}, n = {lead.seeds}"
                shown.append(Difference(task, kind, lead.value, lead.low, lead.high, note, rival))
    return shown


def effects(frame: pd.DataFrame, inputs: ReportInputs) -> list[Difference]:
    """Return every method minus the baseline, by method and task."""
    rows = {(r["method"], r["task"]): r for r in frame.to_dict("records")}
    return [
        Difference(inputs.labels[m], t, row["effect"], row["ci_low"], row["ci_high"],
                   f"n = {row['pairs']}", m)
        for m in inputs.offline.methods
        for t in inputs.offline.tasks
        if (row := rows.get((m, t)))
    ]  # fmt: skip


def online(inputs: ReportInputs) -> list[Difference]:
    """Return IQL's change online, and its lead afterwards over the best other method, by task."""
    phase = finetuning.phase(inputs)
    if phase is None or SUBJECT not in phase.labels:
        return []
    found = {pair: lead for pair, lead in phase.afterwards.items() if pair[1] in phase.labels}
    top, shown = strongest(found), []
    for task in phase.tasks:
        row = phase.cells.get((task, SUBJECT))
        if row is not None and not pd.isna(row["change_low"]):
            shown.append(
                Difference(task, CHANGE, row["change"], row["change_low"],
                           row["change_high"], f"n = {row['seeds']}", SUBJECT)
            )  # fmt: skip
        if task in top:
            lead, best = found[task, top[task]], top[task]
            note = f"{phase.labels[best]}, n = {lead.seeds}"
            shown.append(Difference(task, AFTER, lead.value, lead.low, lead.high, note, best))
    return shown


def ledger_of(inputs: ReportInputs) -> str:
    """Return a reference to the first table of claims in the appendix."""
    section = claims.section(inputs)
    tables = [i.table for i in section.items if isinstance(i, CaptionedTable)] if section else []
    filled = [table.name for table in tables if table.rows]
    return f" Every claim: from @{filled[0]} on." if filled else ""


def strip_rows(inputs: ReportInputs) -> dict[str, Mapping[str, int]]:
    """Return the counts of verdicts: on scores, on other evidence, and on this suite's data."""
    entries = inputs.claims or ()
    runs = [e for e in entries if e["decided_by"] == "runs"]
    others = [e for e in entries if e["decided_by"] != "runs"]
    elsewhere = [e["elsewhere"]["verdict"] for e in entries if e["elsewhere"]]
    here = Counter(verdict for verdict in elsewhere if verdict != NOT_RUN)
    rows: dict[str, Mapping[str, int]] = {
        "Claims about scores": Counter(e["verdict"] for e in runs),
        "Claims about ideas, data, settings, costs and the paper’s own tables": Counter(
            e["verdict"] for e in others
        ),
    }
    if here:
        rows["The same tests on this suite’s data and settings, which decide no claim"] = here
    return rows
