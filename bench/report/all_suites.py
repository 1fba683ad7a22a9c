"""The front page of all published suites: reports/index.html, and a PDF of two pages.

It is typeset by the templates of a suite's report, from entries of the same form.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from bench import files
from bench.records import machine
from bench.report import citation, front, html, pdf, prose
from bench.report.build import write_files
from bench.report.figures import overview
from bench.report.figures.overview import Difference
from bench.report.inputs import ReportInputs
from bench.report.markup import plain, typographic
from bench.report.pages import answer, basis
from bench.report.pages.overview import (
    AFTER,
    BC,
    BEST,
    CHANGE,
    STRIP,
    against,
    online,
    verdicts_figure,
)
from bench.report.pooled import Published, compares, pooled, summary, together
from bench.report.prose import SUBJECT, counted
from bench.report.section import CaptionedTable, Code, Figure, Paragraph, Section
from bench.report.sections import effects, finetuning
from bench.report.table import NOT_RECORDED, NOT_RUN, Cell, Table, row_of
from bench.statistics.comparisons import leads

SEARCH = "tuning"  # chooses settings on seeds of its own, which answer no question of a reader
TITLE = "Does Implicit Q-Learning reproduce?"


@dataclass(frozen=True)
class Record:
    """What the published record says: its answer, a sentence of detail, its size and address."""

    answer: str
    detail: str
    size: str
    report: str


def build(suites: Sequence[Published], record: Record, out_pdf: Path) -> None:
    """Write `out_pdf`, the page beside it, and the folder with what they show.

    Suites with one title are collections of one suite, and their seeds are pooled.
    """
    suites = [one for one in suites if one.inputs.suite.suite != SEARCH]
    folder = out_pdf.with_suffix("")
    sections = [table(suites, record), forest(together(suites)), ledger(suites), closing(suites)]
    for section in sections:
        write_files(section, folder)
    entries = [content for section in sections if (content := section.content())]
    content = typographic(first(suites, record.answer, out_pdf.name) | {"sections": entries})
    files.write_text(folder / "report.json", json.dumps(content, indent=1, ensure_ascii=False))
    html.render("page.html.j2", content, folder, out_pdf.with_suffix(".html"), styles(suites), {})
    pdf.typeset("report.typ", folder, out_pdf)


def styles(suites: Sequence[Published]) -> dict[str, dict[str, str]]:
    """Return the looks of the methods that the page highlights, those of comparisons."""
    found: dict[str, dict[str, str]] = {}
    for suite in suites:
        if compares(suite.inputs):
            found |= html.styles(suite.inputs.suite, suite.inputs.catalogue)
    return found


# --- page 1 -------------------------------------------------------------------------------


def first(suites: Sequence[Published], record: str, name: str) -> dict[str, Any]:
    """Return the entries of report.json that precede the sections."""
    cited, (commit, changed) = citation.read(), machine.commit()
    return {
        "suite": "",
        "pdf": name,
        "title": TITLE,
        "description": "",
        "origin": "all suites",
        "banner": banner([suite.inputs for suite in suites]),
        "key_result": [record, *summary(suites), untested(suites)],
        "authors": list(cited.authors),
        "version": cited.version,
        "date": cited.released,
        "machines": counted(len(suites), "suite"),
        "url": cited.url,
        "commit": (commit or NOT_RECORDED)[:10] + (" + changes" if changed else ""),
        "commits": [commit] if commit and not changed else [],
    }


def banner(suites: Sequence[ReportInputs]) -> str:
    """Return whose data the suites have, where all of them have their own."""
    said = dict.fromkeys(front.banner(inputs) for inputs in suites)
    return next(iter(said)) if len(said) == 1 else ""


def untested(suites: Sequence[Published]) -> str:
    """Return how many claims about scores no suite has tested as published."""
    every: dict[str, set[str]] = {}
    for suite in suites:
        for entry in suite.inputs.claims or ():
            if entry["decided_by"] == "runs":
                every.setdefault(entry["id"], set()).add(entry["verdict"])
    silent = sum(verdicts == {NOT_RUN} for verdicts in every.values())
    return f"Not tested as published: {silent} of {counted(len(every), 'claim')} about scores."


# --- the suites ---------------------------------------------------------------------------


def table(suites: Sequence[Published], record: Record) -> Section:
    """Tabulate question, size, answer and publication of the record and of each suite."""
    others = Cell("Do others’ scores on D4RL’s data agree with the paper?", (record.size,))
    rows = [row_of(Cell("record", address=record.report), others, record.detail, "")]
    rows += [
        row_of(
            Cell(suite.inputs.suite.suite, address=suite.report),
            Cell(suite.inputs.suite.title, (size(suite.inputs),)),
            finding(suite.inputs),
            Cell(*dated(suite)),
        )
        for suite in suites
    ]
    header = ("suite", "question", "answer", "published")
    made = Table("suites", header, "llll", tuple(rows), tuple(range(1, len(rows))))
    return Section("Suites", "", (CaptionedTable(made, SUITES, size=8, widths=(0, 1, 2.4, 0)),))


SUITES = (
    "The published record, and the suites that this project has run, each on its own data and "
    "settings. Scores are normalised; CIs are 95%. _+_: with uncommitted changes, so that the code "
    "cannot be checked out."
)


def size(inputs: ReportInputs) -> str:
    """Return tasks, methods, seeds and updates of a suite."""
    suite = inputs.suite
    return (
        f"{counted(len(suite.tasks), 'task')} × {counted(len(suite.methods), 'method')} × "
        f"{counted(len(suite.seeds), 'seed')}, {suite.updates:,} updates"
    )


def finding(inputs: ReportInputs) -> str:
    """Return the answer of a suite without what it says of the claims."""
    if inputs.finetune is not None:
        said = finetuning.key_result_of(inputs)[:1]
    elif inputs.effects is not None:
        said = effects.key_result(inputs.effects, inputs.suite, inputs.catalogue)[:2]
    else:
        said = [answer.leading(inputs, ""), *answer.comparison(inputs)[:1]]
    return " ".join(sentence for sentence in said if sentence)


def dated(suite: Published) -> tuple[str, tuple[str, ...]]:
    """Return the date of a suite's report, its version, and the commits of report and runs."""
    commit = prose.commit(suite.inputs.runs).replace(" + changes", "+")
    published = suite.publication
    if published:
        notes = (f"version {published['version']}", published["commit"][:10], f"runs: {commit}")
        return published["date"], notes
    return basis.date_of(suite.inputs) or f"date {NOT_RECORDED}", (f"runs: {commit}",)


# --- page 2 -------------------------------------------------------------------------------


def forest(groups: Mapping[str, Sequence[ReportInputs]]) -> Section:
    """Plot IQL's differences of all suites around zero."""
    found: list[Difference] = []
    for name, members in groups.items():
        one = members[0]
        if one.finetune is not None:
            mine = [d for d in online(one) if d.kind == CHANGE]
        elif compares(one):
            mine = against(leads(pooled(members), SUBJECT), one.labels)
        else:
            continue
        times = f" ×{len(members)}" if len(members) > 1 else ""
        found += [d.under(f"{name}{times}: {d.row}") for d in mine]
    kinds = [kind for kind in (BEST, BC, CHANGE, AFTER) if kind in {d.kind for d in found}]
    draw = partial(overview.forest, found, kinds, "difference in normalised score",
                   ("IQL worse", "IQL better"))  # fmt: skip
    figure = Figure("forest", "Differences in all suites", FOREST, draw, pd.DataFrame(found))
    return Section("Differences", "", (figure,))


FOREST = (
    "Score of IQL minus that of the best other method of each task, which is named at the right, "
    "and minus that of BC; for the fine-tuning suite, the change of IQL’s score online. Mean over "
    "seeds with 95% CI; _n_: seeds. _×2_: two collections of the data with the same recipe, whose "
    "seeds are pooled."
)


def ledger(suites: Sequence[Published]) -> Section:
    """Draw the verdicts on the claims: by our runs, by others', and by other evidence."""
    every = {e["id"]: e for suite in suites for e in suite.inputs.claims or ()}
    ours = {
        claim: next((v for s in suites for e in s.inputs.claims or () if e["id"] == claim
                     and (v := e["verdict"]) != NOT_RUN), NOT_RUN)
        for claim in every
    }  # fmt: skip
    runs = [claim for claim, entry in every.items() if entry["decided_by"] == "runs"]
    theirs = suites[0].inputs.published_record
    rows = {
        "Claims about scores, by our runs as published": Counter(ours[c] for c in runs),
        "The same claims, by others’ published runs": Counter(
            theirs[c].verdict if c in theirs else NOT_RUN for c in runs
        ),
        "Claims about ideas, data, settings, costs and the paper’s own tables": Counter(
            ours[c] for c in every if c not in runs
        ),
    }
    return Section("Claims", "", (verdicts_figure(rows, STRIP.format("")),))


def closing(suites: Sequence[Published]) -> Section:
    """Say how pooling was done, and how to cite and rebuild the page."""
    several = [members for members in together(suites).values() if len(members) > 1]
    names = [" and ".join(one.suite.suite for one in members) for members in several]
    items = [Paragraph(POOLED.format(plain("; ".join(names))))] if names else []
    return Section("Basis", "", (*items, Paragraph(REBUILD), Paragraph(CITE), Code(bibtex())))


def bibtex() -> str:
    """Return the BibTeX entry of the software, from CITATION.cff."""
    cited = citation.read()
    fields = {
        "author": f"{{{' and '.join(cited.authors)}}}",
        "title": f"{{{cited.title}}}",
        "version": cited.version,
        "date": cited.released,
        "url": cited.url,
    }
    return basis.bibtex_entry("software", "iql_reproduction", fields)


POOLED = (
    "*Pooling.* Suites that repeat one question on data collected anew are pooled seed by seed: "
    "{}. No other scores are pooled across suites, because their settings differ."
)
REBUILD = (
    "*To rebuild this page:* `python -m bench index`. `python -m bench verify` derives every "
    "number again from the episodes."
)
CITE = "*To cite this project:*"
