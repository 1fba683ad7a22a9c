"""The README is short, and its numbers are those of the published results."""

from __future__ import annotations

import re

import numpy as np
import pytest
from helpers.pages import (
    LABELS,
    ROOT,
    interval,
    page,
    places_of_iql,
    published,
    score,
    table,
)

from bench.statistics.intervals import success_interval

README = "README.md"


def test_it_is_short_and_names_the_two_commands() -> None:
    text = (ROOT / README).read_text()
    assert len(text.splitlines()) <= 130
    (block,) = re.findall(r"```sh\n(make .*?)```", text, re.DOTALL)
    assert [line.partition("#")[0].strip() for line in block.splitlines()] == ["make", "make test"]
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets[0] == "suite"
    assert "test" in targets
    assert "make test" in (ROOT / ".ci/run").read_text().splitlines()


def test_it_says_at_once_that_the_data_are_not_d4rls() -> None:
    assert "they are not D4RL's files" in " ".join((ROOT / README).read_text().split()[:120])


def test_the_quick_table_is_the_published_summary() -> None:
    summary = published("quick", "summary.csv")
    methods = list(summary.index.unique("method"))
    found = {row["task"]: row for row in table(README, "task | IQL")}
    assert set(found) == set(summary.index.unique("task"))
    for task, row in found.items():
        assert set(row) == {"task", *(LABELS[m] for m in methods)}
        for method in methods:
            assert row[LABELS[method]] == score(summary.loc[(task, method)])


def test_the_answer_on_the_maze_and_locomotion_is_the_published_one() -> None:
    summary = published("quick", "summary.csv")
    means = summary.xs("pointmaze-large-stitch", level="task")["mean"]
    assert f"reaches the goal, in {means['iql']:.1f}% of episodes" in page(README)
    assert {means["td3_bc"], means["bc10"]} == {0.0}
    assert means["bc"] == 0
    assert "BC, TD3+BC and 10%BC never do" in page(README)
    last = published("quick", "scores.csv").loc[("pointmaze-large-stitch", "iql"), "score"]
    assert (last > 0).all()
    assert "each of five seeds of IQL reaches the goal" in page(README)
    spread = f"seeds reach it in {last.min():.0f}% to {last.max():.0f}%"
    assert f"{spread}, no difference is significant" in page(README)
    found = places_of_iql("quick")
    assert {found["pointmaze-large-stitch", m] for m in ("bc", "td3_bc", "bc10")} == {"undecided"}
    robots = [t for t in summary.index.unique("task") if not t.startswith("pointmaze")]
    above = {t for t in robots if found[t, "bc"] == "above"}
    below = {t for t in robots if found[t, "bc10"] == "below"}
    assert (len(above), len(below), len(robots)) == (2, 1, 3)
    assert below < above
    assert {found[t, "bc"] for t in robots if t not in above} == {"undecided"}
    assert {found[t, "bc10"] for t in robots if t not in below} == {"undecided"}
    said = "outperforms BC on two of three tasks and scores below 10%BC on one, "
    assert f"{said}{below.pop()}; the others are undecided" in page(README)


@pytest.mark.parametrize("place", [README, "docs/results/antmaze.md"])
def test_six_seeds_of_both_collections_are_above_cloning(place: str) -> None:
    found = {}
    for task in ("antmaze-large-play", "antmaze-large-diverse"):
        seeds: list[float] = []
        for suite in ("local", "local-again"):
            scores = published(suite, "scores.csv")
            steps = scores.groupby(["task", "method"])["step"].transform("max")
            last = scores[scores["step"] == steps]
            seeds += list(last.loc[(task, "iql"), "score"])
            for method in {"bc", "bc10"} & set(last.loc[task].index):
                assert set(last.loc[(task, method), "score"]) == {0.0}
        assert len(seeds) == 6
        low, high = success_interval(np.array(seeds), 50)
        assert low > 0.0
        found[task] = f"{np.mean(seeds):.1f} {interval(float(low), float(high))}"
    play, diverse = found.values()
    if place == README:
        shares = [text.replace(" ", "% ", 1) for text in (play, diverse)]
        assert f"IQL succeeds in {shares[0]} and {shares[1]} of episodes" in page(place)
    else:
        assert f"IQL has {diverse} on large-diverse and {play} on large-play" in page(place)


def test_iqls_largest_change_online_is_the_published_one() -> None:
    cells = published("finetune", "finetune.csv").drop("total", level="task")
    iql = cells.xs("iql", level="method")
    assert len(iql) == 3
    assert (iql["change_p_holm"] > 0.05).all()
    task = iql["change"].abs().idxmax()
    cell = iql.loc[task]
    sentence = (
        f"from {cell['before']:.1f} to {cell['after']:.1f} on {task}, has a 95% CI of "
        f"[{cell['change_low']:.1f}, {cell['change_high']:.1f}]"
    )
    assert sentence in page(README)
