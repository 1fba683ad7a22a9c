"""The first page of the report: the suite, what ran, and the key result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.report import prose
from bench.report.inputs import ReportInputs
from bench.report.sections import effects, finetuning


def page(inputs: ReportInputs, publication: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the entries of report.json that precede the sections.

    `publication` has the version, date and commit of a published report.
    """
    suite, catalogue, runs = inputs.suite, inputs.catalogue, inputs.runs
    return {
        "suite": suite.suite,
        "title": suite.title,
        "description": suite.description,
        "origin": inputs.origin,
        "key_result": key_result(inputs),
        "facts": prose.facts(suite, catalogue, runs) + prose.published(publication),
        "commit": prose.commit(runs),
        "missing": runs.missing,
        "stale": runs.stale,
        "diverged": runs.diverged,
        "refused": runs.refused,
    }


NOTHING_SCORED = "Nothing was scored: no task of the suite has an environment to act in."


def key_result(inputs: ReportInputs) -> list[str]:
    """Return the sentences of the key result.

    They describe the online phase if the suite has one, else the comparison with its baseline,
    else that of IQL with the other methods.
    """
    if not inputs.scored:
        return [NOTHING_SCORED]
    if inputs.finetune is not None:
        return finetuning.key_result_of(inputs)
    if inputs.effects is not None:
        return effects.key_result(inputs.effects, inputs.suite, inputs.catalogue)
    scored = inputs.suite.model_copy(update={"tasks": inputs.offline.tasks})
    return prose.key_result(inputs.scores, scored, inputs.catalogue)
