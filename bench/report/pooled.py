"""What the published suites say together: collections of one suite are pooled, seed by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.paths import AGAIN
from bench.report.inputs import ReportInputs
from bench.report.pages import answer
from bench.report.prose import SUBJECT, counted
from bench.report.sections import finetuning
from bench.statistics.aggregates import last_scores
from bench.statistics.comparisons import Lead, leads, strongest
from bench.statistics.seed_scores import SeedScores


@dataclass(frozen=True)
class Published:
    """A published suite; `publication` has its version, date and commit, if any was recorded."""

    inputs: ReportInputs
    publication: Mapping[str, str]
    report: str  # the address of its report, relative to the front page


def together(suites: Sequence[Published]) -> dict[str, list[ReportInputs]]:
    """Return the suites by name, with all collections of a suite under one name."""
    found: dict[str, list[ReportInputs]] = {}
    for suite in suites:
        name = suite.inputs.suite.suite.removesuffix(AGAIN)
        found.setdefault(name, []).append(suite.inputs)
    return found


def pooled(members: Sequence[ReportInputs]) -> dict[tuple[str, str], SeedScores]:
    """Return the last scores of several collections as those of one with all of their seeds."""
    parts: dict[tuple[str, str], list[SeedScores]] = {}
    for number, inputs in enumerate(members):
        found = last_scores(inputs.scores, inputs.offline, inputs.catalogue.tasks)
        for cell, scores in found.items():
            index = [f"{number}-{seed:03}" for seed in scores.scores.index]
            renamed = scores.scores.set_axis(index)
            parts.setdefault(cell, []).append(SeedScores(renamed, scores.episodes))
    return {
        cell: SeedScores(pd.concat([p.scores for p in found]), found[0].episodes)
        for cell, found in parts.items()
    }


def summary(suites: Sequence[Published]) -> list[str]:
    """Return what all suites say together: comparisons, best and worst result, what is open."""
    found = [
        (name, task, rival, all_leads[task, rival])
        for name, members in together(suites).items()
        if compares(members[0])
        for all_leads in [leads(pooled(members), SUBJECT)]
        for task, rival in strongest(all_leads).items()
    ]
    said = []
    if found:
        places = Counter(lead.place for *_, lead in found)
        said.append(
            f"In our own suites, IQL scores higher than the best other method in "
            f"{places['above']} of {counted(len(found), 'comparison')}, lower in "
            f"{places['below']}, and {places['undecided']} are undecided."
        )
        ordered = sorted(found, key=lambda entry: entry[3].value)
        said += [_extreme("Best", *ordered[-1], suites), _extreme("Worst", *ordered[0], suites)]
    for suite in suites:
        if suite.inputs.finetune is not None:
            said.append(finetuning.key_result_of(suite.inputs)[0])
    return said


def compares(inputs: ReportInputs) -> bool:
    """Return whether a suite sets IQL beside other methods after an offline phase alone."""
    return inputs.scored and inputs.finetune is None and inputs.effects is None


def _extreme(
    word: str, name: str, task: str, rival: str, lead: Lead, suites: Sequence[Published]
) -> str:
    label = suites[0].inputs.catalogue.methods[rival].label
    return (
        f"{word}: on {task} ({name}), IQL scores {lead.ours:.1f} and {label} {lead.theirs:.1f} "
        f"(difference {answer.difference(lead)}, n = {lead.seeds})."
    )
