"""YAML that a reader would misunderstand, or that would take a machine's memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.projects import one_sentence

from bench.config.yaml_files import LARGEST, read_yaml
from bench.errors import BenchError

LAUGHS = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("suite: a\noverrides: []\nsuite: b\n", "the key 'suite' occurs twice; remove one"),
        ("suite: {a: 1, a: 2}\n", "the key 'a' occurs twice"),
        ("null: 1\n", "the key None is no text; put it in quotes, or correct it"),
        ("a: {5: 1}\n", "the key 5 is no text"),
        ("on: 1\n", "the key True is no text"),
        ("updates: 010\n", "'010' is no decimal number; write it in digits alone"),
        ("updates: 1:00\n", "'1:00' is no decimal number"),
        ("updates: 0x10\n", "'0x10' is no decimal number"),
        ("updates: 1:00.5\n", "'1:00.5' is no decimal number"),
        ("updates: .nan\n", "nan is not a finite number"),
        ("updates: -.inf\n", "-inf is not a finite number"),
        ("a: " + "[" * 50 + "]" * 50, "more than 20 levels of nesting"),
        ("a: " + "[" * 100_000, "more than 20 levels of nesting"),
        (LAUGHS, "aliases expand to more than 100,000 values"),
        ("a: &a [*a]\n", "aliases expand to more than"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("? [a, b]\n: 1\n", "unhashable key"),
        ("a: 2026-13-41\n", "not valid YAML"),
        ("a: \x07\n", "not valid YAML"),
        ("- 1\n", "expected keys and values"),
        ("", "expected keys and values"),
    ],
)
def test_a_sentence(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    with pytest.raises(BenchError) as caught:
        read_yaml(path)
    sentence = one_sentence(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert said in sentence


def test_aliases_that_do_not_multiply_are_read(tmp_path: Path) -> None:
    path = tmp_path / "methods.yaml"
    path.write_text("a: &x {k: 1}\nb: {<<: *x, k: 2}\nc: *x\n")
    assert read_yaml(path) == {"a": {"k": 1}, "b": {"k": 2}, "c": {"k": 1}}


def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    with open(path, "wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(BenchError, match="larger than 4 MiB"):
        read_yaml(path)


def test_text_of_others_cannot_steer_a_terminal_or_fill_it() -> None:
    said = str(BenchError("file\x1b[2J\u202e: " + "x" * 10_000 + "; remedy."))
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert len(said) <= 500
    assert said.endswith("x; remedy.")


def test_a_folder_or_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path, tmp_path / "pipe.yaml"):
        with pytest.raises(BenchError, match="a folder or a pipe, not a file"):
            read_yaml(path)


def test_each_reader_gets_content_of_its_own(tmp_path: Path) -> None:
    """Equal text is parsed once."""
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    for path in (one, other):
        path.write_text("methods: [iql]\n")
    read_yaml(one)["methods"].append("bc")
    assert read_yaml(one) == read_yaml(other) == {"methods": ["iql"]}
    one.write_text("methods: [awr]\n")
    assert read_yaml(one) == {"methods": ["awr"]}
