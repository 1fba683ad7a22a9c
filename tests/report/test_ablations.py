"""Methods of the form iql@setting=value: their settings, their code, their figure."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.projects import MINIMAL, one_sentence
from matplotlib.collections import PolyCollection

from bench.config import registry
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.errors import BenchError
from bench.jobs.speeds import Speeds
from bench.records.source_hash import source_hash
from bench.report.figures import method_styles, style
from bench.report.figures.ablations import ablation_panels
from bench.report.sections.ablations import ablations
from bench.report.sections.effects import same_settings
from bench.statistics.aggregates import SUMMARY_COLUMNS

MAZE, HOP = "pointmaze-large-stitch", "hopper-medium"
NAMES = ("iql", "iql@expectile=0.95", "iql@expectile=0.5", "iql@temperature=1", "bc")


def made(**changes: Any) -> tuple[Suite, Catalogue]:
    catalogue = Catalogue()
    return catalogue.suite(MINIMAL | {"methods": list(NAMES)} | changes, "tiny.yaml"), catalogue


# --- names and settings ---------------------------------------------------------------


def test_names() -> None:
    assert [registry.base_of(n) for n in ("iql", "iql@hidden=[8]")] == ["iql", "iql"]
    assert registry.settings_of("iql") == {}
    assert registry.settings_of("iql@a=b=c") == {"a": "b=c"}
    assert registry.load("iql@expectile=0.5") is registry.load("iql")
    assert source_hash("iql@expectile=0.5") == source_hash("iql") != source_hash("bc")


@pytest.mark.parametrize("task", [MAZE, HOP])
def test_one_setting_is_other_and_nothing_else(task: str) -> None:
    override = {"methods": ["iql"], "config": {"expectile": 0.6, "hidden": [8]}, "reason": "r"}
    own = {"every": 100, "episodes": 7}
    override |= {"evaluation": own, "observations": "standardised"}
    suite, catalogue = made(overrides=[override])
    plain, other = (
        catalogue.settings(suite, m, task, (0,)).model_dump() for m in ("iql", NAMES[1])
    )
    assert plain["config"].pop("expectile") == 0.6
    assert other["config"].pop("expectile") == 0.95  # not the suite's 0.6
    assert (plain.pop("method"), other.pop("method")) == ("iql", NAMES[1])
    assert plain == other
    assert plain["evaluation"] == own


def test_an_override_of_the_updates_reaches_it() -> None:
    suite, _ = made(overrides=[{"methods": ["iql"], "updates": 50, "reason": "r"}])
    assert [suite.updates_of(m) for m in NAMES] == [50, 50, 50, 50, 100]


def test_it_has_a_name_of_its_own_and_the_speed_of_its_base(tmp_path: Path) -> None:
    suite, catalogue = made()
    assert [catalogue.methods[m].label for m in NAMES[:3]] == [
        *("IQL", "IQL, expectile 0.95", "IQL, expectile 0.5")
    ]
    entry = {"method": "iql", "width": 256, "seeds": 3, "executor": "recorded", "jobs": 2}
    entry |= {"seed_updates_per_second": 100.0, "peak_memory_megabytes": 300.0}
    measured = {"machine": {}, "updates": [entry], "around": []}
    path = tmp_path / "benchmark.json"
    path.write_text(json.dumps(measured))
    speeds = Speeds(path)
    plain, other = (
        speeds.rate(catalogue.settings(suite, m, MAZE, (0, 1, 2)), catalogue)
        for m in ("iql", NAMES[1])
    )
    assert plain == other is not None


def test_the_methods_own_value_is_the_same_settings() -> None:
    suite, catalogue = made(methods=["iql", "iql@expectile=0.9", NAMES[1]], baseline="iql")
    assert same_settings("iql@expectile=0.9", MAZE, suite, catalogue)
    assert not same_settings(NAMES[1], MAZE, suite, catalogue)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("iqk@expectile=0.5", ["unknown method 'iqk'", "did you mean 'iql'?"]),
        ("iql@expectil=0.5", ["tiny.yaml, methods, iql@", "'expectil'", "'expectile'?"]),
        ("iql@expectile=high", ["iql setting 'expectile' is 'high'"]),
        ("iql@expectile", ["is not a method's name; write NAME or NAME@setting=value"]),
        ("bc@expectile=0.5", ["bc setting 'expectile'"]),
    ],
)
def test_a_wrong_name_is_refused(method: str, expected: list[str]) -> None:
    with pytest.raises(BenchError) as caught:
        made(methods=["iql", method])
    sentence = one_sentence(caught.value)
    assert all(part in sentence for part in expected), sentence


# --- which belong together ------------------------------------------------------------


def test_ablations_by_task_and_setting() -> None:
    suite, catalogue = made()
    found = {(a.setting, a.task): (dict(a.methods), a.own) for a in ablations(suite, catalogue)}
    assert found == {
        ("expectile", HOP): ({0.5: NAMES[2], 0.7: "iql", 0.95: NAMES[1]}, 0.7),
        ("expectile", MAZE): ({0.5: NAMES[2], 0.9: "iql", 0.95: NAMES[1]}, 0.9),
        ("temperature", HOP): ({1.0: NAMES[3], 3.0: "iql"}, 3.0),
        ("temperature", MAZE): ({1.0: NAMES[3], 10.0: "iql"}, 10.0),
    }
    assert list(found["expectile", HOP][0]) == [0.5, 0.7, 0.95]
    assert not ablations(*made(methods=["iql", "bc"]))


def test_what_is_no_number_is_not_drawn() -> None:
    assert not ablations(*made(methods=["iql", "iql@hidden=[8]", "iql@cosine_actor=false"]))


def test_the_suite_of_ablations() -> None:
    catalogue = Catalogue()
    suite = catalogue.read_suite(Path("config/ablations.yaml"))
    values = {a.setting: list(a.methods) for a in ablations(suite, catalogue)}
    assert values["expectile"] == [0.5, 0.7, 0.9, 0.95]
    assert values["temperature"] == [0, 1, 3, 10, 30]


# --- the figure -----------------------------------------------------------------------


def test_the_figure(tmp_path: Path) -> None:
    suite, catalogue = made()
    rows = [
        (MAZE, "iql", 5, 80.0, 1, 70.0, 90.0, 0, 0, "", 0),
        (MAZE, NAMES[1], 5, 20.0, 1, 10.0, 30.0, 0, 0, "", 0),
        (MAZE, NAMES[3], 2, 50.0, 1, float("nan"), float("nan"), 0, 0, "", 0),
    ]
    summary = pd.DataFrame(rows, columns=SUMMARY_COLUMNS)
    found = ablations(suite, catalogue)
    draw = partial(ablation_panels, summary, found, catalogue)
    drawn = [style.write(draw, tmp_path / name) for name in ("one", "two")]
    for kind in style.FORMATS:
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    by_name = dict(zip(((a.setting, a.task) for a in found), drawn[0].axes, strict=True))
    assert [t.get_text() for t in by_name["expectile", HOP].texts] == ["not run"]
    panel = by_name["expectile", MAZE]
    line, ring = panel.lines
    np.testing.assert_array_equal(line.get_xydata(), [[0, np.nan], [1, 80], [2, 20]])
    np.testing.assert_array_equal(ring.get_xydata(), [[1, 80]])
    assert line.get_color() == method_styles.look("iql").color
    assert [t.get_text() for t in panel.texts] == ["not run"]
    assert panel.texts[0].get_position()[0] == 0
    assert [t.get_text() for t in panel.get_xticklabels()] == ["0.5", "0.9", "0.95"]
    assert panel.get_ylabel() == "success (%)"
    (band,) = (c for c in panel.collections if isinstance(c, PolyCollection))
    assert band.get_datalim(panel.transData).extents[1::2].tolist() == pytest.approx([10, 90])
    other = by_name["temperature", MAZE]
    assert [t.get_text() for t in other.get_xticklabels()] == ["1", "10"]


def test_the_figure_of_what_did_not_run(tmp_path: Path) -> None:
    suite, catalogue = made()
    empty = pd.DataFrame(columns=SUMMARY_COLUMNS)
    draw = partial(ablation_panels, empty, ablations(suite, catalogue), catalogue)
    style.write(draw, tmp_path / "x")
    assert len(list(tmp_path.iterdir())) == len(style.FORMATS)
