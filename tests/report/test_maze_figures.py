"""The figures of mazes: what is drawn where, and equal data give equal files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.maze_walks import ELSEWHERE, GOAL, START, trajectories
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from bench.maze_plans import MAZES, STITCH
from bench.report import plotted
from bench.report.figures import maze_squares, method_styles, style
from bench.report.figures import mazes as maze_figures
from bench.report.figures.mazes import Trace, Values
from bench.statistics.aggregates import SUMMARY_COLUMNS

LABELS = {"iql": "IQL", "bc": "BC", "dt": "DT"}


def same_bytes(one: Path, two: Path) -> None:
    for kind in style.FORMATS:
        assert one.with_suffix(f".{kind}").read_bytes() == two.with_suffix(f".{kind}").read_bytes()


# --- success --------------------------------------------------------------------------


def summary() -> pd.DataFrame:
    rows = [
        ("a-b", "iql", 5, 60.0, 1, 50.0, 70.0, 0, 0, "", 0),
        ("a-b", "bc", 5, 0.0, 0, 0.0, 0.0, 0, 0, "", 0),
        ("a-b", "dt", 0, float("nan"), 0, float("nan"), float("nan"), 0, 0, "", 5),
        ("a-c", "bc", 2, 30.0, 1, float("nan"), float("nan"), 0, 0, "", 0),
    ]
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


@pytest.mark.parametrize("tasks", [("a-b", "a-c"), tuple(f"a-{x}" for x in "bcdefgh")])
def test_success_bars(tmp_path: Path, tasks: tuple[str, ...]) -> None:
    paper = {("a-b", "iql"): 87.5, ("a-c", "dt"): 10.0}
    draw = partial(maze_figures.success_bars, summary(), LABELS, tasks, paper)
    drawn = [style.write(draw, tmp_path / name) for name in ("one", "two")]
    same_bytes(tmp_path / "one", tmp_path / "two")
    axis = drawn[0].axes[0]
    assert [bar.get_height() for bar in axis.patches] == [60.0, 0.0, 30.0]
    segments = [s for lines in axis.collections for s in lines.get_segments()]
    upright = [s[:, 1].tolist() for s in segments if s[0, 0] == s[1, 0]]
    assert [50.0, 70.0] in upright
    flat = {(round(s[0, 0]), s[0, 1]) for s in segments if s[0, 1] == s[1, 1] and s[0, 0] < s[1, 0]}
    assert flat == {(0, 87.5), (1, 10.0)}
    assert len(axis.texts) == 3 * len(tasks) - 3  # "not run"
    assert {text.get_text() for text in axis.texts} == {"not run"}
    names = [t.get_text() for legend in _legends(drawn[0]) for t in legend.get_texts()]
    assert names == [*LABELS.values(), "paper (D4RL data)"]


def _legends(figure: Figure) -> list:
    return [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]


def test_bars_have_the_methods_colours(tmp_path: Path) -> None:
    figure = style.write(
        partial(maze_figures.success_bars, summary(), LABELS, ["a-b"], {}), tmp_path / "x"
    )
    bars = figure.axes[0].patches
    for bar, method in zip(bars, ("iql", "bc"), strict=True):
        assert bar.get_facecolor()[:3] == pytest.approx(method_styles.look(method).color[:3])
    assert "paper" not in str([t.get_text() for g in _legends(figure) for t in g.get_texts()])


# --- trajectories ---------------------------------------------------------------------


def test_trajectories_by_whether_they_arrive(tmp_path: Path) -> None:
    paths = [[ELSEWHERE, (1.5, 0.0)]] * 400 + [[ELSEWHERE, GOAL]] * 2 + [[START, ELSEWHERE, GOAL]]
    data = {"one": (STITCH, trajectories(*paths))}
    draw = partial(maze_figures.trajectories, data)
    drawn = [style.write(draw, tmp_path / name) for name in ("a", "b")]
    same_bytes(tmp_path / "a", tmp_path / "b")
    axis = drawn[0].axes[0]
    lines = [c for c in axis.collections if isinstance(c, LineCollection)]
    assert [len(c.get_segments()) for c in lines] == [300, 2, 1]
    # A row is drawn where it begins: the last position is the next row's.
    np.testing.assert_allclose(lines[2].get_segments()[0], [START, ELSEWHERE])
    assert axis.get_xlabel() == (
        "403 trajectories in 2 of 46 cells,\n3 reach the goal, 1 from the start"
    )


def test_a_long_trajectory_is_thinned_from_its_beginning() -> None:
    line = np.arange(1000.0)[:, None]
    thin = maze_figures.thinned(line)
    assert len(thin) <= maze_figures.POINTS
    assert np.unique(np.diff(thin[:, 0])).tolist() == [7]
    assert thin[0] == 0


@pytest.mark.parametrize("name", ["AntMazeUmaze", "PointMazeStitch"])
def test_a_floor_has_its_walls_start_and_goal(name: str, tmp_path: Path) -> None:
    maze = MAZES[name]
    figure = style.write(
        partial(maze_figures.trajectories, {"x": (maze, trajectories([(0, 0), (0, 0)]))}),
        tmp_path / "x",
    )
    axis = figure.axes[0]
    centres = {(p.get_x() + maze.cell / 2, p.get_y() + maze.cell / 2) for p in axis.patches}
    assert centres == {tuple(maze.centre(wall)) for wall in maze.walls()}
    marks = {line.get_label(): line.get_xydata()[0].tolist() for line in axis.lines[:2]}
    assert marks == {"start": maze.start_xy.tolist(), "goal": maze.goal_xy.tolist()}
    low, high = np.array([axis.get_xlim(), axis.get_ylim()]).T
    assert (high - low).tolist() == [maze.cell * len(maze.plan[0]), maze.cell * len(maze.plan)]
    assert (np.diff(axis.lines[2].get_xdata()) == maze.cell).all()  # the bar


# --- values ---------------------------------------------------------------------------


def test_value_maps(tmp_path: Path) -> None:
    paths = [np.array([START, ELSEWHERE]), np.array([START, (1.5, 1.0), GOAL])]
    # Two rows in one square of 0.2 m, and one in another; the mean of the first is 3.
    positions = np.array([[0.05, 0.05], [0.12, 0.08], [-4.5, 3.0]], np.float32)
    values = Values(positions, np.array([2.0, 4.0, 9.0]), 0.25)
    arrived = np.array([False, True])
    traces = {"IQL": Trace(paths, arrived, values), "BC": Trace(paths, arrived, None)}
    draw = partial(maze_figures.value_maps, STITCH, traces)
    drawn = [style.write(draw, tmp_path / name) for name in ("a", "b")]
    same_bytes(tmp_path / "a", tmp_path / "b")
    iql, bc = drawn[0].axes[:2]
    (image,) = iql.images
    squares = image.get_array().filled(np.nan)
    assert squares.shape == (5 * 9, 5 * 12)
    at = {tuple(index): squares[tuple(index)] for index in np.argwhere(np.isfinite(squares))}
    assert at == {(22, 30): 3.0, (37, 7): 9.0}  # row: (y + 4.5) / 0.2, column: (x + 6) / 0.2
    assert image.get_extent() == pytest.approx([-6, 6, -4.5, 4.5])
    assert not bc.images
    crosses = [[line.get_xydata().tolist() for line in axis.lines if line.get_marker() == "x"]
               for axis in (iql, bc)]  # fmt: skip
    assert crosses == [[[list(ELSEWHERE)]], [[list(ELSEWHERE)]]]
    assert iql.get_xlabel() == "1 of 2 episodes succeed"
    labels = [axis.get_xlabel() for axis in drawn[0].axes[2:]]
    assert labels == ["state value, quantile bins (Spearman ρ 0.25)", "no state value"]
    assert iql.get_position().height == pytest.approx(bc.get_position().height, rel=1e-3)


def test_a_value_that_is_the_same_everywhere(tmp_path: Path) -> None:
    values = Values(np.array([[0.0, 0.0], [1.5, 1.0]]), np.array([2.0, 2.0]), float("nan"))
    trace = Trace([np.array([START, GOAL])], np.array([True]), values)
    style.write(partial(maze_figures.value_maps, STITCH, {"IQL": trace}), tmp_path / "x")
    assert len(list(tmp_path.iterdir())) == len(style.FORMATS)


def test_the_numbers_behind_a_map_are_its_squares_and_paths() -> None:
    places = np.array([STITCH.start_xy, STITCH.start_xy, STITCH.goal_xy])
    values = Values(places, np.array([1.0, 3.0, 8.0]), 0.5)
    traces = {"IQL": Trace([places], np.array([True]), values),
              "BC": Trace([places[:1]], np.array([False]), None)}  # fmt: skip
    frame = plotted.maze(STITCH, traces)
    squares = frame[frame["what"] == "value"]
    assert squares["value"].to_list() == [2.0, 8.0]
    half = STITCH.cell / maze_squares.BINS / 2
    for place, row in zip(
        (STITCH.start_xy, STITCH.goal_xy), squares.to_dict("records"), strict=True
    ):
        assert abs(row["x"] - place[0]) <= half + 1e-9
        assert abs(row["y"] - place[1]) <= half + 1e-9
    paths = frame[frame["what"] == "path"]
    assert paths["method"].to_list() == ["IQL"] * 3 + ["BC"]
    assert paths["x"].to_list()[:3] == places[:, 0].tolist()
