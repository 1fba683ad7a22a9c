"""The markup of captions, in every format that reads it."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bench.report.markup import plain, rst, rst_captions, spans, typographic


def test_each_face() -> None:
    text = "*Bold*: a mean; __under it__, _n/a_ in `x_y.csv`, see @aggregate."
    assert spans(text) == [
        ("bold", "Bold"),
        ("plain", ": a mean; "),
        ("underlined", "under it"),
        ("plain", ", "),
        ("italics", "n/a"),
        ("plain", " in "),
        ("code", "x_y.csv"),
        ("plain", ", see "),
        ("table", "aggregate"),
        ("plain", "."),
    ]


@given(st.text(min_size=1))
def test_what_comes_from_files_is_shown_as_it_is(text: str) -> None:
    assert spans(plain(text)) == [("plain", text)]
    assert spans(f"*{plain(text)}*") == [("bold", text)]


def test_a_lone_mark_is_text() -> None:
    for text in ("5 * 3 and a_b @ 2", "ci_low and ci_high", "me@example", "2*3*4"):
        assert spans(text) == [("plain", text)]


def test_restructured_text_is_escaped() -> None:
    assert rst(spans(rf"*Bold* of {plain('a_b|c*')}, `d_e`, @scores")) == (
        r"**Bold** of a\_b\|c\*, ``d_e``, table *scores*"
    )


def test_captions_of_a_report_that_is_not_there_or_older(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert rst_captions(path) == {}
    path.write_text(json.dumps({"suite": "older"}))
    assert rst_captions(path) == {}


def test_apostrophes_are_curved_except_in_code() -> None:
    given = {"a": ["IQL's, the sources' own", ("code", "it's"), ("bold", "it's")],
             "b": {"kind": "code", "text": "echo 'x'"}, "c": None, "d": "'all'"}  # fmt: skip
    assert typographic(given) == {
        "a": ["IQL’s, the sources’ own", ("code", "it's"), ["bold", "it’s"]],
        "b": {"kind": "code", "text": "echo 'x'"}, "c": None, "d": "'all'",
    }  # fmt: skip


def test_a_link_is_a_face_of_its_own() -> None:
    assert spans("see <https://example.org/a> or a < b") == [
        ("plain", "see "), ("link", "https://example.org/a"), ("plain", " or a < b"),
    ]  # fmt: skip
    assert spans(plain("<https://example.org>")) == [("plain", "<https://example.org>")]
