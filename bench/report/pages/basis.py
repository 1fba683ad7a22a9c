"""Page 3: departures from the sources, limitations, and how to cite and to run this again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from bench.config.registry import base_of, settings_of
from bench.config.task import STAND_IN
from bench.paths import suite_file
from bench.report import citation, prose
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.pages import answer
from bench.report.section import CaptionedTable, Code, Item, Paragraph, Section
from bench.report.sections.settings import Departure, departures
from bench.report.table import Table, plain_value, row_of
from bench.statistics.intervals import unseen_failures
from bench.statistics.published import PAPER_UPDATES

MOST = 8  # rows of the table
SHOWN = 3  # settings in a row


def section(inputs: ReportInputs) -> Section:
    """Show departures with their measured effect, limitations, citation and commands."""
    found = sorted(
        departures(inputs.suite, inputs.catalogue), key=lambda d: prose.SUBJECT not in d.methods
    )
    table = departures_table(found[:MOST], inputs)
    items: list[Item] = []
    if table.rows:
        text = DEPARTURES if "measured effect" in table.header else f"{DEPARTURES} {UNMEASURED}"
        if len(found) > MOST:
            text += f" {len(found) - MOST} more are in the appendix."
        widths = (1, 2, 2.6, 1)[: len(table.header)]
        items.append(CaptionedTable(table, text, title="Departures", size=8, widths=widths))
    items.append(Paragraph(f"*Limitations.* {plain(' '.join(limitations(inputs)))}"))
    items += [Paragraph("*To run this again:*"), Code(commands(inputs)), Paragraph(EXPLAIN)]
    items += [Paragraph(CITE), Code(bibtex(inputs))]
    return Section("Basis", "Departures, limitations and citation", tuple(items))


DEPARTURES = "Settings that differ from their sources, and why."
UNMEASURED = "This suite measures the effect of none of them."
CITE = (
    "*To cite this report,* cite it and the paper (Kostrikov, Nair and Levine. _Offline "
    "Reinforcement Learning with Implicit Q-Learning._ ICLR 2022, "
    "<https://arxiv.org/abs/2110.06169>):"
)
EXPLAIN = "`python -m bench explain METHOD TASK` prints what stands behind a number."


def departures_table(found: Sequence[Departure], inputs: ReportInputs) -> Table:
    """Tabulate departures: where, settings, reason, and the effect where the suite measures it."""
    rows = []
    effects = [effect for d in found if (effect := measured(d, inputs))]
    for departure in found:
        changes = [f"{key} {old} \N{RIGHTWARDS ARROW} {new}" for key, old, new in departure.changes]
        more = len(changes) - SHOWN
        text = "; ".join(changes[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
        row = [departure.where, text, departure.reason]
        rows.append(row_of(*row, *([measured(departure, inputs) or "no"] if effects else [])))
    header = ("where", "setting", "reason") + (("measured effect",) if effects else ())
    rules = tuple(range(1, len(rows)))
    return Table("departures_short", header, "l" * len(header), tuple(rows), rules)


def measured(departure: Departure, inputs: ReportInputs) -> str:
    """Return the change of score that a departure makes, if the suite runs the sourced value too.

    It is that of a method such as `iql@temperature=10`, summed up as a mean over the tasks.
    """
    means = inputs.summary.set_index(["task", "method"])["mean"]
    for key, old, _ in departure.changes:
        for variant in inputs.suite.methods:
            base, named = base_of(variant), settings_of(variant)
            alone = {name: plain_value(value) for name, value in named.items()} == {key: old}
            if alone and base in departure.methods:
                pairs = [(means.get((t, base)), means.get((t, variant))) for t in inputs.tasks]
                change = [a - b for a, b in pairs if pd.notna(a) and pd.notna(b)]
                if change:
                    label = inputs.catalogue.methods[base].label
                    return f"{label}, {key}: {answer.signed(sum(change) / len(change))}"
    return ""


def limitations(inputs: ReportInputs) -> list[str]:
    """Return what limits the conclusions, each with its number."""
    suite, runs = inputs.suite, inputs.runs
    told = []
    origins = list(inputs.origins.values())
    if made_up := origins.count(STAND_IN):
        told.append(
            f"{made_up} of {prose.counted(len(origins), 'dataset')} "
            f"{'is a stand-in' if made_up == 1 else 'are stand-ins'} for D4RL’s, made for a "
            "rehearsal; scores on them are no results."
        )
    if local := origins.count("local"):
        told.append(
            f"{local} of {prose.counted(len(origins), 'dataset')} "
            f"{'was' if local == 1 else 'were'} collected by this project with recipes "
            "modelled on D4RL’s; scores on them estimate no published score."
        )
    if suite.updates < PAPER_UPDATES:
        share = answer.percent(suite.updates / PAPER_UPDATES)
        told.append(
            f"{suite.updates:,} updates are {share} of the paper’s: the ranking may change with "
            "more."
        )
    told.append(
        f"With {prose.counted(len(suite.seeds), 'seed')}, a failure that none of them had may "
        f"befall up to {100 * unseen_failures(len(suite.seeds)):.0f}% of seeds (95% bound)."
    )
    if runs.stale:
        told.append(
            f"{len(runs.stale)} of {len(runs.found)} runs were made with source code that differs "
            "from the version that typeset this report."
        )
    dirty = sum(bool(run["dirty"]) for run in runs.found.values())
    if dirty:
        told.append(
            f"{dirty} of {len(runs.found)} runs were made with uncommitted changes, so that their "
            "code cannot be checked out."
        )
    if runs.missing or runs.refused or runs.diverged:
        told.append(
            f"{len(runs.missing) + len(runs.refused)} jobs are missing and {len(runs.diverged)} "
            "diverged."
        )
    told.append("Times depend on what else the machine did, which was not recorded.")
    return told


def commands(inputs: ReportInputs) -> str:
    """Return the shell commands that repeat the suite at its commit."""
    suite = inputs.suite.suite
    commits = list(dict.fromkeys(r["commit"] for r in inputs.runs.found.values() if r["commit"]))
    checkout = f"git checkout {commits[-1][:10]}\n" if commits else ""
    return f"{checkout}python -m bench run --cores all --configfile {suite_file(suite)}"


def bibtex(inputs: ReportInputs) -> str:
    """Return the BibTeX entry of the report."""
    cited, suite = citation.read(), inputs.suite
    commit = prose.commit(inputs.runs)
    fields = {
        "author": f"{{{' and '.join(cited.authors)}}}",
        "title": f"{answer.question(inputs)}",
        "institution": "iql-reproduction",
        "year": (date_of(inputs) or cited.released)[:4],
        "note": f"suite {suite.suite}, version {cited.version}, commit {commit}",
        "url": cited.url,
    }
    key = re.sub("[^a-z0-9]", "_", f"iql_{suite.suite}_{commit[:7]}".lower())
    return bibtex_entry("techreport", key, fields)


def bibtex_entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    """Return an entry with the fields that are not empty."""
    shown = {name: text for name, text in fields.items() if text.strip("{}")}
    body = "".join(f"  {name:<11} = {{{text}}},\n" for name, text in shown.items())
    return f"@{kind}{{{key},\n{body}}}"


def date_of(inputs: ReportInputs) -> str:
    """Return the day on which the last run finished, as YYYY-MM-DD; "" if not recorded."""
    days = [run["finished"][:10] for run in inputs.runs.found.values() if "finished" in run]
    return max(days) if days and len(days) == len(inputs.runs.found) else ""
