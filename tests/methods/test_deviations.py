"""docs/deviations.md: a section for every offline method, no value that the code contradicts."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from helpers.deviations_page import (
    COMMON,
    LINES,
    METHODS_YAML,
    PAGE,
    SECTIONS,
    Line,
    actual,
    plain,
    read,
)
from helpers.paths import ROOT

from bench.config import registry
from bench.config.yaml_files import read_yaml

LISTS = ["From the paper's row", "From the official code"]
FORM = "`setting: ours (source: theirs)` or `family.setting: ours (source: theirs)`"
VALUE = re.compile(
    r"(?:(?P<scope>\w+)\.)?(?P<setting>\w+): (?P<ours>.+) \(source: (?P<theirs>.+)\)"
)
SUITE_VALUE = re.compile(
    r"(?P<suite>[\w-]+)\.yaml (?P<path>[\w.]+): (?P<ours>.+) \(source: (?P<theirs>.+)\)"
)


def spans(text: str) -> list[str]:
    """What stands between backticks and names a value."""
    return [span for span in re.findall(r"`([^`]+)`", text) if ": " in span]


def parse(text: str) -> Any:
    """A number, a tuple, true, false or a word."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False}.get(text, text)


def of_suite(method: str, suite: str, path: str) -> list[Any]:
    """The value at a path of a suite's file, which must run the method."""
    file = ROOT / f"config/{suite}.yaml"
    value = read_yaml(file) if file.exists() else {"methods": []}
    assert method in value["methods"], f"no suite {suite}.yaml runs {method}"
    for key in path.split("."):
        assert key in value, f"{suite}.yaml has no '{path}'"
        value = value[key]
    return [plain(value)]


def check(method: str, span: str) -> None:
    """Raise AssertionError where a line's value is not ours, or is the source's too."""
    value = VALUE.fullmatch(span) or SUITE_VALUE.fullmatch(span)
    assert value, f"`{span}`: write {FORM}"
    ours, theirs = parse(value["ours"]), parse(value["theirs"])
    assert ours != theirs, f"`{span}`: the source has the same value, so the line can go"
    if value.re is SUITE_VALUE:
        found = of_suite(method, value["suite"], value["path"])
    else:
        found = actual(method, value["scope"], value["setting"])
    assert all(f == ours for f in found), f"`{span}`: ours is {found}"


# --- the page -------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in registry.OFFLINE if n in METHODS_YAML])
def test_an_offline_method_with_a_source_has_a_section(name: str) -> None:
    assert name in SECTIONS, f"docs/deviations.md: write a section of {name}"
    title = f"## {METHODS_YAML[name]['label']} (`{name}`)"
    assert title in PAGE.read_text().splitlines()


def test_sections_are_of_registered_methods() -> None:
    assert set(SECTIONS) <= {COMMON, *registry.METHODS}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_has_both_lists(name: str) -> None:
    assert SECTIONS[name] == LISTS
    for heading in LISTS:
        assert [line for line in LINES if line[:2] == (name, heading)], f"{heading}: nothing listed"


def reasoned(line: Line) -> bool:
    words = re.sub(r"`[^`]*`", "code", line.text)  # which may hold a colon of its own
    return re.fullmatch(r".+: \S.*\.", words) is not None


def test_every_line_gives_its_reason() -> None:
    assert [line for line in LINES if not reasoned(line)] == [], "write `- what: why.`"


@pytest.mark.parametrize("name", SECTIONS)
def test_the_lines_of_a_section_have_the_values_of_the_code(name: str) -> None:
    for line in (line for line in LINES if line.section == name):
        if name == COMMON:
            assert not spans(line.text), f"{line.text}: values belong to a method's section"
        for span in spans(line.text):
            check(name, span)


# --- the checker ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ("expectile: 0.7 (source: 0.5)", "ours is"),  # 0.9 in the maze
        ("locomotion.expectile: 0.8 (source: 0.5)", "ours is"),
        ("locomotion.expectile: 0.7 (source: 0.70)", "same value"),
        ("hidden: (256,) (source: (64, 64))", "ours is"),
        ("pointmaze.rewards: raw (source: minus_one)", "ours is"),
        ("cosine_actor: false (source: true)", "ours is"),
        ("batch_size: 64 (source: 256)", "ours is"),
        ("expectil: 0.7 (source: 0.5)", "no setting"),
        ("kitchen.expectile: 0.7 (source: 0.5)", "no family"),
        ("discount: 0.95", "write"),
        ("paper.yaml evaluation.episodes: 20 (source: 100)", "ours is"),
        ("paper.yaml evaluation.episode: 10 (source: 100)", "has no"),
        ("paper-finetune.yaml evaluation.episodes: 100 (source: 100)", "same value"),
        ("paper-again.yaml evaluation.episodes: 10 (source: 100)", "no suite"),
    ],
)
def test_a_wrong_line_would_be_found(span: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check("iql", span)


@pytest.mark.parametrize(
    ("method", "span"),
    [
        ("iql", "locomotion.expectile: 0.7 (source: 0.5)"),
        ("iql", "pointmaze.rewards: minus_one (source: raw)"),
        ("iql", "observations: raw (source: standardised)"),
        ("iql", "hidden: (256, 256) (source: (64, 64))"),
        ("iql", "cosine_actor: true (source: false)"),
        ("iql", "learning_rate: 3e-4 (source: 1e-3)"),
        ("bc", "batch_size: 256 (source: 64)"),
        ("iql", "paper.yaml evaluation.episodes: 10 (source: 100)"),
        ("awr", "Hopper.policy_learning_rate: 1e-4 (source: 5e-5)"),
    ],
)
def test_a_right_line_passes(method: str, span: str) -> None:
    check(method, span)


def test_the_page_is_read_as_it_is_written() -> None:
    page = "# A\n\n- no\n## Every method\n### X\n- a: b.\n## IQL (`iql`)\ntext\n### Y\n- c.\n- d\n"
    sections, lines = read(page.replace("- no\n", ""))
    assert sections == {"Every method": ["X"], "iql": ["Y"]}
    assert lines == [("Every method", "X", "a: b."), ("iql", "Y", "c."), ("iql", "Y", "d")]
