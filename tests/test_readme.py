"""The README's numbers are those of the published results, and its files exist."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from bench.layouts import open_results

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PUBLISHED = ROOT / "results/published"
METHODS = yaml.safe_load((ROOT / "config/methods.yaml").read_text())


def table(first: str) -> list[dict[str, str]]:
    """The rows of the README's table whose header begins with the cells `first`."""
    lines = iter(README.splitlines())
    header = next(line for line in lines if line.startswith(f"| {first} |"))
    names = [cell.strip() for cell in header.strip("|").split("|")]
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows.append(dict(zip(names, cells, strict=True)))
    return rows


def published(suite: str, name: str) -> pd.DataFrame:
    return pd.read_csv(PUBLISHED / suite / name).set_index(["task", "method"])


def score(row: pd.Series) -> str:
    mean = f"**{row['mean']:.1f}**" if row["tied"] == "best" else f"{row['mean']:.1f}"
    return f"{mean} [{row['ci_low']:.1f}, {row['ci_high']:.1f}]"


def test_the_quick_table_is_the_published_summary() -> None:
    summary = published("quick", "summary.csv")
    labels = {METHODS[m]["label"]: m for m in summary.index.unique("method")}
    found = {row["task"]: row for row in table("task | IQL")}
    assert set(found) == set(summary.index.unique("task"))
    for task, row in found.items():
        assert set(row) == {"task", *labels}
        for label, method in labels.items():
            assert row[label] == score(summary.loc[(task, method)])


def test_another_processor_measures_the_quick_table_once_more() -> None:
    first, again = (published(suite, "summary.csv") for suite in ("quick", "quick-again"))
    again = again.loc[first.index]
    assert (first[first["tied"] == "best"].index == again[again["tied"] == "best"].index).all()
    overlap = (again["ci_low"] <= first["ci_high"]) & (first["ci_low"] <= again["ci_high"])
    assert f"in all {overlap.sum()} cells the two intervals overlap" in README.replace("\n", " ")
    assert overlap.all()


@pytest.mark.parametrize(
    ("suite", "name", "first", "bold"),
    [
        ("baselines", "method", "halfcheetah-medium", True),
        ("local", "method", "antmaze-umaze", True),
        ("local-again", "second collection", "antmaze-umaze", False),
    ],
)
def test_a_table_of_methods_is_the_published_summary(
    suite: str, name: str, first: str, bold: bool
) -> None:
    summary = published(suite, "summary.csv")
    summary = summary[summary["seeds"] > 0]
    tasks = summary.index.unique("task")
    labels = {METHODS[m]["label"]: m for m in summary.index.unique("method")}
    found = {row[name]: row for row in table(f"{name} | {first}")}
    assert set(found) == set(labels)
    for label, row in found.items():
        assert set(row) == {name, *tasks}
        for task in tasks:
            cell = (task, labels[label])
            text = score(summary.loc[cell]) if cell in summary.index else "not run"
            assert row[task] == (text if bold else text.replace("*", ""))


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("antmaze-large-diverse", "IQL has {} on large-diverse"),
        ("antmaze-large-play", "{} on large-play"),
    ],
)
def test_six_seeds_of_both_collections_are_above_cloning(task: str, words: str) -> None:
    seeds = []
    for suite in ("local", "local-again"):
        scores = published(suite, "scores.csv")
        last = scores[scores["step"] == scores.groupby(["task", "method"])["step"].transform("max")]
        seeds += list(last.loc[(task, "iql"), "score"])
        for method in {"bc", "bc10"} & set(last.loc[task].index):
            assert set(last.loc[(task, method), "score"]) == {0.0}
    assert len(seeds) == 6
    half = stats.t.ppf(0.975, 5) * np.std(seeds, ddof=1) / np.sqrt(6)
    assert np.mean(seeds) - half > 0.0
    interval = f"{np.mean(seeds):.1f} [{np.mean(seeds) - half:.1f}, {np.mean(seeds) + half:.1f}]"
    assert words.format(interval) in README.replace("\n", " ")


def test_the_papers_settings_on_antmaze_are_the_published_summary() -> None:
    summary = published("local-paper", "summary.csv")
    iql, bc = (summary.loc[("antmaze-medium-play", method)] for method in ("iql", "bc"))
    sentence = f"bring IQL to {score(iql).replace('*', '')} on antmaze-medium-play, and BC stays at"
    assert f"{sentence} {bc['mean']:.1f} " in README.replace("\n", " ")


def test_the_ablations_on_antmaze_are_the_published_summary() -> None:
    summary = published("local-ablations", "summary.csv").droplevel("task")
    (row,) = table("expectile 0.5")
    own = row.pop("as it is: 0.9, 3")
    assert own == score(summary.loc["iql"]).replace("*", "")
    names = {f"iql@{setting.replace(' ', '=')}": cell for setting, cell in row.items()}
    assert set(names) == set(summary.index) - {"iql"}
    for method, cell in names.items():
        assert cell == score(summary.loc[method]).replace("*", "")


def test_the_fine_tuning_table_is_the_published_table() -> None:
    cells = published("finetune", "finetune.csv").drop("total", level="task")
    labels = {METHODS[m]["label"]: m for m in cells.index.unique("method")}
    tasks = cells.index.unique("task")
    found = {row["before → after"]: row for row in table("before → after | antmaze-umaze")}
    assert set(found) == set(labels)
    for label, row in found.items():
        assert set(row) == {"before → after", *tasks}
        for task in tasks:
            cell = cells.loc[(task, labels[label])]
            change = f"{cell['before']:.1f} → {cell['after']:.1f}"
            if cell["change_low"] > 0 or cell["change_high"] < 0:
                change = f"**{change}**"
            interval = f"[{cell['after_low']:.1f}, {cell['after_high']:.1f}]"
            assert row[task] == f"{change} {interval}"


def test_what_is_said_of_fine_tuning_is_published() -> None:
    cell = published("finetune", "finetune.csv").loc[("antmaze-large-play", "iql")]
    interval = f"[{cell['change_low']:.1f}, {cell['change_high']:.1f}]"
    text = README.replace("\n", " ")
    assert f"the change, {cell['change']:.1f} {interval}, to exclude 0" in text
    scores = pd.read_csv(PUBLISHED / "finetune/scores.csv")
    mazes = scores[scores["task"].str.startswith("antmaze") & (scores["phase"] == "online")]
    for method, steps in (("sac_iql", 4_000), ("sac", 0), ("ppo", 0)):
        assert (mazes[(mazes["method"] == method) & (mazes["step"] >= steps)]["score"] == 0).all()
    ratios: dict[bool, list[float]] = {True: [], False: []}
    for stored in open_results(PUBLISHED / "finetune").runs.values():
        run = stored.record()
        spent = run["online_seconds"]
        ratio = spent["total"] / (spent["updates"] + spent["environments"])
        ratios["ppo" in run["settings"]["method"]].append(ratio)
    assert f"at most {max(ratios[False]):.2f} times what its updates" in text
    assert f"seldom updates, {max(ratios[True]):.2f})" in text


def test_the_variants_table_is_the_published_effects() -> None:
    effects = published("variants", "effects.csv")
    found = {row["variant"]: row for row in table("variant | halfcheetah-medium-replay")}
    assert len(found) == len(effects.index.unique("method"))
    for (task, method), effect in effects.iterrows():
        label = METHODS[method]["label"].removeprefix("IQL: ")
        interval = f"[{effect['ci_low']:.1f}, {effect['ci_high']:.1f}]"
        assert found[label][task] == f"{effect['effect']:.1f} {interval}"


@pytest.mark.parametrize("suite", sorted(p.name for p in PUBLISHED.iterdir() if p.is_dir()))
def test_what_is_published_is_named(suite: str) -> None:
    assert suite in (PUBLISHED / "README.md").read_text()


def test_every_file_that_the_readme_links_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", README)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []
