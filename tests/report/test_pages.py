"""Pages 1 to 3: every sentence follows the verdicts and the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.suite_results import TASKS, UPDATES, catalogue, make_suite

from bench.config.types import Suite
from bench.records.runs import Runs
from bench.report.figures.overview import Difference
from bench.report.inputs import ReportInputs
from bench.report.pages import answer, basis, overview, shortfalls
from bench.report.section import Figure
from bench.statistics import aggregates
from bench.statistics.scores import SCORE_COLUMNS

A, B, C = TASKS[:3]
Scores = Mapping[tuple[str, str], Sequence[float]]


def rows(task: str, method: str, values: Sequence[float]) -> list[tuple[object, ...]]:
    return [
        (
            "fixture",
            task,
            method,
            seed,
            "offline",
            step,
            *(value * step / UPDATES, 0.0, value * step / UPDATES),
            4,
        )
        for seed, value in enumerate(values)
        for step in (UPDATES // 2, UPDATES)
    ]


def inputs(scores: Scores, claims: list[dict[str, Any]] | None = None) -> ReportInputs:
    """A suite with these last scores by (task, method), and no runs."""
    tasks = list(dict.fromkeys(task for task, _ in scores))
    suite = make_suite(tasks, list(dict.fromkeys(m for _, m in scores)), seeds=3)
    cat = catalogue()
    made = [row for (task, method), values in scores.items() for row in rows(task, method, values)]
    frame = pd.DataFrame(made, columns=SCORE_COLUMNS)
    summary = aggregates.summarise(frame, suite, cat.tasks)
    return ReportInputs(
        suite=suite, catalogue=cat, results_dir=Path(), scores=frame, summary=summary,
        aggregate=pd.DataFrame(columns=aggregates.AGGREGATE_COLUMNS), effects=None, finetune=None,
        claims=claims, published_record={}, runs=Runs({}, [], []), cards={}, card_folders={},
    )  # fmt: skip


FAR = {(A, "iql"): [40.0, 50, 60], (A, "bc"): [1.0, 12, 20], (A, "td3_bc"): [30.0, 41, 52]}
BOTH = FAR | {(B, "iql"): [40.0, 50, 60], (B, "bc"): [44.0, 55, 65], (B, "td3_bc"): [1.0, 2, 3]}


def claim(verdict: str, elsewhere: str | None = None, by: str = "runs") -> dict[str, Any]:
    other = None if elsewhere is None else {"verdict": elsewhere}
    return {"decided_by": by, "verdict": verdict, "elsewhere": other}


@pytest.mark.parametrize(
    ("verdicts", "start"),
    [
        (["reproduced"], "IQL reproduces: the one claim tested is reproduced."),
        (["reproduced"] * 2, "IQL reproduces: all 2 claims tested are reproduced."),
        (["not reproduced"] * 2, "IQL does not reproduce: none of 2 claims tested is reproduced."),
        (["inconclusive"], "Undecided: the one claim tested is inconclusive."),
        (["reproduced", "not reproduced"], "IQL reproduces in part: of 2 claims tested, 1"),
        (["reproduced", "inconclusive"], "IQL reproduces as far as decided: of 2 claims tested, 1"),
        (["not reproduced", "inconclusive"], "IQL does not reproduce: of 2 claims tested, 0"),
        (["not run"], "Undecided: none of the 1 claims about scores was tested as published."),
    ],
)
def test_the_answer_is_chosen_by_the_verdicts(verdicts: list[str], start: str) -> None:
    ideas = [claim("not reproduced", by="idea")]  # which is no claim about scores
    assert answer.answer(inputs(FAR, [*map(claim, verdicts), *ideas])).startswith(start)


def test_tests_on_other_data_are_counted_apart() -> None:
    found = [claim("not run", v) for v in ("reproduced", "inconclusive", "inconclusive", "not run")]
    assert answer.answer(inputs(FAR, found)) == (
        "Undecided: none of the 4 claims about scores was tested as published. On this suite’s "
        "data and settings, 1 of the 3 that it can address holds, 0 do not, and 2 are "
        "inconclusive."
    )


def test_without_claims_the_leads_answer_and_a_turned_number_changes_it() -> None:
    said = answer.answer(inputs(BOTH, [claim("not run")]))
    assert said.endswith(
        "IQL scores higher than every other method on 1 of 2 tasks and lower than the best on 1."
    )
    turned = BOTH | {(A, "td3_bc"): [50.0, 60, 70.5]}
    said = answer.answer(inputs(turned, [claim("not run")]))
    assert said.endswith("on 0 of 2 tasks and lower than the best on 2.")


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ([1.0, 12, 20], "IQL scores higher than every other method."),
        ([50.0, 60, 70.5], "IQL scores lower than the best other method."),
        ([38.0, 54, 58], "IQL cannot be told from the best other method."),
    ],
)
def test_the_answer_of_one_task(theirs: list[float], said: str) -> None:
    pair = {(A, "iql"): [40.0, 50, 60], (A, "bc"): theirs}
    assert answer.answer(inputs(pair, [claim("not run")])).endswith(said)


def test_the_abstract_has_best_and_worst_result_and_names_what_is_open() -> None:
    said = answer.abstract(inputs(BOTH, [claim("not run")] * 2))
    assert said[1].startswith(f"Best: on {A}, IQL scores 50.0 [25.2, 74.8] and the best other meth")
    assert "TD3+BC, 41.0 [" in said[1]
    assert said[2].startswith(f"Worst: on {B}, IQL scores 50.0 ")
    assert "(difference −4.7 [" in said[2]
    assert said[3] == (
        f"Against BC, IQL scores higher on 1 of 2 tasks ({A}) and scores lower on 1 of 2 tasks "
        f"({B})."
    )
    assert said[-1] == (
        "Not tested: 2 of 2 claims about IQL, D4RL’s data and the paper’s 1,000,000 updates (here "
        "2,000, 0.2%)."
    )


def test_a_comparison_that_is_missing_is_named() -> None:
    some = BOTH | {(C, "iql"): [1.0, 2, 3]}
    assert f"Not compared (fewer than three seeds): {C}." in answer.comparison(inputs(some))


def test_a_third_method_makes_the_sentence_more_cautious() -> None:
    near = [38.0, 44, 58]  # differences 2, 6, 2: p = 0.13; and 5, 6, 7 have p = 0.009
    pair = {(A, "iql"): [40.0, 50, 60], (A, "bc"): [33.0, 44, 55]}
    many = pair | {(A, m): near for m in ("dt", "cql", "awac", "bc10", "td3_bc", "onestep")}
    assert f"Against BC, IQL scores higher on {A}." in answer.comparison(inputs(pair))
    assert f"Against BC, IQL is undecided on {A}." in answer.comparison(inputs(many))


@pytest.mark.parametrize(("method", "text"), [("bc", answer.UNNAMED), ("iql", answer.ALONE)])
def test_the_abstract_of_one_method(method: str, text: str) -> None:
    assert answer.abstract(inputs({(A, method): [1.0, 2, 3]})) == [text]


def test_only_a_suite_that_bears_on_a_claim_asks_the_question() -> None:
    assert answer.question(inputs(FAR, [claim("not run")])).startswith("Does IQL reproduce? ")
    assert answer.question(inputs(FAR)) == "Fixture of a report"


# --- figures ------------------------------------------------------------------------------


def test_the_forest_shows_the_best_rival_and_bc() -> None:
    shown = overview.against(answer.leads_of(inputs(BOTH)), inputs(BOTH).labels)
    assert [(d.row, d.kind, d.note) for d in shown] == [
        (A, overview.BEST, "TD3+BC, n = 3"), (A, overview.BC, "BC, n = 3"),
        (B, overview.BC, "BC, n = 3"),
    ]  # fmt: skip
    assert shown[0].value == pytest.approx(9.0)
    assert shown[0].low < 9 < shown[0].high


def test_nothing_is_drawn_that_has_one_point() -> None:
    one = inputs({(A, "iql"): [1.0, 2, 3], (A, "bc"): [1.0, 2, 4]})
    assert overview.forest(one) is None
    assert not [item for item in overview.section(one).items if isinstance(item, Figure)]


def test_the_strip_counts_every_claim_once() -> None:
    found = [claim("reproduced"), claim("not run", "inconclusive"), claim("reproduced", by="idea")]
    shown = overview.strip_rows(inputs(FAR, found))
    scores, others, here = shown.values()
    assert dict(scores) == {"reproduced": 1, "not run": 1}
    assert dict(others) == {"reproduced": 1}
    assert dict(here) == {"inconclusive": 1}
    figure = overview.overview.strip(shown)
    squares = [p for p in figure.axes[0].patches if p.get_facecolor() != (0, 0, 0, 0)]
    assert len(squares) == 3  # filled twice, and a triangle


def test_no_text_of_the_first_figures_leaves_its_figure() -> None:
    made = [Difference("halfcheetah-medium-expert", kind, 1.0, -3.0, 99.0, "One-step RL, n = 10")
            for kind in overview.KINDS]  # fmt: skip
    forest = overview.overview.forest(made, overview.KINDS, "label", ("other better", "better"))
    for figure in (forest, overview.overview.strip({"Claims about scores": {"not run": 60}})):
        figure.draw_without_rendering()
        width, height = figure.bbox.size
        for axis in figure.axes:
            for text in (*axis.texts, *axis.get_yticklabels()):
                box = text.get_window_extent()
                inside = (box.x0 >= -1, box.x1 <= width + 1, box.y0 >= -1, box.y1 <= height + 1)
                assert all(inside), text.get_text()


# --- where IQL loses, departures, limitations -----------------------------------------------


def lost(found: ReportInputs) -> list[str]:
    section = shortfalls.section(found)
    return [] if section is None else [item.text for item in section.items]


def test_a_deficit_is_explained_by_the_data_and_the_last_step() -> None:
    card = {"histogram": {"counts": [80, 10, 10], "edges": [0.0, 100.0, 600.0, 700.0]},
            "return": {"mean": 100.0}, "episodes": 100}  # fmt: skip
    read = replace(inputs(BOTH), cards={B: card})
    first, caveat = lost(read)
    assert first.startswith(f"*{B}.* BC scores 54.7, IQL 50.0 (difference −4.7 [")
    assert (
        "The best tenth of the data’s episodes scores 60.0 or more, the mean episode 10.0" in first
    )
    assert "IQL was still rising at the end: +25.0 [" in first
    assert "IQL’s 3 seeds range from 40.0 to 60.0." in first
    assert caveat == shortfalls.CAVEAT
    maze = {"proof": {"from_start_to_goal": 97}, "episodes": 100, "histogram": {}, "return": {}}
    assert "97 of 100 trajectories (97%) already lead" in lost(replace(read, cards={B: maze}))[0]


def test_where_iql_leads_nothing_is_lost() -> None:
    assert lost(inputs(FAR)) == []


def suite_with(found: ReportInputs, **changes: Any) -> ReportInputs:
    suite: Suite = found.suite.model_copy(update=changes)
    return replace(found, suite=suite)


def test_limitations_follow_the_suite() -> None:
    said = " ".join(basis.limitations(inputs(FAR)))
    assert "1 of 1 dataset was collected by this project" in said
    assert "2,000 updates are 0.2% of the paper’s" in said
    assert "With 3 seeds, a failure that none of them had may befall up to 63% of seeds" in said
    assert "uncommitted" not in said
    whole = " ".join(basis.limitations(suite_with(inputs(FAR), updates=1_000_000)))
    assert "updates are" not in whole


def test_a_departure_has_an_effect_where_the_suite_runs_the_sourced_value() -> None:
    variant = "iql@discount=0.99"
    read = inputs({(A, "iql"): [40.0, 50, 60], (A, "bc"): [1.0, 2, 3]})
    table = basis.departures_table(basis.departures(read.suite, read.catalogue), read)
    assert table.header == ("where", "setting", "reason")
    read.catalogue.methods[variant] = read.catalogue.methods["iql"]
    summary = pd.concat([read.summary, read.summary[:1].assign(method=variant, mean=44.0)])
    read = replace(suite_with(read, methods=("iql", "bc", variant)), summary=summary)
    changed = basis.Departure(("iql",), "IQL", "shorter", (("discount", "0.99", "0.95"),))
    table = basis.departures_table([changed], read)
    assert table.rows[0][-1].text == "IQL, discount: +6.0"
