"""Figures: files appear, equal data give equal bytes, and methods keep their look."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from helpers.paths import ROOT
from helpers.suite_results import (
    LABELS,
    MAZES,
    TASKS,
    catalogue,
    make_suite,
    write_card,
    write_results,
)
from matplotlib.figure import Figure

from bench.config.catalogue import Catalogue
from bench.config.registry import METHODS
from bench.files import read_json
from bench.report.figures import method_styles as looks
from bench.report.figures import scores as figures
from bench.report.figures import style
from bench.statistics import aggregates
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS

ROWS = catalogue().tasks
SOME = (TASKS[0], MAZES[5])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    write_results(folder, make_suite(SOME, seeds=3), skip=[("bc", SOME[0])])
    return folder


def draw(results: Path, out: Path) -> None:
    scores = read_csv(results / "scores.csv", SCORE_COLUMNS)
    aggregate = read_csv(results / "aggregate.csv", aggregates.AGGREGATE_COLUMNS)
    labels = {m: LABELS[m] for m in ("iql", "bc")}
    tasks = {t: ROWS[t] for t in SOME}
    card = read_json(write_card(out, SOME[0]))
    style.write(partial(figures.aggregate_intervals, aggregate, labels, ["all"]), out / "aggregate")
    style.write(
        partial(figures.learning_curves, scores, labels, tasks, {SOME[0]: 50.0}), out / "curves"
    )
    style.write(partial(figures.seed_scores, scores, labels, tasks, lambda _: 2000), out / "seeds")
    style.write(partial(figures.return_histograms, {SOME[0]: card, SOME[1]: None}), out / "returns")


def test_equal_data_give_equal_files(results: Path, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    draw(results, tmp_path / "one")
    assert dict(mpl.rcParams) == before  # the style is for these figures alone
    draw(results, tmp_path / "two")
    stems = ("aggregate", "curves", "seeds", "returns")
    names = {f"{stem}.{kind}" for stem in stems for kind in style.FORMATS}
    assert names <= {p.name for p in (tmp_path / "one").iterdir()}
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert "gradient updates</text>" in (tmp_path / "one" / "curves.svg").read_text()  # searchable


def test_figures_without_any_data(tmp_path: Path) -> None:
    scores = pd.DataFrame(columns=SCORE_COLUMNS)
    aggregate = pd.DataFrame(columns=aggregates.AGGREGATE_COLUMNS)
    style.write(
        partial(figures.aggregate_intervals, aggregate, {"iql": "IQL"}, ["all"]), tmp_path / "a"
    )
    tasks = {TASKS[0]: ROWS[TASKS[0]]}
    style.write(partial(figures.learning_curves, scores, {"iql": "IQL"}, tasks, {}), tmp_path / "b")
    style.write(
        partial(figures.seed_scores, scores, {"iql": "IQL"}, tasks, lambda _: 2000), tmp_path / "c"
    )
    style.write(partial(figures.return_histograms, {TASKS[0]: None}), tmp_path / "d")
    assert len(list(tmp_path.iterdir())) == 4 * len(style.FORMATS)


def test_scores_that_end_at_100_are_drawn_on_all_of_their_range() -> None:
    for bounded, limits in ((True, (-4, 104)), (False, (0, 1))):
        axis = Figure().subplots()
        style.show_range(axis, bounded)
        assert axis.get_ylim() == limits
        assert axis.get_xlim() == (0, 1)


def test_no_look_is_lost_on_white_paper() -> None:
    """By WCAG's ratio of luminances: the palette's own yellow has 1.3, its pink 1.7."""
    colors = np.array(looks.COLORS)
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert (1.05 / (luminance + 0.05)).min() > 1.6


def test_looks_differ_in_colour_and_without_it() -> None:
    known = [looks.look(m) for m in looks.KNOWN if not METHODS[m].variant_of]
    for one, two in itertools.combinations(known, 2):
        assert one.color != two.color
        assert one.marker != two.marker


def test_no_two_methods_share_a_look() -> None:
    assert len(set(looks.KNOWN.values())) == len(looks.KNOWN)
    drawn = [triple(looks.numbered(style)) for style in range(looks.COUNT)]
    assert len(set(drawn)) == len(drawn) >= 60
    names = [f"iql@temperature={value}" for value in range(60)]
    new = [triple(looks.look(name, names)) for name in names]
    assert len(set(new) - {triple(looks.look(name)) for name in looks.KNOWN}) == 60


def test_looks_of_published_figures_stay() -> None:
    """Colours, lines and markers as they were drawn: places in the three lists of bench.looks."""
    names = ("iql", "bc", "bc10", "td3_bc", "cql", "awac", "onestep", "dt", "cal_ql", "ppo", "bcq")
    names += ("bear", "awr", "cql_antmaze", "sac", "sac_iql", "ppo_iql")
    for place, name in enumerate(names):
        drawn = looks.Look(looks.COLORS[place], looks.LINES[place % 5], looks.MARKERS[place])
        assert replace(looks.look(name), series="") == drawn


def triple(style: looks.Look) -> tuple[object, ...]:
    return tuple(style.color), style.line, style.marker


def test_a_look_does_not_depend_on_the_suite() -> None:
    assert looks.look("iql") == looks.look("iql", ["zz", "bc", "iql"])
    new = [looks.look(m, ["new", "other"]) for m in ("new", "other")]
    assert new[0] != new[1]


def test_no_two_series_of_a_suite_look_alike() -> None:
    catalogue = Catalogue()
    for path in sorted((ROOT / "config").glob("*.yaml")):
        if "methods:" not in path.read_text() or path.stem in ("methods", "claims", "behaviors"):
            continue
        methods = catalogue.read_suite(path).methods
        drawn = {triple(looks.look(m, methods)) for m in methods}
        assert len(drawn) == len(methods), path


# What deuteranopes and protanopes see of linear light [Machado et al. 2009].
SIGHTS = (
    np.eye(3),
    np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
)
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(color: tuple[float, float, float], sight: np.ndarray) -> np.ndarray:
    """CIELAB of a colour, as seen."""
    light = np.array(color)
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(sight @ light, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_no_two_methods_of_a_suite_are_close_in_colour() -> None:
    """Onestep RL and CQL were both pink, and a variant had the colour of IQL."""
    catalogue = Catalogue()
    for path in sorted((ROOT / "config").glob("*.yaml")):
        if "methods:" not in path.read_text() or path.stem in ("methods", "claims", "behaviors"):
            continue
        methods = [m for m in catalogue.read_suite(path).methods if m in looks.KNOWN]
        for one, two in itertools.combinations(methods, 2):
            colors = looks.look(one).color, looks.look(two).color
            seen = [np.linalg.norm(lab(colors[0], s) - lab(colors[1], s)) for s in SIGHTS]
            assert seen[0] > 22, (path.stem, one, two)
            assert min(seen) > 8, (path.stem, one, two)


def test_a_legend_stays_within_its_figure() -> None:
    """Five columns of long names were cut off at both edges."""
    names = [f"IQL, temperature {value}, expectile 0.95" for value in range(6)]
    with mpl.rc_context(style.STYLE):
        figure, (axis,) = style.panels(1, 1.5)
        for name in names:
            axis.plot([0, 1], [0, 1], label=name)
        style.legend(figure, axis)
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
    assert len(figure.legends) == 1
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
