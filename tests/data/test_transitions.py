"""Transitions: flattening, refusals, episode arithmetic, card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers.flat_data import ARRAYS, episode, flat, two_episodes
from hypothesis import given
from hypothesis import strategies as st

from bench.data.prepare import audit, card, write
from bench.data.transitions import Transitions, check_card, content_hash
from bench.errors import BenchError
from bench.paths import CARD


def refusal(episodes: list[Any]) -> str:
    with pytest.raises(BenchError) as caught:
        flat(episodes)
    return str(caught.value)


# --- flatten --------------------------------------------------------------------------


def test_flatten_by_hand() -> None:
    data = flat()
    assert len(data) == 5
    np.testing.assert_array_equal(data.observations, [[0, 1], [2, 3], [4, 5], [10, 11], [12, 13]])
    np.testing.assert_array_equal(
        data.next_observations, [[2, 3], [4, 5], [6, 7], [12, 13], [14, 15]]
    )
    np.testing.assert_allclose(data.actions, np.array([[0.1], [0.2], [0.3], [-0.4], [-0.5]]))
    np.testing.assert_array_equal(data.rewards, [1, 2, 3, -4, 0.5])
    np.testing.assert_array_equal(data.masks, [1, 1, 0, 1, 1])  # a truncation still bootstraps
    np.testing.assert_array_equal(data.episodes, [0, 0, 0, 1, 1])
    kinds = {name: getattr(data, name).dtype for name in ARRAYS}
    assert kinds.pop("episodes") == np.int32
    assert set(kinds.values()) == {np.dtype(np.float32)}


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=6))
def test_flatten_agrees_with_a_plain_loop(shape: list[tuple[int, bool]]) -> None:
    rng = np.random.default_rng(0)
    episodes = [
        episode(rng.normal(size=(n + 1, 2)), rng.uniform(-1, 1, (n, 1)), rng.normal(size=n), end)
        for n, end in shape
    ]
    data = flat(episodes)
    row = 0
    for number, (e, (steps, terminated)) in enumerate(zip(episodes, shape, strict=True)):
        for t in range(steps):
            assert data.episodes[row] == number
            assert data.rewards[row] == np.float32(e.rewards[t])
            assert (data.observations[row] == e.observations[t].astype(np.float32)).all()
            assert (data.next_observations[row] == e.observations[t + 1].astype(np.float32)).all()
            assert (data.actions[row] == e.actions[t]).all()
            assert data.masks[row] == (0.0 if terminated and t == steps - 1 else 1.0)
            row += 1
    assert row == len(data)


def spoiled(field: str, value: Any) -> list[SimpleNamespace]:
    """`two_episodes`, the second with another `field`."""
    first, second = two_episodes()
    setattr(second, field, value)
    return [first, second]


def with_value(field: str, row: int, value: float) -> list[SimpleNamespace]:
    array = getattr(two_episodes()[1], field).copy()
    array[row] = value
    return spoiled(field, array)


@pytest.mark.parametrize(
    ("episodes", "expected"),
    [
        (spoiled("observations", np.zeros((2, 2))), ["observations", "(2, 2)", "(3, 2)", "T + 1"]),
        (spoiled("observations", np.zeros((4, 2))), ["observations", "(4, 2)", "(3, 2)"]),
        (spoiled("observations", np.zeros((3, 3))), ["observations", "(3, 3)", "(3, 2)"]),
        (spoiled("observations", {"achieved_goal": np.zeros((3, 2))}), ["observations", "dict"]),
        (spoiled("actions", np.zeros((2, 4))), ["actions", "(2, 4)", "(2, 1)"]),
        (spoiled("actions", np.zeros((3, 1))), ["actions", "(3, 1)", "(2, 1)"]),
        (spoiled("rewards", np.zeros((2, 1))), ["rewards", "(2, 1)", "(2,)"]),
        (with_value("observations", 2, np.nan), ["observations", "non-finite", "step 2"]),
        (with_value("actions", 1, np.inf), ["actions", "non-finite", "step 1"]),
        (with_value("rewards", 0, -np.inf), ["rewards", "non-finite", "step 0"]),
        (with_value("observations", 1, 1e300), ["observations", "non-finite", "step 1"]),
        (with_value("terminations", 0, True), ["terminations", "before the last step"]),
        (spoiled("terminations", np.array([False])), ["terminations", "(1,)", "(2,)"]),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_bad_episode_is_refused_by_number(
    episodes: list[SimpleNamespace], expected: list[str]
) -> None:
    text = refusal(episodes)
    assert "\n" not in text
    assert text.startswith("here, episode 1, ")
    for part in expected:
        assert part in text


def test_an_empty_dataset_is_refused() -> None:
    assert "no episode" in refusal([])


def test_episodes_without_a_step_are_refused() -> None:
    empty = SimpleNamespace(
        observations=np.zeros((1, 2)),
        actions=np.zeros((0, 1)),
        rewards=np.zeros(0),
        terminations=np.zeros(0, dtype=bool),
        truncations=np.zeros(0, dtype=bool),
    )
    assert "here" in refusal([empty])


# --- audit ----------------------------------------------------------------------------


def findings(data: Transitions, low: float = -1.0, high: float = 1.0) -> dict[str, tuple[str, str]]:
    rows = audit(data, "here", np.full(1, low), np.full(1, high))
    return {row["rule"]: (row["finding"], row["verdict"]) for row in rows}


@pytest.mark.parametrize("bounds", [(-0.45, 1.0), (-1.0, 0.25)])
def test_actions_outside_the_bounds_are_refused(bounds: tuple[float, float]) -> None:
    row = 4 if bounds[0] > -1 else 2  # the action -0.5, or 0.3
    with pytest.raises(BenchError, match=rf"^here, actions: row {row} has .* outside .*; rescale"):
        findings(flat(), *bounds)


def test_audit_counts_by_hand() -> None:
    clean = findings(flat())
    assert clean["action components on a bound"] == ("0.00%", "ok")
    assert clean["jumps between consecutive rows of an episode"] == ("0", "ok")
    assert clean["episodes that begin alike"] == ("0", "ok")

    first, second = two_episodes()
    again = episode([[0, 1], [9, 9]], [[0.1]], [0])  # begins like the first
    data = flat([first, second, again])
    following = data.next_observations.copy()
    following[0] += 1.0  # a jump inside an episode
    following[2] += 1.0  # at an episode's end there is nothing to compare with
    actions = data.actions.copy()
    actions[[3, 4]] = [[1.0], [-1.0]]
    dirty = findings(replace(data, next_observations=following, actions=actions))
    assert dirty["action components on a bound"] == ("33.33%", "ok")  # 2 of 6
    assert dirty["jumps between consecutive rows of an episode"] == ("1", "reported")
    assert dirty["episodes that begin alike"] == ("1", "reported")


# --- episodes -------------------------------------------------------------------------


def test_starts_lengths_and_returns_by_hand() -> None:
    data = flat()
    np.testing.assert_array_equal(data.starts(), [0, 3])
    np.testing.assert_array_equal(data.lengths(), [3, 2])
    np.testing.assert_array_equal(data.returns(), [6, -3.5])


def test_returns_are_summed_in_double_precision() -> None:
    steps = 20_000
    data = flat([episode(np.zeros((steps + 1, 2)), np.zeros((steps, 1)), [0.1] * steps)])
    exact = steps * float(np.float32(0.1))
    assert data.returns()[0] == pytest.approx(exact, rel=1e-12)


def test_select_keeps_whole_rows_and_episode_numbers() -> None:
    data = flat().select(np.array([False, True, False, True, True]))
    np.testing.assert_array_equal(data.observations, [[2, 3], [10, 11], [12, 13]])
    np.testing.assert_array_equal(data.rewards, [2, -4, 0.5])
    np.testing.assert_array_equal(data.masks, [1, 1, 1])
    np.testing.assert_array_equal(data.episodes, [0, 1, 1])
    np.testing.assert_array_equal(data.starts(), [0, 1])
    np.testing.assert_array_equal(data.returns(), [2, -3.5])
    np.testing.assert_array_equal(flat().select(np.array([0, 0, 0, 1, 1]) > 0).starts(), [0])


# --- card and files --------------------------------------------------------------------


def test_the_card_by_hand() -> None:
    content = card(flat())
    histogram = content.pop("histogram")
    assert sum(histogram["counts"]) == 2
    assert histogram["edges"][0] == -3.5
    assert histogram["edges"][-1] == 6
    assert content.pop("hash") == content_hash(flat())
    assert content == {
        "rows": 5,
        "episodes": 2,
        "observation_dim": 2,
        "action_dim": 1,
        "return": {"mean": 1.25, "std": 4.75, "min": -3.5, "median": 1.25, "max": 6.0},
        "length": {"mean": 2.5, "min": 2, "max": 3},
        "reward_sum": 2.5,
        "terminations": 1,
        "truncations": 1,
    }


def test_a_card_vouches_only_for_the_arrays_whose_hash_it_has(tmp_path: Path) -> None:
    data = flat()
    write(data, {"hash": content_hash(data)}, tmp_path / "a")
    check_card(tmp_path / "a", content_hash(Transitions.load(tmp_path / "a")))
    for text in ("{}", '{"hash": null}', '{"hash": 5}'):
        (tmp_path / "a" / CARD).write_text(text)
        with pytest.raises(BenchError, match=r"do not match card\.json; delete the folder"):
            check_card(tmp_path / "a", content_hash(data))


def spoil_header(content: bytes) -> bytes:
    return content[:20] + b"\xff" + content[21:]


@pytest.mark.parametrize(
    "spoil",
    [lambda c: c[:-4], lambda c: b"", lambda c: b"text" * 30, lambda c: c[:9], spoil_header],
)
def test_a_damaged_array_is_a_sentence(spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    write(flat(), {}, tmp_path / "a")
    path = tmp_path / "a/rewards.npy"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(BenchError, match=r"rewards\.npy: not an array .*; delete .* run again"):
        Transitions.load(tmp_path / "a")


def test_objects_and_archives_are_not_loaded(tmp_path: Path) -> None:
    write(flat(), {}, tmp_path / "a")
    for save in (np.savez, lambda file, values: np.save(file, values.astype(object))):
        with open(tmp_path / "a/rewards.npy", "wb") as file:
            save(file, flat().rewards)
        with pytest.raises(BenchError, match=r"rewards\.npy: not an array"):
            Transitions.load(tmp_path / "a")
