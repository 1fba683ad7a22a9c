"""The chance of each verdict beforehand, and the seeds that would probably decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers.claims import CATALOGUE, FINETUNE, LARGE, LOCAL, PAPER, Cell, assess, scattered
from scipy import stats

from bench.claims import chances, forecast, reported
from bench.claims.ledger import read
from bench.claims.needed import Open, in_words, seeds_needed
from bench.claims.truth import OFFLINE, Draws, known, rates
from bench.statistics.inference import Sample, contrast

LEDGER = read(CATALOGUE)
WORDS = {1: "reproduced", -1: "not reproduced", 0: "inconclusive"}


@pytest.mark.parametrize(
    "claim",
    ["antmaze-large-twice-cql", "antmaze-total-equal", "antmaze-imitation-fails",
     "antmaze-replicated", "locomotion-beats-cloning", "locomotion-competitive"],
)  # fmt: skip
def test_drawn_experiments_are_judged_as_results_would_be(claim: str) -> None:
    """The same scores, given as results of the suite, get the same verdict."""
    entry = next(c for c in LEDGER.claims if c.id == claim)
    draws = Draws(PAPER, CATALOGUE, 2, np.random.default_rng(5))
    found = chances.judged(entry, LEDGER, draws)
    assert found is not None
    methods = (*entry.methods, *entry.against)
    for experiment, verdict in enumerate(found):
        cells: dict[Cell, np.ndarray] = {}
        for task in LEDGER.tasks_of(entry):
            for method in methods:
                drawn = draws.scores(task, method, OFFLINE)
                assert drawn is not None
                cells[task, method] = drawn[experiment]
        given = entry.model_dump(include={"methods", "against", "quantity", "each_task", "factor"})
        tasks = LEDGER.tasks_of(entry)
        result = assess(cells=cells, test=entry.test, tasks=tasks, **given)
        assert result["verdict"] == WORDS[int(verdict)]


def test_intervals_of_many_experiments_are_those_of_one() -> None:
    sums = np.random.default_rng(0).normal(300, 20, (3, 10))
    fixed = [(-1.0, Sample(40.0, 6.0, 10, ours=False)), (-1.0, Sample(50.0, 9.0, 10, ours=False))]
    inner, outer = chances.intervals(sums, fixed, 0.99)
    for row, low, high in zip(sums, *inner, strict=True):
        one = contrast([(1.0, Sample.of(row)), *fixed])
        assert (low, high) == pytest.approx(one.interval())
    assert (outer[0] < inner[0]).all()


def test_claims_under_the_papers_truth_can_be_decided() -> None:
    """No claim of the paper's tables is one that could only stay open."""
    found = chances.chances(PAPER, LEDGER, CATALOGUE)
    assert list(found) == [c.id for c in LEDGER.claims if getattr(c, "protocol", "") == "paper"]
    for chance in found.values():
        assert chance is not None
        assert chance.reproduced > 0.5
        assert chance.not_reproduced < 0.025
        assert 0 <= chance.low <= chance.high <= 1
    twice = found["antmaze-large-twice-cql"]
    assert twice is not None
    assert twice.reproduced == pytest.approx(0.6, abs=0.06)
    assert twice.high - twice.low > 0.5  # its truth rests on few seeds
    same = found["antmaze-replicated"]
    assert same is not None
    assert same.reproduced > 0.975


def test_chances_are_equal_at_every_call() -> None:
    first, second = (chances.chances(FINETUNE, LEDGER, CATALOGUE) for _ in range(2))
    assert first == second
    assert first["from-scratch-never-90"] is None


def test_drawn_rates_have_the_published_mean_and_spread() -> None:
    drawn = rates(np.random.default_rng(0), 0.4, 0.1, 100, (400, 50))
    assert drawn.mean() == pytest.approx(40, abs=0.5)
    assert drawn.std() == pytest.approx(10, abs=0.3)
    assert not rates(np.random.default_rng(0), 0.0, 0.1, 100, (4, 5)).any()


def test_spreads_are_the_papers_then_corls_then_assumed() -> None:
    play = LARGE[0]
    assert known(play, "iql", OFFLINE) == reported.paper()[play, "iql"].__class__(39.6, 5.8, 10)
    cql = known(play, "cql", OFFLINE)
    assert cql is not None
    assert (cql.mean, cql.count) == (15.8, 4)
    assert cql.std == reported.corl()["antmaze-large-play-v2", "cql"].std
    onestep = known(play, "onestep", OFFLINE)
    assert onestep is not None
    assert (onestep.mean, onestep.std) == (0.0, 5.8)
    assert known(play, "awr", OFFLINE) is None


def test_the_plan_prints_them() -> None:
    text = "\n".join(forecast.lines(PAPER, LEDGER, CATALOGUE))
    assert "Claims: chance of each verdict with 10 seeds" in text
    assert "antmaze-large-twice-cql" in text
    assert "at most 0.35 wrong verdicts are expected over 14 claims" in text
    (line,) = forecast.lines(LOCAL, LEDGER, CATALOGUE)
    assert line.startswith("Claims: none")


# --- seeds ------------------------------------------------------------------------------


def power(part: Open, seeds: int) -> float:
    """Simulated chance that a claim with this part is decided, if what is measured is the truth."""
    rng = np.random.default_rng(1)
    spread = part.own * np.sqrt(part.seeds)
    scores = part.value + spread * rng.standard_normal((4000, seeds))
    half = stats.t.ppf(0.975, seeds - 1) * scores.std(axis=1, ddof=1) / np.sqrt(seeds)
    mean = scores.mean(axis=1)
    return float(((mean - half > part.low) | (mean + half < part.low)).mean())


def test_seeds_needed_are_those_of_simulations() -> None:
    many = Open(3.0, 10 / np.sqrt(1000), 0.0, 1000, 0.0, float("inf"))  # well known
    low, middle, high = seeds_needed([many], 1)
    assert low is not None
    assert middle is not None
    assert high is not None
    assert middle == pytest.approx(89, abs=12)
    assert power(many, middle) == pytest.approx(0.8, abs=0.06)
    assert low <= middle <= high < 2.2 * middle


def test_three_seeds_leave_their_number_uncertain() -> None:
    few = Open(3.0, 10 / np.sqrt(3), 0.0, 3, 0.0, float("inf"))
    low, middle, high = seeds_needed([few], 1)
    assert low is not None
    assert high is None
    assert "from" in in_words((low, middle, high), "seeds")
    assert "more than 1,000" in in_words((low, middle, high), "seeds")


def test_more_parts_need_more_seeds() -> None:
    part = Open(3.0, 1.0, 0.0, 50, 0.0, float("inf"))
    one, seven = (seeds_needed([part] * n, n)[1] for n in (1, 7))
    assert one is not None
    assert seven is not None
    assert seven > one


def test_published_errors_do_not_shrink_with_our_seeds() -> None:
    part: Any = {"value": 0.0, "own": 1.0, "seeds": 20, "low": -5.0, "high": 5.0}
    known_well = seeds_needed([Open(fixed=0.0, **part)], 1)
    badly = seeds_needed([Open(fixed=4.0, **part)], 1)
    assert known_well[1] is not None
    assert badly[1] is None


def test_the_numbers_of_an_open_claim_are_joint() -> None:
    tasks = list(LARGE)
    cells = {(t, m): scattered(20.0, 8, at=i) for i, t in enumerate(tasks) for m in ("iql",)}
    cells |= {(t, "cql"): scattered(17.0, 8, at=7 + i) for i, t in enumerate(tasks)}
    each = assess(cells=cells, each_task=True)
    assert each["verdict"] == "inconclusive"
    alone = assess(cells=cells, tasks=tasks[:1])
    assert each["needed"][1] >= alone["needed"][1]
