"""The figures of mazes: what is drawn where, and equal data give equal files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench import figures, maze_figures
from bench.stats import SUMMARY_COLUMNS

LABELS = {"iql": "IQL", "bc": "BC", "dt": "DT"}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved."""
    seen: list[Figure] = []
    write = figures.save

    def note(figure: Figure, stem: Path) -> None:
        write(figure, stem)
        seen.append(figure)

    monkeypatch.setattr(maze_figures, "save", note)
    return seen


def same_bytes(one: Path, two: Path) -> None:
    for kind in figures.FORMATS:
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
def test_success_bars(tmp_path: Path, drawn: list[Figure], tasks: tuple[str, ...]) -> None:
    paper = {("a-b", "iql"): 87.5, ("a-c", "dt"): 10.0}
    for name in ("one", "two"):
        maze_figures.success_bars(summary(), LABELS, tasks, paper, tmp_path / name)
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
    assert names == [*LABELS.values(), "paper, on D4RL's data"]


def _legends(figure: Figure) -> list:
    return [*figure.legends, *(a.get_legend() for a in figure.axes if a.get_legend())]


def test_bars_have_the_methods_colours(tmp_path: Path, drawn: list[Figure]) -> None:
    maze_figures.success_bars(summary(), LABELS, ["a-b"], {}, tmp_path / "x")
    bars = drawn[0].axes[0].patches
    for bar, method in zip(bars, ("iql", "bc"), strict=True):
        assert bar.get_facecolor()[:3] == pytest.approx(figures.look(method).color[:3])
    assert "paper" not in str([t.get_text() for g in _legends(drawn[0]) for t in g.get_texts()])
