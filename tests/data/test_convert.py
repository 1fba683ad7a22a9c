"""D4RL files to Minari datasets to transitions, row by row against a plain loop."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from helpers.d4rl_files import (
    ACT,
    FLAGS,
    OBS,
    Arrays,
    all_rows,
    arrays,
    next_actions,
    qlearning_dataset,
    task,
    write,
)
from helpers.http_host import source
from helpers.projects import one_sentence
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.config import d4rl_files
from bench.data import convert, fetch_d4rl, prepare
from bench.data.d4rl_reading import as_d4rl
from bench.data.hdf5 import read
from bench.data.minari_episodes import flatten
from bench.data.transitions import Transitions
from bench.errors import BenchError

URL = "http://x.invalid/gym_mujoco_v2/hopper_medium-v2.hdf5"
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))  # restored afterwards


def same_rows(data: Transitions, expected: list[tuple[Any, ...]]) -> None:
    assert len(data) == len(expected)
    for row, (observation, action, reward, following, mask) in enumerate(expected):
        np.testing.assert_array_equal(data.observations[row], observation)
        np.testing.assert_array_equal(data.actions[row], action)
        assert data.rewards[row] == reward
        np.testing.assert_array_equal(data.next_observations[row], following)
        assert data.masks[row] == mask


# --- the two readings -----------------------------------------------------------------

ROW_FLAGS = st.sampled_from([(0, 0), (0, 0), (0, 0), (1, 0), (0, 1), (1, 1)])


@settings(max_examples=150, deadline=None)
@given(
    flags=st.lists(ROW_FLAGS, min_size=1, max_size=14),
    successors=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
    column=st.booleans(),
)
def test_both_readings_agree_with_plain_loops(
    flags: list[tuple[int, int]], successors: bool, dtype: str, column: bool
) -> None:
    content = arrays([f[0] for f in flags], [f[1] for f in flags], successors, dtype)
    changes: Arrays = {}
    if column:  # as AntMaze's relabelled files: floats, and rewards of shape (N, 1)
        changes = {k: content[k].astype(np.float32) for k in ("terminals", "timeouts")}
        changes["rewards"] = content["rewards"][:, None]
    with tempfile.TemporaryDirectory() as folder:
        rows = read(write(Path(folder, "x.hdf5"), content, **changes))
    expected = all_rows(content)
    stored = list(convert.episodes(rows))
    if not stored:
        assert expected == qlearning_dataset(content) == []
        return
    data = flatten(stored, "here", OBS, ACT)
    same_rows(data, expected)
    truncated = np.array([e.truncations[-1] or not e.terminations[-1] for e in stored])
    left_out = np.array(convert.left_out_actions(rows), np.float32).reshape(-1, ACT)
    seen = as_d4rl(data, truncated, rows.last is not None, not rows.left_out[-1], left_out)
    same_rows(seen, qlearning_dataset(content))
    assert seen.next_actions is not None
    for action, mask, expected in zip(
        seen.next_actions, seen.masks, next_actions(content), strict=True
    ):
        assert mask == 0 or np.array_equal(action, expected)  # after a terminal row it is not used


@pytest.mark.parametrize("successors", [True, False])
def test_through_a_minari_dataset_on_disk(successors: bool) -> None:
    content = arrays(*FLAGS, successors, "float64")
    write(Path("mine.hdf5"), content)
    convert.convert(task(), Path("minari"))
    for reading, expected in (("full", all_rows), ("d4rl", qlearning_dataset)):
        folder = prepare.prepare(task(reading=reading), Path("minari"))
        assert str(folder) == f"data/transitions/{task(reading=reading).transitions}"
        data = Transitions.load(folder)
        same_rows(data, expected(content))
        card = json.loads((folder / "card.json").read_text())
        assert card["reading"] == reading
        assert card["collection"]["source"] == "mine.hdf5"
        assert len(card["collection"]["source_sha256"]) == 64
        assert card["reward_sum"] == pytest.approx(sum(r[2] for r in expected(content)), abs=1e-5)
        rules = {f["rule"]: f["finding"] for f in card["audit"]}
        total = f"{content['rewards'].astype(np.float32).sum(dtype=np.float64):.9g}, "
        assert rules["reward sum of the source, of the dataset"].startswith(total)
        dropped = rules.get("rows dropped by D4RL's reading", f"0 of {len(all_rows(content))},")
        assert dropped.startswith(f"{len(all_rows(content)) - len(data)} of ")


def test_a_dataset_without_the_actions_of_rows_left_out_is_refused() -> None:
    """One that was converted before they were kept; the reading `full` needs none."""
    write(Path("mine.hdf5"), arrays(*FLAGS, successors=False))
    convert.convert(task(), Path("minari"))
    path = Path("minari/mine/hopper/first-v0/data/metadata.json")
    content = json.loads(path.read_text())
    assert len(content.pop("left_out_actions")) == 2
    path.write_text(json.dumps(content))
    prepare.prepare(task(), Path("minari"))
    with pytest.raises(BenchError, match=r"0 left_out_actions but 2 .* convert it again"):
        prepare.prepare(task(reading="d4rl"), Path("minari"))


def test_the_dataset_is_a_minari_dataset_with_scores_and_environment() -> None:
    content = arrays(*FLAGS)
    write(Path("mine.hdf5"), content)
    convert.convert(task(), Path("minari"))
    stored = transitions_of("minari")
    assert stored.total_steps == 10
    assert [len(e.rewards) for e in stored.iterate_episodes()] == [3, 2, 3, 2]
    assert all(len(e.observations) == len(e.rewards) + 1 for e in stored.iterate_episodes())
    ends = [(e.terminations[-1], e.truncations[-1]) for e in stored.iterate_episodes()]
    assert ends == [(True, False), (False, True), (True, False), (False, True)]
    score = minari.get_normalized_score(stored, np.array([30.0]))
    np.testing.assert_allclose(score, [0.5])
    assert stored.recover_environment(eval_env=True).spec.id == "Hopper-v4"
    assert stored.storage.metadata["source_verified"] is False


def transitions_of(root: str) -> minari.MinariDataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(Path(root).resolve()))
        return minari.load_dataset("mine/hopper/first-v0")


def test_converting_again_replaces_the_dataset() -> None:
    for n in (4, 6):
        write(Path("mine.hdf5"), arrays([0] * n, [0] * (n - 1) + [1]))
        convert.convert(task(), Path("minari"))
        assert transitions_of("minari").total_steps == n


def test_a_dataset_whose_rewards_changed_is_refused() -> None:
    write(Path("mine.hdf5"), arrays(*FLAGS))
    convert.convert(task(), Path("minari"))
    path = Path("minari/mine/hopper/first-v0/data/metadata.json")
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"source_reward_sum": content["source_reward_sum"] + 0.1}))
    with pytest.raises(BenchError, match=r"rewards: their sum is .* convert it again"):
        prepare.prepare(task(), Path("minari"))


# --- audit ----------------------------------------------------------------------------


def findings(content: Arrays, **changes: Any) -> dict[str, tuple[str, str]]:
    path = write(Path("x.hdf5"), content, **changes)
    return {f["rule"]: (f["finding"], f["verdict"]) for f in convert.audit(read(path), path)}


def test_a_clean_file_has_nothing_to_report() -> None:
    found = findings(arrays(*FLAGS))
    assert {verdict for _, verdict in found.values()} == {"ok"}
    assert found["jumps without an end flag"] == ("0, by next_observations", "ok")


def test_a_jump_is_refused_with_its_row() -> None:
    content = arrays(*FLAGS)
    content["next_observations"][5] += 1e-3
    path = write(Path("x.hdf5"), content)
    with pytest.raises(BenchError) as caught:
        convert.audit(read(path), path)
    text = one_sentence(caught.value)
    assert "x.hdf5: row 6 does not follow from the row before" in text
    assert "one of 1, by next_observations" in text
    found = convert.audit(read(path), path, source(URL, jumps="reported"))
    assert found[0] == {
        "rule": "jumps without an end flag",
        "finding": "1, by next_observations",
        "verdict": "reported",
    }


def antmaze_like(n: int = 300) -> tuple[Arrays, np.ndarray]:
    """No next_observations; an ant that moves by 0.1 a row and is put back at 100 and 200."""
    timeouts = [int(i in (99, 199)) for i in range(n)]
    content = arrays([0] * n, timeouts, successors=False)
    position = np.stack([0.1 * (np.arange(n) % 100), np.zeros(n)], axis=1)
    return content, position


def test_without_next_observations_jumps_are_seen_in_the_position() -> None:
    content, position = antmaze_like()
    assert findings(content)["jumps without an end flag"][1] == "reported"  # it cannot be checked
    found = findings(content, infos__qpos=position)
    assert found["jumps without an end flag"] == ("0, by infos/qpos", "ok")
    shifted = np.roll(content["timeouts"], 3)  # out of step, as in antmaze-v0
    path = write(Path("x.hdf5"), content, timeouts=shifted, infos__qpos=position)
    with pytest.raises(BenchError, match=r"row 100 does not follow .*one of 2, by infos/qpos"):
        convert.audit(read(path), path)
    found = {
        f["rule"]: f["finding"]
        for f in convert.audit(read(path), path, source(URL, jumps="reported"))
    }
    assert found["jumps without an end flag"] == "2, by infos/qpos"


def test_terminal_rows_inside_a_trajectory_are_counted() -> None:
    content, position = antmaze_like()
    content["terminals"][[40, 41, 42, 199]] = True  # three on the way, one at an end
    content["terminals"][60] = content["timeouts"][60] = True  # a cut
    found = findings(content, infos__qpos=position)
    assert found["terminal rows inside a trajectory"] == ("3, by infos/qpos", "reported")
    assert found["rows flagged terminal and timeout"] == ("2", "reported")
    content = arrays([0, 1, 0, 1, 0], [0] * 5)
    content["next_observations"][1] = content["observations"][2]
    found = findings(content)
    assert found["terminal rows inside a trajectory"] == ("1, by next_observations", "reported")


def test_left_out_rows_and_false_successors_are_counted() -> None:
    content = arrays(*FLAGS, successors=False)
    lost = content["rewards"][[4, 9]].sum(dtype=np.float64)
    total = content["rewards"].sum(dtype=np.float64)
    text = f"2 of 10, reward sum {lost:.6g} of {total:.6g}"
    assert findings(content)["rows left out for want of a successor"] == (text, "reported")
    content = arrays(*FLAGS)
    content["next_observations"][4] = content["observations"][5]
    rule = "timeouts whose recorded successor is the next row's observation"
    assert findings(content)[rule] == ("1 of 1", "reported")


def test_published_counts_are_compared_and_a_wrong_number_of_episodes_refused() -> None:
    content = arrays(*FLAGS)
    path = write(Path("x.hdf5"), content)
    known = {"segments": 4, "rows": 10, "complete_rows": 8, "qlearning_rows": 8}
    mean = float(content["rewards"][:8].sum(dtype=np.float64)) / 3
    row = source(URL, **known, rows_status="derived", return_mean=round(mean, 2))
    found = {f["rule"]: f for f in convert.compare(read(path), path, row)}
    assert {f["verdict"] for f in found.values()} == {"ok"}
    assert found["rows in the source"]["finding"] == "10; expected 10 (derived)"
    assert found["rows of D4RL's reading in the source"]["finding"].startswith("8; expected 8")
    assert len(qlearning_dataset(content)) == 8
    wrong = source(URL, **known | {"rows": 11, "qlearning_rows": 9}, return_mean=mean + 1)
    verdicts = [f["verdict"] for f in convert.compare(read(path), path, wrong)]
    assert verdicts == ["ok", "reported", "ok", "reported", "reported"]
    with pytest.raises(BenchError, match=r"4 parts between .* has 5; fetch it again"):
        convert.compare(read(path), path, source(URL, segments=5))


# --- D4RL's own files -----------------------------------------------------------------


def test_a_fetched_file_is_verified_before_it_is_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(Path("data/d4rl/hopper_medium-v2.hdf5"), arrays(*FLAGS))
    facts = {"bytes": path.stat().st_size, "sha256": fetch_d4rl.sha256(path), "segments": 4}
    row = source(URL, **facts)
    monkeypatch.setattr(d4rl_files, "read_sources", lambda: {row.dataset: row})
    of_d4rl = task("d4rl", dataset="d4rl/hopper/medium-v2", reading="d4rl")
    convert.convert(of_d4rl, Path("minari"))
    folder = prepare.prepare(of_d4rl, Path("minari"))
    card = json.loads((folder / "card.json").read_text())
    assert card["collection"]["source_verified"] is True
    assert card["collection"]["source_environment"] == "gym HopperEnv (v2)"
    assert card["audit"][0]["rule"] == "sha256 of the source"
    same_rows(Transitions.load(folder), qlearning_dataset(arrays(*FLAGS)))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(
        BenchError, match=r"does not have the sha256 of hopper-medium-v2; delete it"
    ):
        convert.convert(of_d4rl, Path("minari"))
