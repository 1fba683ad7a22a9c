"""Each of the ten sentences follows the numbers, and the README's line is one of them."""

from __future__ import annotations

import pandas as pd
import pytest
from helpers.pages import page
from helpers.paths import ROOT
from helpers.record import analysed, analysis, changed, record

from bench.literature import sentences
from bench.literature.pooling import NOISY, WITHIN_5, WITHIN_10
from bench.literature.sensitivity import ALTERNATIVES
from bench.literature.sources import Record
from bench.report.record import citing

ALL = ("harness-orl", "nnabla-rl", "offlinerl-kit", "offlinerl-lib", "iql-pytorch-gwthomas", "magi")


def moved(cells: dict[str, float]) -> Record:
    return changed(record(), **cells)


def with_rows(column: str, value: float, **where: str) -> Record:
    """The record with another value in the matching rows of its scores."""
    scores = record().scores.copy()
    rows = pd.Series(True, index=scores.index)
    for name, wanted in where.items():
        rows &= scores[name] == wanted
    assert rows.any()
    scores.loc[rows, column] = value
    return Record(record().sources, scores, record().seeds, record().curves)


def other_seeds() -> Record:
    seeds = record().seeds.copy()
    rows = (seeds["task"] == "hopper-medium-expert-v2") & (seeds["source"] == "rebrac-paper")
    seeds.loc[rows, "score"] = 90 + seeds[rows]["score"] / 100
    return Record(record().sources, record().scores, seeds, record().curves)


# What is changed, and the number of the sentence that must notice.
CHANGES = {
    1: moved({f"{source}|walker2d-medium-v2": 20.0 for source in ALL}),
    2: moved({"offlinerl-kit|hopper-medium-replay-v2": 20.0}),
    3: moved({"offlinerl-kit|hopper-medium-replay-v2": 20.0}),
    4: moved({"offlinerl-kit|halfcheetah-medium-replay-v2": 60.0}),
    5: moved({"harness-orl|antmaze-umaze-v0": 8.0}),
    6: moved({"harness-orl|antmaze-large-diverse-v0": 8.0}),
    7: with_rows("mean", 3.0, source="jsrl-paper", method="iql", task="antmaze-umaze-diverse-v0"),
    8: with_rows(
        "mean", 150.0, source="nnabla-rl", method="iql", task="hopper-medium-v2",
        kind="max_of_mean_curve",
    ),
    9: other_seeds(),
    10: with_rows("mean", 1.0, source="corl", method="cql", task="antmaze-large-play-v2"),
}  # fmt: skip


@pytest.mark.parametrize("number", CHANGES)
def test_a_sentence_changes_with_its_numbers(number: int) -> None:
    assert len(sentences.SENTENCES) == len(CHANGES) == 10
    sentence = sentences.SENTENCES[number - 1]
    assert sentence(analysis()) != sentence(analysed(CHANGES[number]))


@pytest.mark.parametrize("of", [record(), CHANGES[1]], ids=["as it is", "changed"])
def test_the_counts_are_those_of_the_cells(of: Record) -> None:
    found = analysed(of)
    verdicts = [e.verdict for e in found.iql]
    text = sentences.verdicts(found)
    assert f"{verdicts.count(WITHIN_5)} reproduce within 5 points" in text
    assert f"{verdicts.count(WITHIN_10)} more within 10" in text
    assert f"{verdicts.count(NOISY)} are too noisy to say" in text


def test_the_authors_code_is_compared_with_the_same_cells() -> None:
    rows = record().scores
    rows = rows[(rows["source"] == "harness-orl") & (rows["method"] == "iql")]
    tasks = [e.cell.task for e in analysis().iql]
    mine = rows.set_index("task").loc[tasks, "mean"]
    assert f"totals {mine.sum():,.1f} over 15 datasets" in sentences.authors_code(analysis())
    assert "the paper has 1,070.6" in sentences.authors_code(analysis())  # rows, 0.2 above print


def test_the_recipe_ratios_are_those_of_corl() -> None:
    ratios = sentences.recipe_ratios(analysis())
    assert ratios == pytest.approx([72.25 / 41.25, 65.25 / 64.25], rel=1e-3)


def test_the_answer_counts_what_is_refuted() -> None:
    assert "none is refuted" in sentences.answer(analysis())
    cells = {f"{source}|walker2d-medium-v2": 20.0 + i for i, source in enumerate(ALL)}
    cells |= {f"{source}|walker2d-medium-v2": 26.0 for source in ("jax-corl", "robomimic")}
    other = analysed(moved(cells))
    assert "one is refuted" in sentences.answer(other)
    assert "1 of all 15 is refuted" in sentences.short(other)


def test_the_readmes_third_line_is_the_answer() -> None:
    text = " ".join(page("README.md").split())
    line = sentences.short(analysis())
    title, _, rest = text.partition("In others’")
    assert f"In others’{rest}".startswith(line)
    assert title.count("#") == 1


def test_the_results_page_is_the_page_to_quote() -> None:
    quoted = citing.page(analysis())
    text = (ROOT / "docs/results/record.md").read_text()
    assert " ".join(quoted.split()) in " ".join(text.split())


def test_the_page_counts_the_alternatives() -> None:
    assert len(ALTERNATIVES) - 1 == 17
    assert "seventeen other choices of estimator and assumption" in page("docs/results/record.md")


def test_the_docs_count_the_record_right() -> None:
    own = record().scores["source"].str.startswith("own-")
    scores = record().scores[~own]
    text = page("docs/record.md")
    files = len(scores) - 300  # those of config/published/corl.csv
    assert f"| {files:,} |" in text
    assert f"make {len(scores):,} scores in all" in text
    for frame in (record().seeds, record().curves):
        rows = frame[~frame["source"].str.startswith("own-")]
        assert f"| {len(rows):,} |" in text
