"""The ten sentences that answer "Does IQL reproduce?", each computed from the estimates."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np

from bench.literature.analysis import Analysis
from bench.literature.cells import Estimate
from bench.literature.evidence import SEEDS
from bench.literature.pooling import DOES_NOT, NOISY, WITHIN_5, WITHIN_10
from bench.literature.seeds_needed import MOST
from bench.statistics import published

LARGE_KINDS = ("last", "before")
QUESTION = "Does IQL reproduce?"
SEVERAL = 75.0  # percent of I-squared that Higgins calls considerable


def answer(found: Analysis) -> str:
    """Return the answer in one sentence."""
    count = Counter(e.verdict for e in found.locomotion)
    inside = count[WITHIN_5] + count[WITHIN_10]
    decided = sum(e.verdict != NOISY for e in found.antmaze)
    mazes = (
        f"{_count(decided)} of the six on AntMaze-v0 are decided"
        if decided
        else "on AntMaze-v0 too few have rerun it to say"
    )
    refuted = sum(e.verdict == DOES_NOT for e in found.iql)
    none = f"{_count(refuted)} {'is' if refuted <= 1 else 'are'} refuted"
    return (
        f"In the published record, {_count(inside)} of IQL’s nine locomotion scores reproduce "
        f"within ten points ({_count(count[WITHIN_5])} within five), {none}, "
        f"{_count(count[NOISY])} are too noisy to say, and {mazes}."
    )


def short(found: Analysis) -> str:
    """Return the answer in a line."""
    count = Counter(e.verdict for e in found.locomotion)
    mazes = sum(e.verdict == NOISY for e in found.antmaze)
    refuted = sum(e.verdict == DOES_NOT for e in found.iql)
    be = "is" if refuted == 1 else "are"
    return (
        f"In others’ published runs on D4RL’s data, {count[WITHIN_5] + count[WITHIN_10]} of IQL’s "
        f"{len(found.locomotion)} locomotion scores reproduce within 10 points, {count[NOISY]} are "
        f"{NOISY}, {refuted} of all {len(found.iql)} {be} refuted; {mazes} of {len(found.antmaze)} "
        "on AntMaze are undecided."
    )


def verdicts(found: Analysis) -> str:
    """Count the verdicts over Table 1."""
    count = Counter(e.verdict for e in found.iql)
    once = [e for e in found.iql if e.verdict == NOISY and (not e.headline or e.headline.k < 3)]
    return (
        f"Of IQL’s {len(found.iql)} scores in Table 1, {count[WITHIN_5]} reproduce within 5 points "
        f"and {count[WITHIN_10]} more within 10, {count[DOES_NOT]} do not, and {count[NOISY]} are "
        f"too noisy to say, {len(once)} of these because fewer than three independent "
        f"reproductions exist (95% interval of the pooled difference, paper’s settings)."
    )


def locomotion(found: Analysis) -> str:
    """Give the range of the pooled differences on locomotion."""
    known = [e for e in found.locomotion if e.headline]
    low, high = _extreme(known, min), _extreme(known, max)
    counts = [e.headline.k for e in known if e.headline]
    mean = float(np.mean([_value(e) for e in known]))
    return (
        f"On the nine locomotion-v2 datasets, each rerun by {min(counts)} to {max(counts)} "
        f"independent codes, the pooled difference from the paper averages {_signed(mean)} and "
        f"ranges from {_with_interval(low)} to {_with_interval(high)}."
    )


def next_one(found: Analysis) -> str:
    """Say what the next reproduction may get."""
    known = [e for e in found.locomotion if not math.isnan(e.next_few[0])]
    width = {e.cell.task: e.next_few[1] - e.next_few[0] for e in known}
    narrow, wide = min(known, key=lambda e: width[e.cell.task]), max(
        known, key=lambda e: width[e.cell.task]
    )  # fmt: skip
    return (
        f"The next code with five seeds should expect a difference between "
        f"{_signed(narrow.next_few[0])} and {_signed(narrow.next_few[1])} on {narrow.cell.task}, "
        f"but anything from {_signed(wide.next_few[0])} to {_signed(wide.next_few[1])} on "
        f"{wide.cell.task} (95% prediction intervals)."
    )


def between(found: Analysis) -> str:
    """Say how much codes differ, and whether a verdict hangs on what is assumed."""
    known = [e for e in found.locomotion if e.headline]
    much = [e for e in known if e.headline and e.headline.i2 >= SEVERAL]
    changed = {
        e.cell.task: sum(other[i].verdict != e.verdict for other in found.alternatives.values())
        for i, e in enumerate(found.iql)
    }
    refuted = sum(
        other.verdict == DOES_NOT for rows in found.alternatives.values() for other in rows
    )
    others = len(found.alternatives) - 1
    moving = [task for task, times in changed.items() if times] or ["none"]
    return (
        f"Codes differ by more than seeds explain: I² is at least {SEVERAL:.0f}% on {len(much)} of "
        f"{len(known)} datasets; under {others} other choices of estimator and assumption "
        f"{sum(n == 0 for n in changed.values())} of {len(changed)} verdicts never change (not so: "
        f"{_listed(moving)}), and "
        f"{'none ever becomes' if not refuted else f'{refuted} become'} “{DOES_NOT}”."
    )


def authors_code(found: Analysis) -> str:
    """Compare the authors' code, rerun by others, with the paper."""
    rows = [
        (e.cell.published or 0.0, row)
        for e in found.iql
        for row in e.rows[e.rows["stratum"] == "authors"].to_dict("records")
    ]
    sources = sorted({row["source"] for _, row in rows})
    theirs = sum(row["mean"] for _, row in rows)
    paper = sum(value for value, _ in rows)
    differences = np.array([row["difference"] for _, row in rows])
    within = int((np.abs(differences) <= 10).sum())
    return (
        f"The authors’ own code rerun by others ({_listed(sources)}) totals {theirs:,.1f} over "
        f"{len(rows)} datasets where the paper has {paper:,.1f}; {within} of the {len(rows)} "
        "scores are within 10 points of the paper’s, the mean absolute difference is "
        f"{np.abs(differences).mean():.1f}."
    )


def antmaze(found: Analysis) -> str:
    """Say how little there is on the paper's AntMaze data."""
    counts = [e.headline.k if e.headline else 0 for e in found.antmaze]
    known = [e for e in found.antmaze if e.headline]
    low, high = _extreme(known, min), _extreme(known, max)
    return (
        f"On the paper’s AntMaze-v0 only {min(counts)} to {max(counts)} codes with the paper’s "
        f"settings have been rerun per dataset, with pooled differences from "
        f"{_signed(_value(low))} ({low.cell.task}) to {_signed(_value(high))} ({high.cell.task}); "
        f"most others ran antmaze-v2, which are other data and enter no estimate of v0."
    )


def fine_tuning(found: Analysis) -> str:
    """Compare the gains from fine-tuning with Table 2."""
    gains = [
        e
        for e in found.fine_tuning
        if e.cell.method == "iql" and e.cell.phase == "gain" and e.headline
    ]
    worst = max(gains, key=lambda e: abs(_value(e)))
    up = [e for e in gains if (e.cell.published or 0) + _value(e) > 0]
    after = [
        e
        for e in found.fine_tuning
        if e.cell.method == "iql" and e.cell.phase == "after" and e.headline
    ]
    far = max(after, key=lambda e: abs(_value(e)))
    return (
        f"Fine-tuning for a million steps raises IQL’s score on {len(up)} of the {len(gains)} "
        f"AntMaze-v0 datasets where others give both scores, each gain within "
        f"{abs(_value(worst)):.1f} points of the paper’s; the scores after it are furthest from "
        f"Table 2 on {far.cell.task} ({_signed(_value(far))})."
    )


def evaluation(found: Analysis) -> str:
    """Say what the choice of evaluation does."""
    rows = found.choices[found.choices["method"] == "iql"]
    best = rows[rows["choice"] == "best"]
    top = rows[rows["choice"] == "max_of_mean_curve"]
    most = top.loc[top["difference"].idxmax()]
    return (
        "The best evaluation of each seed instead of the last adds "
        f"{best['difference'].median():.1f} points in the median of {len(best)} IQL scores; the "
        f"maximum of the mean curve adds up to {most['difference']:.1f}: {most['source']} prints "
        f"{most['chosen']:.1f} on {most['task']} where its last evaluations average "
        f"{most['last']:.1f}."
    )


def seeds(found: Analysis) -> str:
    """Say how many seeds a cell needs."""
    tasks = {e.cell.task for e in found.locomotion}
    rows = found.seeds[found.seeds["task"].isin(tasks) & (found.seeds["kind"] == "last")]
    few = rows[rows["within_5"] <= SEEDS]
    missing = rows[rows["within_5"].isna()]
    most = (missing if len(missing) else rows).sort_values("sd").iloc[-1]
    need = f"more than {MOST}" if len(missing) else f"{most['within_5']}"
    return (
        f"A mean within 5 points of the truth (95%) needs at most {SEEDS} seeds on {len(few)} of "
        f"{len(rows)} locomotion-v2 datasets but {need} on {most['task']}, where seeds scatter by "
        f"{most['sd']:.0f} points (bootstrap of published runs)."
    )


def disagreement(found: Analysis) -> str:
    """Count the conflicts, and give the one that decides a claim."""
    rows = found.conflicts
    ratios = recipe_ratios(found)
    paper = published.paper_scores()
    large = ("antmaze-large-play-v0", "antmaze-large-diverse-v0")
    ratio = sum(paper[t, "iql"] for t in large) / sum(paper[t, "cql"] for t in large)
    return (
        f"In {len(rows)} cells sources are more than 10 points apart, "
        f"{(rows['method'] == 'iql').sum()} of them IQL’s; claims about baselines depend on "
        f"recipes: the paper’s IQL scores {ratio:.1f} times its CQL on the two large mazes, "
        f"CORL’s {min(ratios):.2f} to {max(ratios):.2f} times its own (v2)."
    )


def recipe_ratios(found: Analysis) -> list[float]:
    """Return IQL's total over CQL's on CORL's large mazes: offline runs, fine-tuning runs."""
    rows = found.record.scores
    rows = rows[rows["source"].isin(["corl", "corl-finetune"]) & rows["kind"].isin(LARGE_KINDS)]
    rows = rows[rows["task"].isin(["antmaze-large-play-v2", "antmaze-large-diverse-v2"])]
    totals = rows.groupby(["kind", "method"])["mean"].sum()
    return [totals[kind, "iql"] / totals[kind, "cql"] for kind in LARGE_KINDS]


def _value(found: Estimate) -> float:
    return found.headline.value if found.headline else math.nan


def _extreme(found: list[Estimate], which: object) -> Estimate:
    return (min if which is min else max)(found, key=_value)


def _with_interval(found: Estimate) -> str:
    assert found.headline
    low, high = (_signed(v) for v in (found.headline.low, found.headline.high))
    return f"{_signed(found.headline.value)} [{low}, {high}] ({found.cell.task})"


def _signed(value: float) -> str:
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "\N{MINUS SIGN}")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _count(number: int) -> str:
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if number < len(words) else str(number)


SENTENCES: tuple[Callable[[Analysis], str], ...] = (
    verdicts,
    locomotion,
    next_one,
    between,
    authors_code,
    antmaze,
    fine_tuning,
    evaluation,
    seeds,
    disagreement,
)


def ten(found: Analysis) -> list[str]:
    """Return the sentences, without markup."""
    return [sentence(found) for sentence in SENTENCES]
