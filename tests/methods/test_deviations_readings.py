"""docs/deviations.md: what it says of readings of the data, and the numbers that it calls ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from helpers.d4rl_files import ACT, FLAGS, OBS, Arrays, arrays, qlearning_dataset, write
from helpers.deviations_page import COMMON, LINES, Line, actual
from helpers.golden.iql import CASES as IQL_CASES
from helpers.golden.record import Record
from helpers.paths import ROOT

from baselines import awac, bc10, onestep, ppo
from bench.config.types import Online
from bench.data import convert
from bench.data.d4rl_reading import as_d4rl
from bench.data.hdf5 import read
from bench.data.minari_episodes import flatten
from bench.data.transitions import Transitions
from bench.learning.learner import EPSILON
from bench.learning.networks import GaussianPolicy
from bench.learning.replay import ACTION_LIMIT
from bench.learning.scalers import STD_FLOOR, RewardScaler
from bench.learning.squashed_gaussian import Scalar
from bench.learning.streams import Streams


class Readings(NamedTuple):
    """One file of four episodes: terminal, timeout, terminal, and an unfinished end."""

    content: Arrays
    full: Transitions
    d4rl: Transitions


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> Readings:
    content = arrays(*FLAGS)
    rows = read(write(tmp_path_factory.mktemp("file") / "x.hdf5", content))
    stored = list(convert.episodes(rows))
    full = flatten(stored, "here", OBS, ACT)
    truncated = np.array([e.truncations[-1] for e in stored])
    left_out = np.array(convert.left_out_actions(rows)).reshape(-1, ACT)
    return Readings(content, full, as_d4rl(full, truncated, True, True, left_out))


def rows_of(r: Readings, data: Transitions) -> list[int]:
    """The rows of the file that the data hold; its observations are all different."""
    first = {o.tobytes(): row for row, o in enumerate(r.content["observations"])}
    return [first[o.tobytes()] for o in data.observations]


# --- what a line about a reading says -------------------------------------------------


def last_steps(r: Readings) -> None:
    timeouts = np.flatnonzero(r.content["timeouts"])
    full, d4rls = rows_of(r, r.full), rows_of(r, r.d4rl)
    assert set(timeouts) <= set(full)
    for row in timeouts:
        assert r.full.masks[full.index(row)] == 1
    assert d4rls == [i for i in range(len(full) - 1) if i not in timeouts]
    rewards = [row[2] for row in qlearning_dataset(r.content)]
    np.testing.assert_array_equal(r.d4rl.rewards, rewards)


def ends(r: Readings) -> None:
    flagged = r.content["terminals"] | r.content["timeouts"]
    for data in (r.full, r.d4rl):
        rows = np.array(rows_of(r, data))
        crossed = np.add.accumulate(flagged)[rows] - flagged[rows]  # flags before each row
        np.testing.assert_array_equal(np.diff(crossed) > 0, np.diff(data.episodes) > 0)
        kept = bc10.select(data, bc10.Config(fraction=0.5))
        assert set(kept.lengths()) <= set(data.lengths())


def reward_factor(r: Readings) -> None:
    """Of the best and the worst return of the trajectories that the authors' code makes."""
    sums, total = [], 0.0
    timeouts, terminals = r.content["timeouts"], r.content["terminals"]
    for i in range(len(timeouts) - 1):
        if not timeouts[i]:
            total += float(r.content["rewards"][i])
        if timeouts[i] or terminals[i]:
            sums.append(total)
            total = 0.0
    sums.append(total)
    theirs = 1000 / (max(sums) - min(sums))
    assert RewardScaler.fit("return_range", r.d4rl).scale == pytest.approx(theirs, rel=1e-6)
    assert RewardScaler.fit("return_range", r.full).scale != pytest.approx(theirs, rel=1e-4)


def next_actions(r: Readings) -> None:
    full, theirs = (onestep.columns(data, onestep.Config()) for data in (r.full, r.d4rl))
    cut = [*np.flatnonzero(r.content["timeouts"]), len(r.full) - 1]  # and the unfinished end
    unknown = np.flatnonzero(full["known"] == 0)
    assert [rows_of(r, r.full)[i] for i in unknown] == cut
    assert theirs["known"].all()
    following = [r.content["actions"][row + 1] for row in rows_of(r, r.d4rl)]
    np.testing.assert_array_equal(theirs["next_actions"], following)


def last_row(r: Readings) -> None:
    """Of a file that ends in a terminal state, which is the part up to the second terminal row."""
    end = int(np.flatnonzero(r.full.masks == 0)[-1])
    part = r.full.select(np.arange(len(r.full)) <= end)
    truncated = np.array([False, True, False])
    seen = as_d4rl(part, truncated, True, True, np.zeros((0, ACT), np.float32))
    assert rows_of(r, part)[-1] == end
    assert onestep.columns(part, onestep.Config())["known"][-1] == 1
    assert rows_of(r, seen)[-1] == end - 1


def successors(r: Readings) -> None:
    for data in (r.full, r.d4rl):
        for row, following, mask in zip(
            rows_of(r, data), data.next_observations, data.masks, strict=True
        ):
            if mask:
                np.testing.assert_array_equal(following, r.content["next_observations"][row])


CHECKS: dict[tuple[str, str], Callable[[Readings], None]] = {
    (COMMON, "Under reading `full`, the last step of a truncated"): last_steps,
    (COMMON, "Under either reading, an episode ends where"): ends,
    ("iql", "Under reading `full`, the data's best and worst return"): reward_factor,
    ("bc10", "Under either reading, no trajectory runs across"): ends,
    ("onestep", "Under reading `full`, a row that ends an episode"): next_actions,
    ("onestep", "Under reading `full`, the last row of the data"): last_row,
    ("bcq", "Under either reading, no transition that bootstraps"): successors,
}
OFFLINE_WORDS = re.compile(
    r"truncated|time limit|timeout|last row|last step|reading|across episodes"
)
ABOUT_DATA = [
    line
    for line in LINES
    if OFFLINE_WORDS.search(line.text) and line.section not in ("ppo", "sac", "ppo_iql", "sac_iql")
]


def entry(line: Line, table: dict[tuple[str, str], Any]) -> Any:
    """What a table has for the line that begins so."""
    found = [v for (section, start), v in table.items()
             if section == line.section and line.text.startswith(start)]  # fmt: skip
    assert len(found) == 1, f"write one check of: {line.text}"
    return found[0]


@pytest.mark.parametrize("line", ABOUT_DATA, ids=lambda line: f"{line.section}: {line.text[:50]}")
def test_a_line_about_the_data_names_its_reading_and_holds(line: Line, readings: Readings) -> None:
    assert re.match(r"Under (reading `full`|reading `d4rl`|either reading), ", line.text)
    entry(line, CHECKS)(readings)


def test_every_check_of_a_reading_has_its_line() -> None:
    assert len(ABOUT_DATA) == len(CHECKS)


def test_d4rls_files_are_read_as_d4rl_and_all_others_in_full() -> None:
    """As the page's introduction says."""
    tasks = pd.read_csv(ROOT / "config/tasks.tsv", sep="\t", comment="#")
    expected = np.where(tasks["recipe"] == "d4rl", "d4rl", "full")
    np.testing.assert_array_equal(tasks["reading"], expected)
    assert (tasks["reading"] == "d4rl").any()


# --- the numbers that it calls ours ---------------------------------------------------

NUMBER = re.compile(r"(?<![\w.-])-?\d[\d,.]*(?:e-?\d+)?(?![\w-])")
# Formulas, years, rewards of mazes, and what a line says that ours does not do.
NO_COUNT = re.compile(
    r"log\(1 - a\^2\)|r - 1|code of 2019|in 2019|0 and 1|without adding 1e-6|Q at most 0|"
    r"does not clamp the mean to 9|one negative number"
)


def of(method: str, scope: str | None, setting: str) -> Any:
    values = actual(method, scope, setting)
    assert all(value == values[0] for value in values)
    return values[0]


def initial_temperature() -> float:
    return float(Scalar(0.0, Streams([0], "initialisation"))().exp())


LOG_STD = GaussianPolicy([1, 1], Streams([0], "initialisation")).log_std_range
BUFFER = Online.model_fields["buffer"].default
COUNTS: dict[tuple[str, str], tuple[Any, ...]] = {
    (COMMON, "The data's actions are kept"): (1 - ACTION_LIMIT,),
    ("bc10", "The floor under the deviation"): (STD_FLOOR,),
    ("awr", "Observations are standardised by all data"): (STD_FLOOR,),
    ("awac", "On AntMaze (here the maze) the policy step"): (
        of("awac", "antmaze", "beta"),
        awac.MAX_WEIGHT,
    ),
    ("onestep", "One temperature"): (of("onestep", "locomotion", "temperature"),),
    ("onestep", "On AntMaze (here the maze)"): (of("onestep", "antmaze", "temperature"),),
    ("onestep", "Actions are clipped by"): (1 - ACTION_LIMIT,),
    ("cql", "Locomotion has the authors' weight"): (
        of("cql", "locomotion", "min_q_weight"),
        of("cql", "locomotion", "policy_learning_rate"),
    ),
    ("cql_antmaze", "The target of the gap"): (of("cql_antmaze", None, "target_gap"),),
    ("cql_antmaze", "Actions are clipped to"): (of("cql_antmaze", None, "action_limit"),),
    ("cal_ql", "The target of the gap"): (of("cal_ql", "antmaze", "target_gap"),),
    ("cal_ql", "The online buffer holds"): (BUFFER,),
    ("dt", "On the maze target and scale"): (of("dt", "pointmaze", "target_return"),),
    ("dt", "Observations are standardised with"): (STD_FLOOR,),
    ("sac", "The buffer holds"): (BUFFER,),
    ("sac_iql", "The moments of Adam begin"): (0, initial_temperature()),
    ("ppo", "The value's loss has a weight"): (Record("ppo").settings["vf_coef"],),
    ("ppo", "Policy and value have an Adam"): (ppo.Config.max_grad_norm,),
    ("ppo", "Adam divides by"): (EPSILON,),
    ("ppo", "The logarithm of the deviation"): LOG_STD,
    ("ppo_iql", "The moments of Adam begin"): (0,),
}


def ours(line: Line) -> list[float]:
    """The numbers of what a line says that ours does, which is all up to its colon."""
    what = re.sub(r"`[^`]*`", "", line.text).partition(": ")[0]
    found = NUMBER.findall(NO_COUNT.sub("", what.replace("\N{MINUS SIGN}", "-")))
    return [float(number.rstrip(",.").replace(",", "")) for number in found]


COUNTED = [line for line in LINES if ours(line)]


@pytest.mark.parametrize("line", COUNTED, ids=lambda line: f"{line.section}: {line.text[:50]}")
def test_a_number_that_is_called_ours_is_ours(line: Line) -> None:
    assert ours(line) == pytest.approx(list(entry(line, COUNTS)), rel=1e-6)


def test_every_count_has_its_line() -> None:
    assert len(COUNTED) == len(COUNTS)


def test_the_numbers_of_iqls_comparison() -> None:
    [line] = [line.text for line in LINES if line.text.startswith("None in the update")]
    updates = {Record(case.file).updates() for case in IQL_CASES}
    tolerances = {case.tolerance for case in IQL_CASES}
    assert f"{updates.pop()} recorded updates" in line
    assert f"within {tolerances.pop():.0e}".replace("e-0", "e-") in line
    assert not updates
    assert not tolerances


def test_a_wrong_line_would_be_found(readings: Readings) -> None:
    wrong = Line("iql", "From the paper's row", "The last step of a truncated episode is kept: x.")
    with pytest.raises(AssertionError):
        test_a_line_about_the_data_names_its_reading_and_holds(wrong, readings)
    with pytest.raises(AssertionError, match="one check"):
        entry(Line("sac", "", "The limit is 3: theirs is 4."), COUNTS)
    assert ours(Line("sac", "", "The limit is 3,000 of 1e-3: theirs is 4.")) == [3000, 1e-3]
    with pytest.raises(AssertionError):
        test_a_number_that_is_called_ours_is_ours(Line("sac", "", "The buffer holds 7: x."))
