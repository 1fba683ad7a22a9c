"""What a change to a method does to its score: the suite's methods against its baseline.

One seed gives two methods the same batches, the same starts of the scored episodes and,
where their networks have the same shapes, the same first weights. Their scores are
therefore compared seed by seed, and the interval is that of the mean difference.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.catalogue import Catalogue
from bench.errors import BenchError
from bench.methods import METHODS, base_of
from bench.suite import DEFAULT_SUITE, Suite

if TYPE_CHECKING:  # the command line imports this module, and starts sooner without them
    import pandas as pd

    from bench.table import Table

EFFECT_COLUMNS = [
    *["task", "method", "pairs", "baseline_mean", "mean"],
    *["effect", "std", "ci_low", "ci_high"],
]
CHANGED = "changed"  # the mark of an interval without 0


def effects(configfile: Path = DEFAULT_SUITE) -> None:
    """Compare a suite's methods with its baseline, seed by seed; writes effects.csv.

    Args:
        configfile: a suite with `baseline`, whose scores are gathered.
    """
    from bench import stats

    suite = Catalogue().read_suite(configfile)
    if suite.baseline is None:
        raise BenchError(f"{configfile}: the key 'baseline' is missing; name one of the methods.")
    folder = Path("results") / suite.suite
    scores = stats.read_csv(folder / "scores.csv", stats.SCORE_COLUMNS)
    frame = paired_effects(scores, suite)
    stats.write_csv(frame, folder / "effects.csv")
    print(frame.round(2).to_string(index=False))
    print(f"{folder}/effects.csv: score minus {suite.baseline}'s, means over paired seeds")


def paired_effects(scores: pd.DataFrame, suite: Suite) -> pd.DataFrame:
    """One row per task and method other than the baseline that share seeds.

    `pairs` counts the seeds on which both have their last evaluation, and all means are over
    those. `effect` is the mean of score minus the baseline's score, `std` the deviation of
    that difference over seeds, `ci_low` and `ci_high` its Student-t 95 % interval, empty
    below three pairs.
    """
    import pandas as pd

    from bench import stats

    final = scores[
        (scores["phase"] == "offline") & (scores["step"] == scores["method"].map(suite.updates_of))
    ]
    rows = []
    for task in suite.tasks:
        of_task = final[final["task"] == task]
        by_seed = of_task.pivot(index="seed", columns="method", values="score")
        for method in (m for m in suite.methods if m != suite.baseline):
            if not {method, suite.baseline} <= set(by_seed):
                continue
            both = by_seed[[suite.baseline, method]].dropna()
            if both.empty:
                continue
            ours, theirs = both[method], both[suite.baseline]
            differences = (ours - theirs).round(6).to_numpy(float)  # the file's own decimals
            row = (
                *(task, method, len(both), theirs.mean(), ours.mean(), differences.mean()),
                differences.std(ddof=1) if len(both) > 1 else float("nan"),
                *stats.t_interval(differences),
            )
            rows.append(row)
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)


def effects_table(
    frame: pd.DataFrame,
    suite: Suite,
    catalogue: Catalogue,
    folder: Path,
    stale: Collection[tuple[str, str]] = (),
) -> Table:
    """Effect and interval: a row a method, a column a task; `stale` holds (task, method)."""
    from bench.table import NOT_RUN, Cell, Table, interval, number, row_of, write

    found = {(r["task"], r["method"]): r for r in frame.to_dict("records")}

    def cell(task: str, method: str) -> Cell:
        row = found.get((task, method))
        if row is None:
            return Cell(NOT_RUN)
        notes = [interval(row["ci_low"], row["ci_high"])]
        if row["pairs"] < len(suite.seeds):
            notes.append(f"{row['pairs']} of {len(suite.seeds)} seeds")
        if _same(method, task, suite, catalogue):
            notes.append("same settings")
        if {(task, method), (task, suite.baseline)} & set(stale):
            notes.append("stale")
        text = number(row["effect"])
        plus = "+" if row["effect"] > 0 and text.strip("0.") else ""
        return Cell(plus + text, tuple(notes), CHANGED if _excludes_zero(row) else "")

    rows = [
        row_of(catalogue.methods[m].label, *(cell(t, m) for t in suite.tasks))
        for m in suite.methods
        if m != suite.baseline
    ]
    header = ("method", *suite.tasks)
    return write(Table("effects", header, "l" + "c" * len(suite.tasks), tuple(rows)), folder)


def key_result(frame: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> list[str]:
    """How many differences are told from 0, and which, in two sentences."""
    from bench.table import number

    assert suite.baseline is not None
    label = {m: catalogue.methods[m].label for m in suite.methods}
    wanted = (len(suite.methods) - 1) * len(suite.tasks)
    known = frame[frame["ci_low"].notna()].to_dict("records")
    apart = [
        f"{label[r['method']]} on {r['task']} ({'+' if r['effect'] > 0 else ''}"
        f"{number(r['effect'])})"
        for r in known
        if _excludes_zero(r)
    ]
    missing = wanted - len(known)
    lacking = f" Not compared, for fewer than three pairs of seeds: {missing}." if missing else ""
    return [
        f"Compared with {label[suite.baseline]} seed by seed, {len(apart)} of {len(known)} "
        f"differences have a 95 % interval without 0; by chance alone about one in twenty "
        f"would.{lacking}",
        f"Those are: {'; '.join(apart)}." if apart else "No difference is told from 0.",
    ]


def _excludes_zero(row: Mapping[Any, Any]) -> bool:
    return row["ci_low"] > 0 or row["ci_high"] < 0


def _same(method: str, task: str, suite: Suite, catalogue: Catalogue) -> bool:
    """Whether the method is on this task the baseline under another name."""
    assert suite.baseline is not None
    names = (method, suite.baseline)
    cells = [catalogue.settings(suite, name, task, suite.seeds) for name in names]
    one, two = (cell.model_dump(exclude={"method"}) for cell in cells)
    code = [METHODS[b].module if (b := base_of(name)) in METHODS else name for name in names]
    return code[0] == code[1] and one == two
