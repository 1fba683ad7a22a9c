"""A finished policy is scored, drawn and exported as it acted in training."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any, NoReturn

import imageio.v3 as imageio
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.paths import ROOT
from helpers.projects import one_sentence
from helpers.training_jobs import DATASET, place_data, random_data, settings

from bench.cli import policy as verbs
from bench.config.task import Task
from bench.data.transitions import content_hash
from bench.environments import vector
from bench.errors import BenchError
from bench.files import read_json, read_sealed, sealed, write_json
from bench.paths import TRANSITIONS, card_of
from bench.policies import drawing, exporting, finished, scoring
from bench.training.evaluate import reset_seeds
from bench.training.job_process import StopRequest
from bench.training.rollout import Evaluator
from bench.training.train import train

PENDULUM = "unit_pendulum:UnitPendulum-v0"
SEEDS = (0, 3, 4)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of IQL and BCQ on the pendulum, of three seeds and a few updates."""
    folder = tmp_path_factory.mktemp("policies")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("bench.training.train.prepare_process", lambda *_: None)
        patch.setattr(StopRequest, "on_signals", StopRequest)
        data = random_data()
        place_data(folder, data)
        card = {"action_dim": 1, "hash": content_hash(data)}
        write_json(card_of(DATASET), sealed(card))
        short = {"seeds": SEEDS, "updates": 10, "evaluation": {"every": 10, "episodes": 1}}
        for method, config in (("iql", {"hidden": [16, 16]}), ("bcq", {"hidden": [8]})):
            cell = settings(method=method, config=config, **short)
            train(cell, TRANSITIONS / DATASET, Path(method), "cpu", 1, 1000.0)
    return folder


@pytest.fixture(autouse=True)
def _there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def actions_of(run: Path, observations: torch.Tensor) -> torch.Tensor:
    """(B, act) of each seed: (S, B, act)."""
    found = finished.load(run)
    repeated = observations.expand(len(found.seeds), -1, -1)
    return found.actor(len(observations), "x")(repeated, torch.zeros(repeated.shape[:2]))


def test_it_acts_as_it_did_in_training() -> None:
    """The last evaluation of training, played again with its reset seeds."""
    policy = finished.load(Path("iql"))
    resets = [reset_seeds(seed, 10, 1) for seed in SEEDS]
    found = Evaluator(PENDULUM, 3, 1)(policy.actor(1, "x"), resets, SEEDS)
    trained = pd.read_csv("iql/evaluations.csv")
    np.testing.assert_array_equal(found.returns[:, 0], trained["return"])


def test_one_seed_of_a_block_acts_as_in_the_block() -> None:
    seen = torch.randn(5, 4)
    block = actions_of(Path("iql"), seen)
    alone = finished.load(Path("iql"), 3).actor(5, "x")(seen[None], torch.zeros(1, 5))
    torch.testing.assert_close(alone[0], block[1])
    with pytest.raises(BenchError, match=r"seed 1 is not one of \(0, 3, 4\)"):
        finished.load(Path("iql"), 1)


def test_networks_of_another_shape_are_refused(tmp_path: Path) -> None:
    record = read_json(Path("iql/run.json"))
    record["settings"]["config"]["hidden"] = [8, 8]
    (tmp_path / "policy.safetensors").write_bytes(Path("iql/policy.safetensors").read_bytes())
    write_json(tmp_path / "run.json", record)
    with pytest.raises(BenchError, match="do not fit the current code"):
        finished.load(tmp_path)


def missing(*_: Any, **__: Any) -> NoReturn:
    """What a package does that imports another, which is not installed."""
    raise ImportError


# --- score ----------------------------------------------------------------------------


def test_more_episodes_begin_with_the_same_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "AT_ONCE", 2)
    policy = finished.load(Path("iql"))
    three = scoring.score(policy, PENDULUM, 3)
    five = scoring.score(policy, PENDULUM, 5)
    assert five["seed"].tolist() == [0] * 5 + [3] * 5 + [4] * 5
    pd.testing.assert_frame_equal(five[five["episode"] < 3].reset_index(drop=True), three)
    assert five["return"].nunique() > 3


def test_the_interval_is_that_of_the_reports() -> None:
    rows = pd.DataFrame({"seed": [0, 0, 1, 1, 2, 2], "return": [1.0, 3, 2, 4, 6, 8]})
    # Means of 2, 3 and 7: 4 plus or minus t(2) times 2.6458 / sqrt(3).
    said = scoring.summary(rows, None)
    assert said == "return 4.00, 3 seeds of 2 episodes, 95% interval -2.57 to 10.57"
    row = Task.model_validate(
        settings().task.model_dump()
        | {"ref_min_score": 0, "ref_max_score": 8, "bounded": False, "source": "a test"}
    )
    assert scoring.summary(rows, row).startswith("score 50.00")
    assert scoring.summary(rows[rows["seed"] < 2], row).endswith("no interval below three seeds")
    rates = row.model_copy(update={"bounded": True})  # a success rate is never above 100
    low, high = map(float, re.findall(r"interval (\S+) to (\S+)", scoring.summary(rows, rates))[0])
    assert 0 <= low < 50 < high <= 100


def test_the_verb_writes_an_episode_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    verbs.score(Path("iql"), episodes=2, env_id=PENDULUM)
    rows = pd.read_csv("iql/score.csv")
    assert rows.columns.tolist() == scoring.COLUMNS
    assert len(rows) == 6
    assert f"iql on {PENDULUM}: return " in capsys.readouterr().out
    with pytest.raises(BenchError, match=r"numbers, but the policy in iql has \(4, 1\)"):
        verbs.score(Path("iql"), env_id="Hopper-v4")


# --- export ---------------------------------------------------------------------------


def test_the_documented_lines_and_the_export_act_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of Python of the page, one after another, in the folder of a run."""
    verbs.export(Path("iql"))
    observations = torch.randn(7, 4)
    expected = actions_of(Path("iql"), observations)[0].clamp(-1, 1)
    text = (ROOT / "docs/finished-policy.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 2
    monkeypatch.chdir("iql")
    for block in blocks:
        Path("block.py").write_text(block)
        given = {"observations": observations, "torch": torch}
        names = runpy.run_path("block.py", init_globals=given)
        torch.testing.assert_close(names["actions"], expected)


def test_an_export_acts_in_the_environments_own_units() -> None:
    card = card_of(DATASET)
    before = read_sealed(card)
    seen = torch.randn(3, 4)
    unit = exporting.module_of(finished.load(Path("iql"), 3))(seen)
    write_json(card, sealed({**before, "actions": {"low": [0.0], "high": [10.0]}}))
    verbs.export(Path("iql"), seed=3, out=Path("wide.pt"))
    write_json(card, sealed(before))
    torch.testing.assert_close(torch.jit.load("wide.pt")(seen), 5 * (unit + 1))


def test_onnx_acts_as_torchscript_does() -> None:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    for name in ("x.onnx", "x.pt"):
        verbs.export(Path("iql"), out=Path(name))
    assert not Path("x.onnx.data").exists()  # one file, which can be moved
    session, module = runtime.InferenceSession("x.onnx"), torch.jit.load("x.pt")
    for batch in (1, 2, 50):
        seen = 3 * torch.randn(batch, 4)
        [actions] = session.run(["actions"], {"observations": seen.numpy()})
        np.testing.assert_allclose(actions, module(seen).numpy(), atol=1e-5)


def test_an_mp4_is_written_where_ffmpeg_is() -> None:
    pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    pictures = [np.full((drawing.HEIGHT, drawing.WIDTH, 3), 40 * n, np.uint8) for n in range(5)]
    drawing.write_moving(pictures, Path("x.mp4"))
    assert imageio.imread("x.mp4").shape == np.stack(pictures).shape


def test_what_cannot_be_exported_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchError, match="bcq acts with randomness or memory"):
        verbs.export(Path("bcq"))
    with pytest.raises(BenchError, match=r"neither a \.pt"):
        verbs.export(Path("iql"), out=Path("x.bin"))
    monkeypatch.setattr(torch.onnx, "export", missing)
    with pytest.raises(BenchError, match=r"ONNX needs `pip install onnx onnxscript`"):
        verbs.export(Path("iql"), out=Path("x.onnx"))


# --- render ---------------------------------------------------------------------------


def test_an_episode_is_drawn_where_something_draws(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        drawing.backend()
    except BenchError as error:
        pytest.skip(one_sentence(error))
    verbs.render(Path("iql"), seed=3, count=3, env_id=PENDULUM, moving=Path("x.gif"))
    strip = imageio.imread("iql/episode.png")
    assert strip.shape[:2] == (drawing.HEIGHT, 3 * drawing.WIDTH)
    first, _, last = np.split(strip, 3, axis=1)
    assert (first != last).any()
    assert len(imageio.imread("x.gif", index=None)) > 2
    rows = scoring.score(finished.load(Path("iql"), 3), PENDULUM, 1)
    said = f"{rows['length'][0]} steps, return {rows['return'][0]:.2f}"
    assert said in capsys.readouterr().out
    with pytest.raises(BenchError, match="unknown task 'pendulum'"):
        verbs.render(Path("iql"))  # the module that a record names is not imported
    monkeypatch.setattr(drawing.imageio, "imwrite", missing)
    with pytest.raises(BenchError, match=r"needs `pip install imageio-ffmpeg`"):
        drawing.write_moving([first, last], Path("x.mp4"))


def test_without_a_renderer_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "disable")
    monkeypatch.setenv("PYOPENGL_PLATFORM", "egl")
    monkeypatch.setattr(drawing, "BACKENDS", ("absent_one", "absent_two"))
    with pytest.raises(BenchError) as caught:
        drawing.backend()
    said = one_sentence(caught.value)
    assert "apt install libegl1 libosmesa6" in said
    assert "absent_two: " in said


def test_what_mujoco_does_not_simulate_has_no_picture() -> None:
    env = vector.make("MountainCarContinuous-v0")
    with pytest.raises(BenchError, match="MountainCarContinuous-v0 is not simulated by MuJoCo"):
        drawing._simulator(env)
    env.close()
