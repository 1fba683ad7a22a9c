"""The answer and the abstract of page 1: sentences that follow the verdicts and the numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.config.task import STAND_IN
from bench.report.inputs import ReportInputs
from bench.report.prose import RIVAL, SUBJECT, counted, tasks_in_words, took
from bench.report.sections import effects, finetuning
from bench.report.sections.claims import concerned
from bench.report.table import NOT_RUN, interval, number
from bench.statistics.aggregates import last_scores
from bench.statistics.comparisons import Lead, leads, strongest
from bench.statistics.published import PAPER_UPDATES

Leads = Mapping[tuple[str, str], Lead]
NOTHING_SCORED = "Nothing was scored: no task of the suite has an environment to act in."
ALONE = "The suite runs no other method to compare IQL with."
UNNAMED = "Name one of the methods as `baseline` in the suite, and the report compares the others."
DECIDED = (
    "Differences are paired by seed and tested at 5% after Holm’s correction over the methods of "
    "the task."
)


def question(inputs: ReportInputs) -> str:
    """Return the title of the report: a question where the suite bears on a claim about IQL."""
    asks = SUBJECT in inputs.suite.methods and inputs.claims is not None and concerned(inputs)
    return f"Does IQL reproduce? {inputs.suite.title}" if asks else inputs.suite.title


def leads_of(inputs: ReportInputs) -> Leads:
    """Return IQL's leads over the other methods on the scored tasks, in the suite's order."""
    suite = inputs.offline
    cells = last_scores(inputs.scores, suite, inputs.catalogue.tasks)
    ordered = {(t, m): cells[t, m] for t in suite.tasks for m in suite.methods if (t, m) in cells}
    return leads(ordered, SUBJECT)


def abstract(inputs: ReportInputs) -> list[str]:
    """Return the sentences of page 1: the answer, results, what is missing."""
    if not inputs.scored:
        return [NOTHING_SCORED]
    if inputs.finetune is None and inputs.effects is None:
        said = [answer(inputs), *comparison(inputs)]
    else:
        first, *rest = (
            effects.key_result(inputs.effects, inputs.acted, inputs.catalogue)
            if inputs.effects is not None and inputs.finetune is None
            else finetuning.key_result_of(inputs)
        )
        said = [f"{answer(inputs)} {first}".strip(), *rest]
    return [sentence for sentence in (*said, untested(inputs)) if sentence]


# --- the answer -------------------------------------------------------------------------


def answer(inputs: ReportInputs) -> str:
    """Return whether IQL reproduces, chosen by the verdicts on its claims about scores.

    Claims tested as published come first; then the same tests on this suite's data; then IQL's
    leads. "" where no claim concerns the suite.
    """
    if inputs.claims is None or not concerned(inputs):
        return ""
    claims = [e for e in inputs.claims if e["decided_by"] == "runs"]
    decided = Counter(e["verdict"] for e in claims if e["verdict"] != NOT_RUN)
    if decided:
        return _verdict(decided)
    untested = f"Undecided: none of the {len(claims)} claims about scores was tested as published."
    elsewhere = [e["elsewhere"]["verdict"] for e in claims if e["elsewhere"]]
    here = Counter(verdict for verdict in elsewhere if verdict != NOT_RUN)
    return f"{untested} {_here(here) if here else leading(inputs)}".strip()


def _verdict(counts: Mapping[str, int]) -> str:
    """Return the answer to claims that were tested as published."""
    yes, no, open_ = (counts.get(v, 0) for v in ("reproduced", "not reproduced", "inconclusive"))
    total = yes + no + open_
    if yes == total:
        return f"IQL reproduces: {_all(total)} reproduced."
    if no == total:
        return f"IQL does not reproduce: {_none(total)} reproduced."
    if open_ == total:
        return f"Undecided: {_all(total)} inconclusive."
    start = "Undecided" if not yes and not no else "IQL reproduces in part"
    if not yes:
        start = "IQL does not reproduce"
    elif not no:
        start = "IQL reproduces as far as decided"
    return (
        f"{start}: of {total} claims tested, {yes} reproduced, {no} did not, and "
        f"{open_} {'is' if open_ == 1 else 'are'} inconclusive."
    )


def _all(total: int) -> str:
    return "the one claim tested is" if total == 1 else f"all {total} claims tested are"


def _none(total: int) -> str:
    return "the one claim tested is not" if total == 1 else f"none of {total} claims tested is"


def _here(counts: Mapping[str, int]) -> str:
    """Return what the tests say on data or settings other than the claims'."""
    yes, no, open_ = (counts.get(v, 0) for v in ("reproduced", "not reproduced", "inconclusive"))
    total = yes + no + open_
    return (
        f"On this suite’s data and settings, {yes} of the {total} that it can address "
        f"{'holds' if yes == 1 else 'hold'}, {no} {'does' if no == 1 else 'do'} not, and {open_} "
        f"{'is' if open_ == 1 else 'are'} inconclusive."
    )


def leading(inputs: ReportInputs, start: str = "On this suite’s data and settings, ") -> str:
    """Return on how many tasks IQL leads or trails, where nothing else gives an answer."""
    if inputs.finetune is not None or inputs.effects is not None:
        return ""
    found = leads_of(inputs)
    top = strongest(found)
    if not top:
        return ""
    places = Counter(found[task, rival].place for task, rival in top.items())
    if len(top) == 1:
        (place,) = places
        return f"{start}IQL {ON_ONE_TASK[place]}."
    open_ = places["undecided"]
    rest = f"; {open_} {'is' if open_ == 1 else 'are'} undecided" if open_ else ""
    return (
        f"{start}IQL scores higher than every other method on "
        f"{places['above']} of {counted(len(top), 'task')} and lower than the best on "
        f"{places['below']}{rest}."
    )


ON_ONE_TASK = {
    "above": "scores higher than every other method",
    "below": "scores lower than the best other method",
    "undecided": "cannot be told from the best other method",
}


# --- IQL against the other methods --------------------------------------------------------


def comparison(inputs: ReportInputs) -> list[str]:
    """Return best and worst result, and how IQL compares with BC and with the best rivals."""
    if SUBJECT not in inputs.suite.methods:
        return [UNNAMED]
    if len(inputs.offline.methods) == 1:
        return [ALONE]
    found = leads_of(inputs)
    if not found:
        return ["No task has three seeds of IQL and of another method."]
    labels, top = inputs.labels, strongest(found)
    first = {task: found[task, rival] for task, rival in top.items()}
    sentences = [*_extremes(first, top, labels, inputs)]
    if any(rival == RIVAL for _, rival in found):
        bc = {task: lead for (task, rival), lead in found.items() if rival == RIVAL}
        sentences.append(_against(f"{labels[RIVAL]}", bc))
    runs = [e for e in inputs.claims or () if e["decided_by"] == "runs"]
    if not concerned(inputs) or any(e["elsewhere"] or e["verdict"] != NOT_RUN for e in runs):
        sentences.append(_against("the best other method of each task", first))
    lacking = [task for task in inputs.offline.tasks if task not in top]
    if lacking:
        sentences.append(f"Not compared (fewer than three seeds): {', '.join(lacking)}.")
    return [*sentences, DECIDED]


def _extremes(
    first: Mapping[str, Lead], top: Mapping[str, str], labels: Mapping[str, str], of: ReportInputs
) -> list[str]:
    """Return IQL's largest and smallest lead over the best other method of a task."""
    by_value = sorted(first, key=lambda task: first[task].value)
    told = []
    for task, word in ((by_value[-1], "Best"), (by_value[0], "Worst"))[: len(first)]:
        lead, rival = first[task], top[task]
        told.append(
            f"{word}: on {task}, IQL scores {_score(of.summary, task, SUBJECT)} and the best other "
            f"method, {labels[rival]}, {_score(of.summary, task, rival)} "
            f"(difference {difference(lead)})."
        )
    return told


def _score(summary: pd.DataFrame, task: str, method: str) -> str:
    row = summary[(summary["task"] == task) & (summary["method"] == method)].iloc[0]
    return f"{number(row['mean'])} {interval(row['ci_low'], row['ci_high'])}"


def difference(lead: Lead) -> str:
    """Return a difference with its sign and CI, and "undecided" where it is."""
    text = f"{signed(lead.value)} {interval(lead.low, lead.high)}"
    if lead.place != "undecided":
        return text
    corrected = " after correction" if lead.low > 0 or lead.high < 0 else ""
    return f"{text}, undecided{corrected}"


def signed(value: float) -> str:
    """Format a number with its sign."""
    text = number(value)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def _against(rival: str, found: Mapping[str, Lead]) -> str:
    where = {
        place: [task for task, lead in found.items() if lead.place == place]
        for place in ("above", "below", "undecided")
    }
    parts = [
        f"{word} on {tasks_in_words(where[place], len(found))}"
        for place, word in (("above", "scores higher"), ("below", "scores lower"))
        if where[place]
    ]
    if where["undecided"]:
        parts.append(f"is undecided on {tasks_in_words(where['undecided'], len(found))}")
    return f"Against {rival}, IQL {_and(parts)}."


# --- what was not tested ------------------------------------------------------------------


def untested(inputs: ReportInputs) -> str:
    """Return what the suite leaves open: claims, the paper's data, and its number of updates."""
    if inputs.claims is None or not concerned(inputs):
        return ""
    missing = []
    silent = sum(e["verdict"] == NOT_RUN for e in inputs.claims)
    if silent:
        missing.append(f"{silent} of {len(inputs.claims)} claims about IQL")
    if {"local", STAND_IN} & set(inputs.origins.values()):
        missing.append("D4RL’s data")
    if inputs.suite.updates < PAPER_UPDATES:
        missing.append(f"the paper’s {PAPER_UPDATES:,} updates ({budget(inputs)})")
    return f"Not tested: {_and(missing)}." if missing else ""


def budget(inputs: ReportInputs) -> str:
    """Return the suite's updates as a share of the paper's."""
    return f"here {inputs.suite.updates:,}, {percent(inputs.suite.updates / PAPER_UPDATES)}"


def percent(share: float) -> str:
    """Format a share in percent with at most two significant digits."""
    return f"{100 * share:.2g}%"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def ran(inputs: ReportInputs) -> list[str]:
    """Return the two lines of "What ran"."""
    suite, runs = inputs.suite, inputs.runs
    jobs = len(runs.found) + len(runs.missing) + len(runs.refused)
    first = (
        f"{counted(len(suite.tasks), 'task')} × {counted(len(suite.methods), 'method')} × "
        f"{counted(len(suite.seeds), 'seed')}, {suite.updates:,} updates"
    )
    if suite.online is not None:
        first += f" and {suite.online.steps:,} online steps"
    done = len(runs.found) - len(runs.diverged)
    states = {"diverged": runs.diverged, "missing": runs.missing, "not verified": runs.refused}
    rest = "".join(f", {len(names)} {state}" for state, names in states.items() if names)
    second = f"{done} of {jobs} jobs finished{rest}"
    if runs.found:
        second += f"; {took(runs)} over all jobs on {machines(inputs)}"
    return [f"{first}.", f"{second}."]


def machines(inputs: ReportInputs) -> str:
    """Return the processors on which the runs were made."""
    found: dict[str, Any] = {}
    for machine in inputs.runs.values("machine"):
        cpu = str(machine.get("cpu", "a machine that was not recorded"))
        found[cpu.replace("(R)", "").replace("(TM)", "")] = machine.get("cores")
    return "; ".join(f"{cpu}, {cores} cores" if cores else cpu for cpu, cores in found.items())
