"""The reader of the project's YAML files."""

from __future__ import annotations

import copy
import math
import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from bench.errors import BenchError
from bench.paths import shipped

LARGEST = 4 << 20  # bytes of a configuration file; the project's own have some 20 kB
DEEPEST = 20  # levels of nesting in one
MOST_VALUES = 100_000  # in one


# libyaml reads some ten times as fast as the parser in Python, which a source build may have alone.
Fast: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class PlainLoader(Fast):
    """YAML's plain values: keys are text and occur once, no NaN, no aliases that multiply."""

    def get_single_node(self) -> Any:
        node = super().get_single_node()
        if node is not None and _expanded(node, {}) > MOST_VALUES:
            message = f"aliases expand to more than {MOST_VALUES:,} values"
            raise ConstructorError(None, None, message, node.start_mark)
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, _ in node.value:
            if names.count(key.value) > 1:
                message = f"the key '{key.value}' occurs twice; remove one"
                raise ConstructorError(None, None, message, key.start_mark)
        content: dict[Any, Any] = super().construct_mapping(node, deep)
        for key in content:
            if not isinstance(key, str):
                message = f"the key {key} is no text; put it in quotes, or correct it"
                raise ConstructorError(None, None, message, node.start_mark)
        return content

    def construct_yaml_int(self, node: Any) -> int:
        if not re.fullmatch(r"[-+]?(0|[1-9][0-9_]*)", node.value):  # 010 would be 8, 1:00 be 60
            message = f"'{node.value}' is no decimal number; write it in digits alone"
            raise ConstructorError(None, None, message, node.start_mark)
        return int(super().construct_yaml_int(node))

    def construct_yaml_float(self, node: Any) -> float:
        value = super().construct_yaml_float(node)
        if ":" in node.value:  # 1:30.5 would be 90.5
            message = f"'{node.value}' is no decimal number; write it in digits alone"
            raise ConstructorError(None, None, message, node.start_mark)
        if not math.isfinite(value):
            raise ConstructorError(None, None, f"{value} is not a finite number", node.start_mark)
        return value


@lru_cache(maxsize=8)  # the schema of the methods takes most of the time of reading a suite
def _content(text: str) -> Any:
    _check_depth(text)
    return PlainLoader(text).get_single_data()


def _check_depth(text: str) -> None:
    """Refuse great depth before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, Loader=Fast):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else "?"
            raise yaml.YAMLError(f"more than {DEEPEST} levels of nesting, line {line}")


def _expanded(node: Any, found: dict[int, float]) -> float:
    """Return how many values a node holds, each alias counted as what it stands for."""
    if id(node) not in found:
        found[id(node)] = math.inf  # until it is known: an alias of itself has no end
        parts: list[Any] = []
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            parts = node.value
        found[id(node)] = 1 + sum(_expanded(part, found) for part in parts)
    return found[id(node)]


PlainLoader.add_constructor("tag:yaml.org,2002:int", PlainLoader.construct_yaml_int)
PlainLoader.add_constructor("tag:yaml.org,2002:float", PlainLoader.construct_yaml_float)


def read_text(path: Path) -> str:
    """Return the text of a configuration file, the project's own or else the one shipped.

    Raise BenchError if it is not readable UTF-8.
    """
    path = shipped(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # nothing would ever come out of a pipe
            raise BenchError(f"{path}: a folder or a pipe, not a file; save the text as a file.")
        if path.stat().st_size > LARGEST:
            raise BenchError(f"{path}: larger than {LARGEST >> 20} MiB; is this the right file?")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BenchError(f"{path}: file not found; run from the project's folder.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(f"{path}: not a readable text file ({error}); save it as UTF-8.") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise BenchError naming `path` if there is none."""
    try:
        content = copy.deepcopy(_content(read_text(path)))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date with a month 13
        first = " ".join(str(error).split())
        raise BenchError(f"{path}: not valid YAML ({first}); fix that line.") from None
    if not isinstance(content, dict):
        raise BenchError(f"{path}: expected keys and values; see config/README.md.")
    return content
