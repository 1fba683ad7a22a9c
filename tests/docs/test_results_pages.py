"""The numbers of docs/results and docs/speed.md are those of the published results."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.pages import (
    LABELS,
    PUBLISHED,
    interval,
    page,
    places_of_iql,
    published,
    published_runs,
    score,
    table,
)

ANTMAZE, FINETUNING = "docs/results/antmaze.md", "docs/results/finetuning.md"
BASELINES = "docs/results/baselines.md"
VARIANTS, PRECISION = "docs/results/variants.md", "docs/results/precision.md"
SPEED = "docs/speed.md"
RATE = "seed_updates_per_second"


@pytest.mark.parametrize(
    ("suite", "place", "name", "first", "bold"),
    [
        ("baselines", BASELINES, "method", "halfcheetah-medium", True),
        ("local", ANTMAZE, "method", "antmaze-umaze", True),
        ("local-again", ANTMAZE, "second collection", "antmaze-umaze", False),
    ],
)
def test_a_table_of_methods_is_the_published_summary(
    suite: str, place: str, name: str, first: str, bold: bool
) -> None:
    summary = published(suite, "summary.csv")
    summary = summary[summary["seeds"] > 0]
    tasks = summary.index.unique("task")
    methods = {LABELS[m]: m for m in summary.index.unique("method")}
    found = {row[name]: row for row in table(place, f"{name} | {first}")}
    assert set(found) == set(methods)
    for label, row in found.items():
        assert set(row) == {name, *tasks}
        for task in tasks:
            cell = (task, methods[label])
            text = score(summary.loc[cell], bold) if cell in summary.index else "not run"
            assert row[task] == text


def test_the_presets_of_cql_are_the_published_summary() -> None:
    summary = published("presets", "summary.csv").droplevel("task")

    def short(method: str) -> str:
        row = summary.loc[method]
        return f"{row['mean']:.0f}% [{row['ci_low']:.0f}, {row['ci_high']:.0f}]"

    assert f"its AntMaze recipe of 2022 reaches {short('cql_antmaze')}" in page(BASELINES)
    assert f"its authors' AntMaze settings reach {short('cql')}" in page(BASELINES)
    scores = published("presets", "scores.csv")
    iql = scores.xs("iql", level="method")
    assert (iql[iql["step"] >= 6_000]["score"] == 100).all()
    last = scores[scores["step"] == 8_000].xs("cql_antmaze", level="method")["score"]
    assert (last > 0).sum() == 4


def test_iql_leads_cloning_on_one_of_the_larger_mazes() -> None:
    found = places_of_iql("local")
    tasks = {t for t, _ in found if "umaze" not in t}
    assert len(tasks) == 4
    assert "below" not in {place for (t, _), place in found.items() if t in tasks}
    above = {(t, m) for (t, m), place in found.items() if place == "above"}
    assert above == {("antmaze-medium-play", m) for m in ("bc", "bc10", "dt", "awr", "cql", "bear")}
    sentence = "IQL outperforms BC, 10%BC and DT on medium-play (and AWR, CQL and BEAR)"
    assert sentence in page(ANTMAZE)


def test_the_papers_settings_on_antmaze_are_the_published_summary() -> None:
    summary = published("local-paper", "summary.csv")
    iql, bc = (summary.loc[("antmaze-medium-play", method)] for method in ("iql", "bc"))
    sentence = f"IQL scores {score(iql, False)} on antmaze-medium-play and BC scores"
    assert f"{sentence} {bc['mean']:.1f} " in page(ANTMAZE)


def test_the_ablations_on_antmaze_are_the_published_summary() -> None:
    summary = published("local-ablations", "summary.csv").droplevel("task")
    (row,) = table(ANTMAZE, "expectile 0.5")
    assert row.pop("unchanged: 0.9, 3") == score(summary.loc["iql"], False)
    names = {f"iql@{setting.replace(' ', '=')}": cell for setting, cell in row.items()}
    assert set(names) == set(summary.index) - {"iql"}
    for method, cell in names.items():
        assert cell == score(summary.loc[method], False)
    effects = published("local-ablations", "effects.csv").droplevel("task")
    significant = effects.index[effects["p_holm"] < 0.05]
    assert set(significant) == {"iql@expectile=0.5", "iql@temperature=0"}


def test_the_fine_tuning_table_is_the_published_table() -> None:
    cells = published("finetune", "finetune.csv").drop("total", level="task")
    methods = {LABELS[m]: m for m in cells.index.unique("method")}
    tasks = cells.index.unique("task")
    found = {r["before → after"]: r for r in table(FINETUNING, "before → after | antmaze-umaze")}
    assert set(found) == set(methods)
    for label, row in found.items():
        assert set(row) == {"before → after", *tasks}
        for task in tasks:
            cell = cells.loc[(task, methods[label])]
            change = f"{cell['before']:.1f} → {cell['after']:.1f}"
            if cell["change_p_holm"] < 0.05:
                change = f"**{change}**"
            assert row[task] == f"{change} {interval(cell['after_low'], cell['after_high'])}"


def test_what_is_said_of_fine_tuning_is_published() -> None:
    cell = published("finetune", "finetune.csv").loc[("antmaze-large-play", "iql")]
    ends = interval(cell["change_low"], cell["change_high"])
    assert f"the change, {cell['change']:.1f} {ends}, to exclude 0" in page(FINETUNING)
    scores = pd.read_csv(PUBLISHED / "finetune/scores.csv")
    mazes = scores[scores["task"].str.startswith("antmaze") & (scores["phase"] == "online")]
    for method, steps in (("sac_iql", 4_000), ("sac", 0), ("ppo", 0)):
        assert (mazes[(mazes["method"] == method) & (mazes["step"] >= steps)]["score"] == 0).all()
    ratios: dict[bool, list[float]] = {True: [], False: []}
    for run in published_runs("finetune"):
        spent = run["online_seconds"]
        ratio = spent["total"] / (spent["updates"] + spent["environments"])
        ratios["ppo" in run["settings"]["method"]].append(ratio)
    assert f"at most {max(ratios[False]):.2f} times what its updates" in page(FINETUNING)
    assert f"seldom updates, {max(ratios[True]):.2f})" in page(FINETUNING)


def test_what_is_said_of_sac_from_iql_is_published() -> None:
    cell = ("sac_iql", "antmaze-umaze")
    episodes, metrics = (
        pd.read_csv(PUBLISHED / f"finetune/{name}.csv").set_index(["method", "task"]).loc[cell]
        for name in ("episodes", "metrics")
    )
    reached = episodes[episodes["return"] > 0]["step"]
    assert f"plays {(reached <= 1_000).sum()} successful episodes" in page(FINETUNING)
    assert reached.max() <= 2_000
    q = metrics.groupby("step")["q"].mean()
    assert f"climbs from {q.iloc[0]:.0f} to {q.iloc[-1]:,.0f} (mean over" in page(FINETUNING)


def test_the_variants_table_is_the_published_effects() -> None:
    effects = published("variants", "effects.csv")
    found = {r["variant"]: r for r in table(VARIANTS, "variant | halfcheetah-medium-replay")}
    assert len(found) == len(effects.index.unique("method"))
    for (task, method), effect in effects.iterrows():
        cell = found[LABELS[method].removeprefix("IQL: ")][task]
        ends = interval(effect["ci_low"], effect["ci_high"])
        assert cell == f"{effect['effect']:.1f} {ends}"
    significant = effects[effects["p_holm"] < 0.05]
    assert list(significant.index) == [("hopper-medium-replay", "iql_standardised")]
    outside = (effects["ci_low"] > 0) | (effects["ci_high"] < 0)
    assert (outside.sum(), len(outside)) == (4, 24)


def test_the_precision_table_is_the_measured_one() -> None:
    frame = pd.read_csv(PUBLISHED / "precision/precision.csv").set_index("task")
    found = {row["task"]: row for row in table(PRECISION, "task | float32")}
    assert set(found) == set(frame.index)
    for task, row in frame.iterrows():
        cells = [f"{row['score_float32']:.1f}", f"{row['score_bfloat16']:.1f}"]
        cells += [f"{row['difference']:.1f} [{row['ci_low']:.1f}, {row['ci_high']:.1f}]"]
        rates = [row[f"updates_per_second_{kind}"] for kind in ("float32", "bfloat16")]
        cells += [" and ".join(f"{rate:.0f}" for rate in rates)]
        assert list(found[task].values())[1:] == cells


def test_the_speed_table_is_the_measured_one() -> None:
    measured = json.loads((PUBLISHED / "benchmark/benchmark.json").read_text())
    found = table(SPEED, "hidden layers")
    assert len(found) == 2
    for line, (width, seeds) in zip(found, ((64, 5), (256, 1)), strict=True):
        cells = [
            c for c in measured["updates"] or () if (c["method"], c["width"]) == ("iql", width)
        ]
        rates = {c["executor"]: c.get(RATE) for c in cells if c["seeds"] == seeds}
        ours = [rates.get(executor) for executor in ("eager", "recorded", "compiled")]
        (peer,) = (c[RATE] for c in measured["peer"] if (c["width"], c["threads"]) == (width, 1))
        expected = [f"{rate:,.0f}" if rate else "not run" for rate in (*ours, peer)]
        assert list(line.values())[1:] == expected


def test_the_rates_beside_xla_are_the_measured_ones() -> None:
    measured = json.loads((PUBLISHED / "benchmark/benchmark.json").read_text())
    found = [line for line in table(SPEED, "processor") if "Intel" in line["processor"]]
    for line, cell in zip(found, measured["xla"]["cells"], strict=True):
        rates = [f"{cell[kind][RATE]:,.0f}" for kind in ("recorded", "compiled", "xla")]
        bound = f"{cell['share_of_fastest_library']:.0%}"
        place = [str(cell["width"]), str(cell["seeds"])]
        assert list(line.values())[1:] == [*place, *rates, f"{cell['over_xla']:.2f}", bound]


def test_nothing_is_said_of_a_gpu_before_one_is_measured() -> None:
    values = {row["value"] for row in table(SPEED, "on a GPU")}
    assert (values == {"unmeasured"}) is not (PUBLISHED / "benchmark/card.json").exists()


def test_the_overcounted_rates_are_the_measured_ones() -> None:
    frame = pd.read_csv(PUBLISHED / "benchmark/overcounted.csv")
    found = table(SPEED, "method | width | seeds | executor")
    assert len(found) == len(frame)
    for line, row in zip(found, frame.itertuples(), strict=True):
        place = [row.method, str(row.width), str(row.seeds), row.executor]
        rates = [f"{row.reported:,}", f"{row.made:,}", f"{row.ratio - 1:.0%}"]
        assert list(line.values()) == [*place, *rates, f"{row.largest_ratio:.2f} ×"]


def test_the_ideas_are_the_measured_ones() -> None:
    def result(name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((PUBLISHED / f"ideas/{name}.json").read_text())
        found: dict[str, Any] = content["result"]
        return found

    text = page("docs/results/ideas.md")
    values, shift, maze = result("overestimation"), result("shift"), result("stitching")
    q, iql = (np.array(values[method]["values"][-1]) for method in ("q_learning", "iql"))
    assert f"at {q.mean():.1f} (seeds {q.min():.1f} to {q.max():.1f}), where" in text
    assert f"where {values['best']:.1f} is attainable." in text
    assert f"estimates {iql.mean():.1f}, where {values['best_seen']:.1f} is attainable" in text
    assert set(shift["q_learning"]["outside"]) == {1.0}
    assert set(shift["iql"]["outside"]) == {0.0}
    earned = {m: np.mean(shift[m]["reward"]) for m in ("q_learning", "iql")}
    assert f"actions and earns {earned['q_learning']:.2f} per step" in text
    assert f"actions and earns {earned['iql']:.2f} per step" in text
    starts = {e: found["start"] for e, found in zip(maze["expectiles"], maze["iql"], strict=True)}
    step, best = maze["one_step"]["start"], maze["optimal"]["start"]
    assert f"earns {step:.2f} of an attainable {best:.2f}" in text
    assert f"earns {starts[0.9]:.2f} at an expectile of 0.9" in text
    support, three = result("support"), result("regularised")
    assert f"1 - 10⁻⁶ is {support['below_best_seen']:.0e} below the best" in text
    assert f"optimum by at most {maze['limit_from_optimum']:.0e}, and" in text
    assert f"to {three['largest_distance']:.0e} in total variation" in text
    assert max(support["half_from_mean"], maze["half_from_behaviour"]) < 1e-9
