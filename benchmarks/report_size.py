"""Measure the seconds from the episodes of a paper-sized result to its report.

    python benchmarks/report_size.py [FOLDER]

15 tasks, 8 methods, 10 seeds, 200 evaluations of 10 episodes each, 50,000 bootstrap repetitions.
All scores are synthetic, made by the tests' fixture, in FOLDER or a temporary folder: this measures
the report, and its numbers are not results.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from helpers import suite_results as fixture  # noqa: E402

from bench.config.types import Evaluation  # noqa: E402
from bench.records.layouts import open_results  # noqa: E402
from bench.report.build import build  # noqa: E402
from bench.statistics import aggregates, over_tasks  # noqa: E402
from bench.statistics.frames import read_csv, write_csv  # noqa: E402
from bench.statistics.scores import SCORE_COLUMNS, collect_scores  # noqa: E402

UPDATES, EVERY, EPISODES, SEEDS, REPETITIONS = 1_000_000, 5_000, 10, 10, 50_000


def main(folder: Path) -> None:
    """Create synthetic results, then print the seconds of each step."""
    fixture.UPDATES, fixture.EVERY = UPDATES, EVERY
    tasks = [*fixture.TASKS, *fixture.MAZES]
    suite = fixture.make_suite(tasks, tuple(fixture.LABELS), SEEDS, 5).model_copy(
        update={
            "bootstrap": REPETITIONS,
            "evaluation": Evaluation(every=EVERY, episodes=EPISODES),
        }
    )
    catalogue, results = fixture.catalogue(), folder / "results"
    began = time.perf_counter()

    def tell(what: str) -> None:
        nonlocal began
        now = time.perf_counter()
        print(f"{what}: {now - began:.1f} s", flush=True)
        began = time.perf_counter()

    fixture.write_results(results, suite.model_copy(update={"bootstrap": 1}))
    tell("made up (not part of a report)")
    runs = list(open_results(results).runs.values())
    collect_scores(runs, results / "scores.csv")
    tell(f"scores of {len(runs)} runs")
    scores = read_csv(results / "scores.csv", SCORE_COLUMNS)
    summary = aggregates.summarise(scores, suite, catalogue.tasks)
    write_csv(summary, results / "summary.csv")
    tell("summary")
    aggregate = over_tasks.aggregate(scores, suite, catalogue.tasks, suite.bootstrap)
    write_csv(aggregate, results / "aggregate.csv")
    tell(f"aggregates, {REPETITIONS:,} repetitions")
    cards = [fixture.write_card(folder / "cards", task) for task in tasks]
    out = folder / "reports" / "fixture.pdf"
    build(suite, catalogue, results, cards, out, fixture.source_hash)
    tell("PDF and page")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
