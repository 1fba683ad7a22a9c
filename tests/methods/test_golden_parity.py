"""docs/parity.md says what the golden tests measure."""

from __future__ import annotations

import re

import pytest
from helpers.golden.parity import LITTLE, PAGE, digit, page

FIGURE = re.compile(r"\b\d(?:e-\d+)?(?= \||\))")


def apart(written: str, measured: str) -> list[tuple[str, str]]:
    """The figures of a page that differ by more than its rounding."""
    pairs = zip(FIGURE.findall(written), FIGURE.findall(measured), strict=True)
    return [(a, b) for a, b in pairs if not alike(float(a), float(b))]


def alike(a: float, b: float) -> bool:
    """Within a factor of ten, or both no more than float64 rounds away."""
    low, high = sorted((a, b))
    return high <= LITTLE or high <= 10 * low * (1 + 1e-9)


def test_the_page_is_what_the_tests_measure() -> None:
    written, measured = PAGE.read_text(), page()
    assert FIGURE.sub("#", written) == FIGURE.sub("#", measured), "run tests/golden/parity.py"
    assert not apart(written, measured), "run tests/golden/parity.py"


def test_a_wrong_figure_would_be_found() -> None:
    line = "| a | in float32 (0); an episode (4e-16) | 2e-16 | 3e-07 | – |"
    assert FIGURE.findall(line) == ["0", "4e-16", "2e-16", "3e-07"]
    assert not apart(line, line.replace("2e-16", "9e-15").replace("3e-07", "9e-07"))
    assert apart(line, line.replace("3e-07", "4e-06")) == [("3e-07", "4e-06")]
    assert apart(line, line.replace("2e-16", "1e-10")) == [("2e-16", "1e-10")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (2e-16, "2e-16"), (2.1e-16, "3e-16"), (9.5e-8, "1e-07"), (float("nan"), "–")],
)
def test_figures_are_rounded_up_to_one_digit(value: float, text: str) -> None:
    assert digit(value) == text
