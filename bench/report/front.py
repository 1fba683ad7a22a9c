"""The report's first page: what the suite is, what ran, and the key result."""

from __future__ import annotations

from typing import Any

from bench.report import prose
from bench.report.inputs import ReportInputs
from bench.report.sections import effects, finetuning


def page(inputs: ReportInputs) -> dict[str, Any]:
    """The entries of report.json that stand above the sections."""
    suite, catalogue, runs = inputs.suite, inputs.catalogue, inputs.runs
    return {
        "suite": suite.suite,
        "title": suite.title,
        "description": suite.description,
        "origin": inputs.origin,
        "key_result": key_result(inputs),
        "facts": prose.facts(suite, catalogue, runs),
        "commit": prose.commit(runs),
        "missing": runs.missing,
        "stale": runs.stale,
        "diverged": runs.diverged,
    }


def key_result(inputs: ReportInputs) -> list[str]:
    """In a few sentences: of the online phase, else of the baseline's rivals, else of IQL's."""
    if inputs.finetune is not None:
        return finetuning.key_result_of(inputs)
    if inputs.effects is not None:
        return effects.key_result(inputs.effects, inputs.suite, inputs.catalogue)
    return prose.key_result(inputs.summary, inputs.suite, inputs.catalogue)
