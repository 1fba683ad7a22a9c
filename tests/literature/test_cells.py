"""What enters an estimate, with which variance, and that nothing is mixed silently."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.record import analysis, changed, record

from bench.literature.analysis import pooled, reproductions, unused
from bench.literature.cells import HEADLINE, Cell, Evidence, Method, estimate, table1, table2
from bench.literature.evidence import DEFAULT, SMALLEST, Spreads, deviation, eligible
from bench.literature.pooling import pool
from bench.literature.sources import Record
from bench.statistics import published

FINAL = {"last", "mean_last_10", "unknown", "before", "after", "after_mean_last_10", "gain"}


def used() -> pd.DataFrame:
    return reproductions(analysis().all())


def test_only_independent_final_scores_enter() -> None:
    rows = used().merge(
        record().scores[["source", "method", "task", "kind", "commit", "standing"]],
        on=["source", "method", "task", "kind", "commit"],
        how="left",
    )
    assert set(rows["kind"]) <= FINAL
    printed = rows[rows["kind"] != "gain"]
    assert set(printed["standing"]) == {"independent"}
    assert not set(used()["source"]) & {"iql-paper", "traj-transformer", "fql-paper"}
    assert not set(used()["source"]) & {"corl-2022", "corl-2023-08", "rlkit-issue-172"}


def test_every_score_is_either_used_or_explained() -> None:
    frame = used()
    left = unused(record(), frame)
    own = frame[frame["kind"] != "gain"].drop_duplicates(["source", "method", "task", "kind"])
    assert len(left) + len(own) == len(record().scores)
    assert set(left[left["reason"] == "chosen with the test environment in view"]["kind"]) == {
        "best",
        "best_of_last_2",
        "max_of_mean_curve",
    }
    entered = set(own[["source", "method", "task", "kind"]].itertuples(index=False, name=None))
    silent = left[left["reason"] == "no cell of the paper"]
    for row in silent[["source", "method", "task", "kind"]].itertuples(index=False, name=None):
        assert row not in entered


def test_an_estimate_has_one_dataset_version_and_one_score_per_source() -> None:
    for e in analysis().all():
        assert set(e.rows["task"]) <= {e.cell.task}
        assert set(e.rows["method"]) <= {e.cell.method}
        assert not e.rows["source"].duplicated().any()
        if e.cell.published is not None and e.cell.antmaze:
            assert e.cell.task.endswith("-v0")


def test_strata_hold_their_own_rows_alone() -> None:
    for e in analysis().iql:
        for stratum in ("authors", "port", "other"):
            rows = e.rows[e.rows["stratum"] == stratum]
            assert (len(rows) or None) == (e.pooled[stratum].k if stratum in e.pooled else None)
            if len(rows):
                again = pool(rows["difference"].to_list(), rows["variance"].to_list())
                assert e.pooled[stratum].value == again.value
        counted = e.rows["stratum"].isin(["authors", "port"]).sum()
        assert counted == (e.headline.k if e.headline else 0)


def test_who_is_in_which_stratum() -> None:
    (cell,) = [e for e in analysis().iql if e.cell.task == "hopper-medium-v2"]
    found = {s: sorted(r["source"]) for s, r in cell.rows.groupby("stratum")}
    assert found["authors"] == ["harness-orl"]
    assert found["other"] == ["corl", "offlinerl-lib-corlargs", "rebrac-paper"]
    assert found["port"] == [
        *("iql-pytorch-gwthomas", "jax-corl", "magi", "nnabla-rl", "offlinerl-kit"),
        *("offlinerl-lib", "robomimic"),
    ]


def test_a_difference_is_the_score_minus_the_papers() -> None:
    paper = published.paper_scores()
    for e in analysis().iql:
        assert e.cell.published == paper[e.cell.task, "iql"]
        np.testing.assert_allclose(e.rows["difference"], e.rows["mean"] - e.cell.published)


def test_the_last_evaluation_comes_before_the_mean_of_ten() -> None:
    rows = eligible(record(), "offline")
    nnabla = rows[(rows["source"] == "nnabla-rl") & (rows["method"] == "iql")]
    assert set(nnabla["kind"]) == {"last"}
    other = eligible(record(), "offline", replace(DEFAULT, preference="mean of ten first"))
    nnabla = other[(other["source"] == "nnabla-rl") & (other["method"] == "iql")]
    assert set(nnabla["kind"]) == {"mean_last_10"}


@pytest.mark.parametrize(
    ("spread", "meaning", "seeds", "expected"),
    [
        (3.0, "sd n-1", 4, 3.0),
        (3.0, "sd", 4, 3.0),
        (3.0, "sd n", 4, 3.0 * math.sqrt(4 / 3)),
        (0.0, "sd n", 4, SMALLEST),
    ],
)
def test_a_printed_spread_becomes_a_sample_deviation(
    spread: float, meaning: str, seeds: int, expected: float
) -> None:
    row = {"spread": spread, "spread_is": meaning, "seeds": seeds}
    assert deviation(row) == pytest.approx(expected)


def test_a_source_without_spread_gets_the_cells() -> None:
    evidence = Evidence(record())
    rows = evidence.of(Cell("iql", "hopper-medium-v2", published=66.3))
    by_source = {row["source"]: row for row in rows.to_dict("records")}
    own = [r for r in rows.to_dict("records") if "spread" not in r["assumed"]]
    own = [r for r in own if r["source"] != "iql-pytorch-gwthomas"]  # mixes seeds and evaluations
    freedom = sum(r["n"] - 1 for r in own)
    expected = math.sqrt(sum(r["sd"] ** 2 * (r["n"] - 1) for r in own) / freedom)
    for source, seeds in (("harness-orl", 5), ("robomimic", 3), ("magi", 1)):
        row = by_source[source]
        assert (row["sd"], row["n"]) == (pytest.approx(expected), seeds)
        assert row["variance"] == pytest.approx(expected**2 / seeds)
    assert "5 seeds" in by_source["harness-orl"]["assumed"]
    assert "seeds" not in by_source["magi"]["assumed"]  # it states that it has one
    assert by_source["jax-corl"]["assumed"] == ""


def test_where_a_spread_comes_from() -> None:
    spreads = Spreads(record(), "offline")
    assert spreads.of("iql", "antmaze-umaze-diverse-v0") == (13.8, "the paper’s spread")
    assert spreads.of("td3_bc", "antmaze-large-diverse-v0")[1] == "the dataset’s other version"
    assert spreads.of("iql", "kitchen-mixed-v0")[1] == "the method’s median"


def test_gains_are_paired_by_seed_where_runs_are_published() -> None:
    evidence = Evidence(record())
    cell = next(c for c in table2(["iql"]) if c.phase == "gain" and "large-play" in c.task)
    (row,) = evidence.of(cell).to_dict("records")
    runs = record().seeds
    runs = runs[(runs["source"] == "d3rlpy-finetune") & (runs["task"] == cell.task)]
    runs = runs[runs["method"] == "iql"].pivot_table(index="seed", columns="kind", values="score")
    own = runs["after"] - runs["before"]
    assert (row["mean"], row["n"]) == (pytest.approx(own.mean()), 10)
    assert row["variance"] == pytest.approx(own.var() / 10)
    assert cell.published == pytest.approx(20.5)
    v2 = Cell("iql", "antmaze-large-play-v2", "gain")
    vitamin = evidence.of(v2).set_index("source").loc["vitamin-odt-paper"]
    assert "before and after independent" in vitamin["assumed"]


def test_believed_rows_of_table_2_are_no_target() -> None:
    assert all(cell.published is None for cell in table2(["awac"]))
    assert all(cell.published is None for cell in table2(["iql"], "v2"))
    assert all(cell.published is not None for cell in table2(["iql", "cql"]))


def test_the_next_reproduction_scatters_more_than_its_true_value() -> None:
    for e in analysis().locomotion:
        main = e.headline
        assert main
        assert e.next_few[0] < main.next_low < main.low
        assert e.next_few[1] > main.next_high > main.high
        assert sum(e.next_few) / 2 == pytest.approx(main.value)


def test_other_choices_change_what_they_say() -> None:
    cell = next(c for c in table1(["iql"]) if c.task == "hopper-medium-v2")
    evidence = Evidence(record())
    base = estimate(cell, evidence)
    wider = estimate(cell, evidence, Method(target=True))
    assert base.headline
    assert wider.headline
    assert wider.headline.error == pytest.approx(
        math.hypot(base.headline.error, 5.7 / math.sqrt(10))
    )
    ports = estimate(cell, evidence, Method(strata=("port",)))
    assert ports.headline == ports.pooled["port"]
    for option in ({"complete": True}, {"typed": False}, {"preference": "stated only"}):
        other = Evidence(record(), replace(DEFAULT, **option))
        fewer = [len(rows) for rows in other.phases.values()]
        assert sum(fewer) < sum(len(rows) for rows in evidence.phases.values()), option
    double = Evidence(record(), replace(DEFAULT, factor=2.0)).of(cell).set_index("source")
    assert double.loc["magi", "sd"] == pytest.approx(
        2 * base.rows.set_index("source").loc["magi", "sd"]
    )
    assert double.loc["jax-corl", "sd"] == base.rows.set_index("source").loc["jax-corl", "sd"]


def test_a_best_or_superseded_score_moves_nothing() -> None:
    scores = record().scores.copy()
    out = scores["kind"].isin(["best", "max_of_mean_curve", "best_of_last_2"])
    out |= scores["standing"] != "independent"
    scores.loc[out & (scores["source"] != "iql-paper"), "mean"] = 0.0
    blind = Record(record().sources, scores, record().seeds, record().curves)
    again = Evidence(blind)
    for e in analysis().iql:
        assert str(estimate(e.cell, again).pooled) == str(e.pooled)


def test_a_score_that_enters_does_move_its_cell() -> None:
    other = Evidence(changed(record(), **{"jax-corl|hopper-medium-v2": 90.0}))
    for e in analysis().locomotion:
        same = estimate(e.cell, other).pooled[HEADLINE] == e.pooled[HEADLINE]
        assert same == (e.cell.task != "hopper-medium-v2")


def test_the_csv_of_estimates_has_every_stratum() -> None:
    frame = pooled(analysis().iql)
    assert set(frame["stratum"]) == {HEADLINE, "authors", "port", "other"}
    assert frame[frame["stratum"] == HEADLINE]["verdict"].ne("").all()
    assert len(frame[frame["stratum"] == HEADLINE]) == 15
