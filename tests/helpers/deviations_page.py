"""docs/deviations.md as data: its sections, its lines, and the settings that they name."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any, NamedTuple

from bench.config import registry
from bench.config.types import SHARED, SHARED_DEFAULTS, Suite
from bench.config.yaml_files import read_yaml
from helpers.paths import ROOT

PAGE = ROOT / "docs/deviations.md"
COMMON = "Every method"
METHODS_YAML = read_yaml(ROOT / "config/methods.yaml")
DEFAULTS = SHARED_DEFAULTS | {"batch_size": Suite.model_fields["batch_size"].default}


class Line(NamedTuple):
    """One item of the page's lists."""

    section: str
    heading: str
    text: str


def read(page: str) -> tuple[dict[str, list[str]], list[Line]]:
    """The headings of each section, and all lines; a section is named by the method's key."""
    sections: dict[str, list[str]] = {}
    lines: list[Line] = []
    name = ""
    for text in page.splitlines():
        if text.startswith("## "):
            key = re.search(r" \(`(\w+)`\)$", text)
            name = key[1] if key else text.removeprefix("## ")
            assert name not in sections, f"two sections of {name}"
            sections[name] = []
        elif text.startswith("### "):
            sections[name].append(text.removeprefix("### "))
        elif text.startswith("- "):
            lines.append(Line(name, sections[name][-1], text.removeprefix("- ")))
    return sections, lines


SECTIONS, LINES = read(PAGE.read_text())


def plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def actual(method: str, scope: str | None, setting: str) -> list[Any]:
    """The value of a setting wherever `scope` holds: a family, a robot, or all (None)."""
    config = {field.name: field.default for field in fields(registry.load(method).Config)}
    found = []
    for family, layer in METHODS_YAML[method]["families"].items():
        values = config | DEFAULTS | {k: v for k, v in layer.items() if k in SHARED}
        values |= layer.get("config", {})
        robots = layer.get("environments", {})
        if scope in (None, family):
            found += [values, *(values | own for own in robots.values())]
        elif scope in robots:
            found.append(values | robots[scope])
    assert found, f"{method} has settings for no family or robot '{scope}'"
    assert setting in found[0], f"{method} has no setting '{setting}'"
    return [plain(values[setting]) for values in found]
