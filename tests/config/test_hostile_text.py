"""Hostile text in every key of every configuration file: refused, or free text that is only shown.

The workflow's tests run a suite whose free text is hostile through the real `snakemake`.
"""

from __future__ import annotations

import copy
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.paths import ROOT
from helpers.projects import METHODS, MINIMAL, TASKS, one_sentence, write_project

from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import read_sources
from bench.errors import BenchError

HOSTILE = (
    "x; touch OWNED",
    "$(touch OWNED)",
    "`touch OWNED`",
    "x' ; touch OWNED '",
    'x" ; touch OWNED "',
    "x\ntouch OWNED",
    "../../outside",
    "/outside",
    "x #",
    "{wildcards.suite}",
    "{0}",
    "\u202egpj.exe",
    "x\x00",
    "-rf",
    "~",
    "*",
)
# Keys whose text is shown to readers and used for nothing else.
FREE = {"title", "description", "reason", "label", "reference", "source", "published"}
SUITE: dict[str, Any] = MINIMAL | {
    "description": "d",
    "baseline": "bc",
    "precision": "float32",
    "overrides": [
        {
            "methods": ["iql"],
            "families": ["locomotion"],
            "rewards": "raw",
            "observations": "raw",
            "config": {"expectile": 0.7},
            "reason": "a test",
        }
    ],
}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value that is not a collection."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from places(value, (*path, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from places(value, (*path, index))
    else:
        yield path


def changed(content: Any, path: tuple[Any, ...], value: object) -> Any:
    content = copy.deepcopy(content)
    place = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return content


def field_of(path: tuple[Any, ...]) -> str:
    return next(str(part) for part in reversed(path) if isinstance(part, str))


def test_the_suite_is_right_without_hostile_text() -> None:
    assert Catalogue().suite(SUITE, "tiny.yaml").baseline == "bc"


@pytest.mark.parametrize("path", list(places(SUITE)), ids=str)
def test_a_suite(path: tuple[Any, ...]) -> None:
    catalogue = Catalogue()
    for text in HOSTILE:
        content = changed(SUITE, path, text)
        if field_of(path) in FREE:
            assert catalogue.suite(content, "tiny.yaml")
        else:
            with pytest.raises(BenchError) as caught:
                catalogue.suite(content, "tiny.yaml")
            assert len(one_sentence(caught.value)) <= 500


@pytest.mark.parametrize("path", list(places(METHODS)), ids=str)
def test_the_method_file(path: tuple[Any, ...]) -> None:
    for text in HOSTILE:
        content = changed(METHODS, path, text)
        Path("config/methods.yaml").write_text(yaml.safe_dump(content))
        if field_of(path) in FREE:
            assert Catalogue()
        else:
            with pytest.raises(BenchError) as caught:
                Catalogue()
            assert len(one_sentence(caught.value)) <= 500


def rows_with(lines: list[str], column: int, text: str) -> str:
    """Return a table whose first row has the text in a column."""
    first = lines[1].split("\t")
    first[column] = text
    return "\n".join([lines[0], "\t".join(first), *lines[2:]]) + "\n"


@pytest.mark.parametrize("column", TASKS.splitlines()[0].split("\t"))
def test_the_task_table(column: str) -> None:
    lines = TASKS.splitlines()
    for text in HOSTILE:
        place = lines[0].split("\t").index(column)
        Path("config/tasks.tsv").write_text(rows_with(lines, place, text))
        if column in FREE and text.isprintable():
            assert Catalogue()
        elif column not in FREE:
            with pytest.raises(BenchError) as caught:
                Catalogue()
            assert len(one_sentence(caught.value)) <= 500


@pytest.mark.parametrize("column", ["dataset", "urls", "bytes", "sha256", "jumps"])
def test_the_table_of_d4rls_files(column: str, tmp_path: Path) -> None:
    text = (ROOT / "config/d4rl.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    [header] = csv.reader(lines[:1], delimiter="\t")
    for hostile in HOSTILE:
        path = tmp_path / "d4rl.tsv"
        path.write_text(rows_with(lines, header.index(column), hostile))
        with pytest.raises(BenchError) as caught:
            read_sources(path)
        assert len(one_sentence(caught.value)) <= 500


def test_an_address_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    text = (ROOT / "config/d4rl.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for address in ("http://x/..", "http://x/.hidden", "file:///etc/passwd", "http://x/", "x.hdf5"):
        path = tmp_path / "d4rl.tsv"
        path.write_text(rows_with(lines, lines[0].split("\t").index("urls"), address))
        with pytest.raises(BenchError, match="urls"):
            read_sources(path)
