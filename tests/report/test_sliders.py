"""Figures with sliders: every position is computed, and its words follow its numbers."""

from __future__ import annotations

import copy
import html
import importlib
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.config.registry import SLIDERS
from bench.errors import BenchError
from bench.report.interactive import page
from bench.report.interactive.scene import Axis, Control, Mark, Panel, Position, Scene
from iql.ideas import line
from iql.ideas.expectiles import exact
from iql.sliders import expectiles, fitted, losses, shift, stitching
from iql.sliders.words import apart, span

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# A reader on a narrow screen moves each first slider to its beginning.
READER = """
<script>
addEventListener("load", () => {
  const out = {};
  for (const section of document.querySelectorAll("main > section")) {
    const input = section.querySelector("input"), said = section.querySelector(".said");
    const shown = () => [said.textContent, section.querySelector(".panels").innerHTML];
    const before = shown();
    input.value = 0;
    input.dispatchEvent(new Event("input"));
    const after = shown(), figures = [...section.querySelectorAll(".panel > svg")];
    out[section.id] = {
      changed: before.map((text, k) => text !== after[k]),
      said: [...said.children].map(p => p.textContent),
      output: section.querySelector("output").textContent,
      spoken: input.getAttribute("aria-valuetext"),
      hash: location.hash,
      named: figures.every(f => document.getElementById(f.getAttribute("aria-labelledby"))),
      figures: figures.length,
    };
  }
  const root = document.documentElement;
  out.overflow = root.scrollWidth - root.clientWidth;
  document.title = "OUTCOME" + JSON.stringify(out);
});
</script>
</body>
"""


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All figures, with few positions, rows and updates."""
    folder = tmp_path_factory.mktemp("sliders")
    with pytest.MonkeyPatch.context() as patch:
        for name, number in (("ITERATIONS", 3), ("UPDATES", 3), ("ROWS", 64)):
            patch.setattr(fitted, name, number)
        patch.setattr(expectiles, "EXPECTILES", (0.5, 0.9, 0.99))
        patch.setattr(expectiles, "UPDATES", 30)
        patch.setattr(shift, "TEMPERATURES", (0.0, 3.0))
        patch.setattr(shift, "UPDATES", 3)
        patch.setattr(stitching, "EXPECTILES", (0.5, 0.9))
        for slider in SLIDERS:
            page.measure(slider, folder)
    return folder


def result(computed: Path, slider: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((computed / f"{slider}.json").read_text())["result"]
    return found


def said(slider: str, content: dict[str, Any], position: int) -> str:
    scene: Scene = importlib.import_module(f"iql.sliders.{slider}").scene(content)
    return " ".join(scene.positions[position].sentences)


@pytest.mark.parametrize("slider", SLIDERS)
def test_no_two_neighbouring_positions_are_the_same(computed: Path, slider: str) -> None:
    content = importlib.import_module(f"iql.sliders.{slider}").scene(result(computed, slider))
    drawn = [json.dumps(p["marks"]) for p in content.plain()["positions"]]
    assert len(drawn) == np.prod([len(c.values) for c in content.controls])
    assert all(one != two for one, two in itertools.pairwise(drawn))
    assert "null" not in "".join(drawn)
    assert all(len(p.sentences) > 1 for p in content.positions)


def changed_v(content: dict[str, Any]) -> None:
    content["v"][1] = max(content["sample"]) + 0.5


def changed_gradient(content: dict[str, Any]) -> None:
    content["value"][0][0] = (2.0, -2.0)


def changed_start(content: dict[str, Any]) -> None:
    content["solutions"][0][2]["start"] = content["best"]


def changed_value(content: dict[str, Any]) -> None:
    content["maximum"]["value"][3] = [content["best"] + 4] * 5


def changed_queries(content: dict[str, Any]) -> None:
    content["iql"]["outside"] = content["iql"]["queries"]


def changed_reward(content: dict[str, Any]) -> None:
    content["reward"][1] = [content["data_reward"] - 0.25] * 5


@pytest.mark.parametrize(
    ("slider", "change", "position", "before", "after"),
    [
        ("losses", changed_gradient, 0, "a step lowers V", "a step raises V"),
        ("expectiles", changed_v, 1, " below their maximum", "0.50 above their maximum"),
        ("stitching", changed_start, 2, "where the data’s moves allow 0.78", "the best that the"),
        (
            "overestimation",
            changed_value,
            3,
            "below the best possible 8",
            "4.0 above the best possible 8",
        ),
        ("support", changed_queries, 0, "and 0% of IQL’s", "and 100% of IQL’s"),
        ("shift", changed_reward, 1, "above the data’s", "0.25 below the data’s"),
    ],
)
def test_another_number_gives_another_sentence(
    computed: Path,
    slider: str,
    change: Callable[[dict[str, Any]], None],
    position: int,
    before: str,
    after: str,
) -> None:
    content = result(computed, slider)
    if slider == "shift":  # three updates do not earn what the words say of the full run
        content["reward"][1] = [content["data_reward"] + 0.1] * 5
    assert before in said(slider, content, position)
    altered = copy.deepcopy(content)
    change(altered)
    assert after in said(slider, altered, position)
    assert before not in said(slider, altered, position)


def test_the_gradients_are_the_losses_own(computed: Path) -> None:
    found = result(computed, "losses")
    for t, curve in zip(found["expectiles"], found["value"], strict=True):
        for u, (loss, in_v) in zip(found["errors"], curve, strict=True):
            weight = t if u > 0 else 1 - t
            assert (loss, in_v) == pytest.approx((weight * u * u, -2 * weight * u), abs=1e-6)
    weights = {u: -g for u, (_, g) in zip(found["errors"], found["policy"], strict=True)}
    assert weights[1.0] == pytest.approx(np.exp(losses.TEMPERATURE), rel=1e-6)
    assert weights[2.0] == 100


def test_v_is_the_expectile_of_the_sample(computed: Path) -> None:
    found = result(computed, "expectiles")
    sample = np.array(found["sample"])
    wanted = [exact(sample, np.ones(len(sample)), t) for t in found["expectiles"]]
    assert found["v"] == pytest.approx(wanted, abs=1e-6)
    assert found["above"] == sorted(found["above"], reverse=True)


def test_no_trajectory_is_long_enough_and_the_values_cross_over(computed: Path) -> None:
    found = result(computed, "stitching")
    assert found["longest"] < found["best_length"] == 9
    assert found["from_start_to_goal"] == 0 < found["reach_goal"]
    low, high = found["solutions"]
    assert low[-1]["start"] < 0.1 < high[-1]["start"] < found["best"]
    valued = [sum(v > 0.5 for v in sweep["v"]) for sweep in high]
    assert valued[0] == 0 < valued[2] < valued[8]  # a sweep carries it one cell further


def test_the_queries_were_counted(computed: Path) -> None:
    found = result(computed, "support")
    rows = len(line.SEEDS) * 64 * 3
    assert (found["iql"]["queries"], found["iql"]["outside"]) == (rows, 0)
    assert found["maximum"]["queries"] == rows * fitted.CANDIDATES
    outside = sum(abs(a) > line.SUPPORT for a in fitted.ACTIONS)  # they are the candidates too
    assert found["maximum"]["outside"] == rows * outside
    assert sum(found["iql"]["asked"]) == rows


def test_equal_measurements(computed: Path, tmp_path: Path) -> None:
    again = page.measure("losses", tmp_path)
    assert json.loads(again.read_text())["result"] == result(computed, "losses")


def test_words() -> None:
    assert apart(1.3, 1.0) == "0.30 above"
    assert apart(1.0, 1.3, 1) == "0.3 below"
    assert apart(1.001, 1.0) == "equal to"
    assert span([0.5, -1.25], 2) == "−1.25 to 0.50"


def test_an_incomplete_figure_is_refused() -> None:
    panel = Panel("p", Axis("x", 0, 1), Axis("y", 0, 1))
    position = Position(((Mark("points", "iql", [1], [float("nan")]),),), ("a", "b"))
    control = Control("c", ("1", "2"))
    with pytest.raises(ValueError, match="1 positions, not 2"):
        Scene("t", "q", "s", (control,), (panel,), (position,))
    with pytest.raises(ValueError, match="without marks for each panel"):
        Scene("t", "q", "s", (control,), (panel, panel), (position, position))


def test_what_is_not_computed_is_not_shown(computed: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="run `python -m bench slider losses`"):
        page.build(tmp_path / "ideas.html", tmp_path)
    with pytest.raises(BenchError, match="did you mean 'stitching'"):
        page.measure("stiching", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_page_needs_nothing_else(computed: Path, tmp_path: Path) -> None:
    out = tmp_path / "ideas.html"
    page.build(out, computed)
    text = out.read_text()
    page.build(out, computed)
    assert out.read_text() == text
    links = set(re.findall(r'(?:src|href)="([^"#][^"]*)"', text))
    assert links == {"https://arxiv.org/abs/2110.06169"}
    assert "url(" not in text
    for slider in SLIDERS:
        first = importlib.import_module(f"iql.sliders.{slider}").scene(result(computed, slider))
        assert f"<p>{html.escape(first.first.sentences[0])}</p>" in text  # without JavaScript too
    inputs = re.findall(r'<input type="range" id="([^"]*)"', text)
    assert re.findall(r'<label for="([^"]*)"', text) == inputs


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_reader_moves_the_sliders(computed: Path, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    out = tmp_path / "ideas.html"
    page.build(out, computed)
    out.write_text(out.read_text().replace("</body>", READER))
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/own",
         "--window-size=390,844", "--virtual-time-budget=5000", "--dump-dom", out.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r"<title>OUTCOME(.*?)</title>", done.stdout)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    read = json.loads(html.unescape(found.group(1)))
    assert read.pop("overflow") <= 0
    assert list(read) == list(SLIDERS)
    for slider, seen in read.items():
        scene: Scene = importlib.import_module(f"iql.sliders.{slider}").scene(
            result(computed, slider)
        )
        first, *others = scene.controls
        index = 0
        for control in others:
            index = index * len(control.values) + control.start
        assert seen["said"] == list(scene.positions[index].sentences)
        assert seen["output"] == seen["spoken"] == first.values[0]
        assert seen["changed"] == [True, True]
        assert seen["hash"].startswith(f"#{slider}=0")
        assert (seen["figures"], seen["named"]) == (len(scene.panels), True)
