"""The paper's ideas as experiments: each against what is known of its toy problem."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from scipy import integrate, stats

from bench.config.registry import IDEAS
from bench.errors import BenchError
from bench.report import ideas
from iql import iql
from iql.ideas import expectiles, line, losses, overestimation, stitching, support

pytestmark = pytest.mark.usefixtures("svg_alone")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All experiments; those that train do so for a fortieth of their updates."""
    folder = tmp_path_factory.mktemp("ideas")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line, "UPDATES", 100)
        patch.setattr(line, "EVERY", 50)
        patch.setattr(expectiles, "UPDATES", 50)
        for idea in IDEAS:
            ideas.measure(idea, folder)
    return folder


def result(measured: Path, idea: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((measured / f"{idea}.json").read_text())["result"]
    return found


def test_the_losses_are_those_of_the_paper() -> None:
    found = losses.measure()
    reads = {
        step["loss"]: {(r["network"], *r["of"]) for r in step["reads"]} for step in found["steps"]
    }
    assert reads == {
        "expectile_loss": {("target_critic", "s", "a"), ("value", "s")},
        "policy_loss": {("target_critic", "s", "a"), ("value", "s"), ("policy", "s", "a")},
        "critic_loss": {("critic", "s", "a"), ("value", "s′")},
    }
    assert {s["loss"]: s["moves"] for s in found["steps"]} == {
        "expectile_loss": ["value"],
        "policy_loss": ["policy"],
        "critic_loss": ["critic"],
    }
    assert found["asked"] == ["a", "s", "s′"]
    assert "no out-of-sample action is queried" in losses.sentences(found)[1]


def test_the_diagram_would_show_another_action(monkeypatch: pytest.MonkeyPatch) -> None:
    update = iql.update

    def asks_the_policy(state: Any, batch: Any, *rest: Any) -> Any:
        state.critic(batch.observations, state.policy(batch.observations))
        return update(state, batch, *rest)

    monkeypatch.setattr(iql, "update", asks_the_policy)
    found = losses.measure()
    assert losses.UNKNOWN in found["asked"]
    assert "not columns of the batch" in losses.sentences(found)[1]


def test_expectiles_of_the_normal_solve_their_equation() -> None:
    for expectile in (0.5, 0.9, 0.99):
        m = expectiles.of_normal(expectile)
        above, _ = integrate.quad(lambda x, m=m: (x - m) * stats.norm.pdf(x), m, 12)
        below, _ = integrate.quad(lambda x, m=m: (m - x) * stats.norm.pdf(x), -12, m)
        assert expectile * above == pytest.approx((1 - expectile) * below, abs=1e-9)


def test_the_loss_finds_the_expectiles(measured: Path) -> None:
    found = result(measured, "expectiles")
    assert found["by_loss"] == pytest.approx(found["by_bisection"], abs=1e-6)
    assert found["by_loss"][0] == pytest.approx(np.mean(found["sample"]), abs=1e-9)
    assert found["by_loss"] == sorted(found["by_loss"])
    assert found["by_loss"] == pytest.approx(found["of_normal"], abs=0.15)  # 1,000 draws


def test_expectiles_by_hand() -> None:
    values = np.array([[0.0, 1.0], [4.0, 0.0]])
    found = expectiles.exact(values, np.array([1.0, 3.0]), 0.75)
    # 0.75 * 3 (1 - m) = 0.25 m, and 0.75 (4 - m) = 0.25 * 3 m
    assert found == pytest.approx([0.9, 2.0], abs=1e-12)


def test_v_stays_in_the_support() -> None:
    found = support.measure()
    assert found["v"] == sorted(found["v"])
    assert found["mean"] == pytest.approx(found["v"][0])
    assert found["best_seen"] - 0.01 < found["v"][-1] < found["best_seen"] < found["best"]


def test_the_grid_world_is_solved() -> None:
    found = stitching.measure()
    # One up, seven right and one down; the reward is paid with the last of nine moves.
    assert found["optimal"]["start"] == pytest.approx(stitching.DISCOUNT**8, abs=1e-6)
    by_expectile = dict(zip(found["expectiles"], found["iql"], strict=True))
    assert by_expectile[0.5]["v"] == pytest.approx(found["one_step"]["v"], abs=1e-6)
    assert by_expectile[0.9999]["start"] == pytest.approx(found["optimal"]["start"], abs=1e-6)
    # The exit two rows up is what one step finds, three moves away.
    assert found["one_step"]["start"] == pytest.approx(0.1 * stitching.DISCOUNT**2, abs=1e-6)


def test_the_line_has_a_known_best() -> None:
    places, q = line.best_q(np.linspace(-1, 1, 201))
    middle, still = len(places) // 2, 100
    assert q[middle, still] == pytest.approx(1 / (1 - line.DISCOUNT), abs=1e-5)
    assert q[middle].argmax() == still
    arrived, reward = line.step(np.array([0.5]), np.array([-0.4]))
    assert arrived.tolist() == [0.4]
    assert reward == pytest.approx([1 - 0.4 - line.COST * 0.1])


def test_the_best_of_the_data_is_at_most_the_best_there_is(measured: Path) -> None:
    found = result(measured, "overestimation")
    assert found["best_seen"] <= found["best"] < 1 / (1 - line.DISCOUNT)
    said = overestimation.sentences(found)[0]
    assert f"{found['best_seen']:.2f} with the data's actions alone" in said


def test_equal_measurements(measured: Path, tmp_path: Path) -> None:
    for idea in ("losses", "support", "stitching"):
        again = ideas.measure(idea, tmp_path)
        assert json.loads(again.read_text())["result"] == result(measured, idea)


def test_every_idea_has_a_numbered_figure(measured: Path, tmp_path: Path) -> None:
    out = tmp_path / "ideas.pdf"
    ideas.build(out, measured)
    before = out.read_bytes()
    document = pypdfium2.PdfDocument(before)
    text = " ".join(page.get_textpage().get_text_bounded() for page in document)
    text = " ".join(text.replace("\x02", "-").split())
    for number, idea in enumerate(IDEAS, 1):
        title = importlib.import_module(f"iql.ideas.{idea}").TITLE
        assert f"{number} {title}" in text
        assert f"Figure {number}. {title}." in text
    ideas.build(out, measured)
    assert out.read_bytes() == before


def test_what_is_not_measured_is_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="run `python -m bench idea losses`"):
        ideas.build(tmp_path / "ideas.pdf", tmp_path)
    with pytest.raises(BenchError, match="did you mean 'stitching'"):
        ideas.measure("stiching", tmp_path)
    assert list(tmp_path.iterdir()) == []
