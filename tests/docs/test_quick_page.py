"""The page of the quick suite quotes what is published, and so does its search for settings."""

from __future__ import annotations

from helpers.pages import LABELS, page, places_of_iql, published, score, table

from bench.config.catalogue import Catalogue
from bench.config.registry import base_of

PAGE = "docs/results/quick.md"


def test_the_table_is_the_published_summary() -> None:
    summary = published("quick", "summary.csv")
    rows = {row["task"]: row for row in table(PAGE, "task | IQL")}
    assert set(rows) == set(summary.index.unique("task"))
    for task, method in summary.index:
        assert rows[task][LABELS[method]] == score(summary.loc[(task, method)])


def test_the_sentences_under_the_table_are_true() -> None:
    scores = published("quick", "scores.csv").loc[("pointmaze-large-stitch", "iql")]
    first, *rest = (f"{score:.0f}%" for score in scores.sort_values("seed")["score"])
    assert f"they reach it in {first}, {', '.join(rest[:-1])} and {rest[-1]} of" in page(PAGE)
    found = places_of_iql("quick")
    above = [task for (task, method), place in found.items() if (method, place) == ("bc", "above")]
    assert f"outperforms BC on {' and '.join(above)} and is undecided against it on" in page(PAGE)
    below = [
        task for (task, method), place in found.items() if (method, place) == ("bc10", "below")
    ]
    assert f"It outperforms IQL on {' and '.join(below)} and is undecided" in page(PAGE)
    summary = published("quick", "summary.csv")
    robots = [t for t in summary.index.unique("task") if not t.startswith("pointmaze")]
    assert all(summary.loc[task]["mean"].idxmax() == "bc10" for task in robots)
    assert "10%BC has the highest mean on all three robots" in page(PAGE)


def test_the_candidates_are_the_published_search_and_the_highest_are_bold() -> None:
    summary = published("tuning", "summary.csv").reset_index()
    tasks = Catalogue().tasks
    summary["family"] = [tasks[task].family for task in summary["task"]]
    means = summary.groupby(["family", "method"])["mean"].mean()
    rows = {row["candidate"].strip("`"): row for row in table(PAGE, "candidate")}
    assert set(rows) == set(summary["method"])
    for family in ("locomotion", "pointmaze"):
        for method in {base_of(name) for name in rows}:
            mine = [name for name in rows if base_of(name) == method]
            best = max(mine, key=lambda name: means[family, name])
            for name in mine:
                shown = f"{means[family, name]:.1f}"
                assert rows[name][family] == (f"**{shown}**" if name == best else shown)


def test_the_search_s_seeds_are_said() -> None:
    assert "seeds 100 to 102" in page(PAGE)
