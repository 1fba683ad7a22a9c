"""The top of page 1: title, origin, banner and abstract, as entries of report.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.config.task import STAND_IN
from bench.report import citation, prose
from bench.report.inputs import ReportInputs
from bench.report.pages import answer, basis


def page(inputs: ReportInputs, publication: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the entries of report.json that precede the sections.

    `publication` has the version, date and commit of a published report; the date is otherwise
    that of the last run.
    """
    suite, runs, cited = inputs.suite, inputs.runs, citation.read()
    published = publication or {}
    return {
        "suite": suite.suite,
        "title": inputs.labelled(answer.question(inputs)),
        "description": suite.description,
        "origin": inputs.origin,
        "banner": banner(inputs),
        "key_result": answer.abstract(inputs),
        "authors": list(cited.authors),
        "version": published.get("version", cited.version),
        "date": published.get("date", basis.date_of(inputs)),
        "machines": answer.machines(inputs),
        "url": cited.url,
        "facts": prose.facts(suite, inputs.catalogue, runs) + prose.published(publication),
        "commit": prose.commit(runs),
        "commits": [c for c in dict.fromkeys(r["commit"] for r in runs.found.values()) if c],
        "missing": runs.missing,
        "stale": runs.stale,
        "diverged": runs.diverged,
        "refused": runs.refused,
    }


def banner(inputs: ReportInputs) -> str:
    """Return whose data these are; "" where all are existing datasets."""
    tasks = list(inputs.origins.values())
    if made_up := tasks.count(STAND_IN):
        return (
            f"Rehearsal: {made_up} of {len(tasks)} datasets are stand-ins for D4RL’s files, filled "
            "with our own data. No score on them is a result."
        )
    local = tasks.count("local")
    if not local:
        return ""
    if local < len(tasks):
        return (
            f"Data: {local} of {len(tasks)} datasets are our own, not D4RL’s. Scores on those "
            "cannot be compared one to one with the paper’s."
        )
    return "Data: our own, not D4RL’s. These scores cannot be compared one to one with the paper’s."
