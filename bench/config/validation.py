"""Config files as validated models; any problem becomes a one-sentence error."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import BenchError, unknown


class Strict(BaseModel):
    """A frozen model in which an undeclared key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BenchError(f"{path}: file not found; run from the project's root.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(f"{path}: not a readable text file ({error}); save it as UTF-8.") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise BenchError naming `path` if there is none."""
    try:
        content = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        first = " ".join(str(error).split())
        raise BenchError(f"{path}: not valid YAML ({first}); fix that line.") from None
    if not isinstance(content, dict):
        raise BenchError(f"{path}: expected keys and values; see config/README.md.")
    return content


def parse_json(text: str, option: str) -> object:
    """Parse the JSON given to the command-line option `option`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BenchError(f"{option}: not valid JSON ({error}); pass what the log shows.") from None


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a tab-separated file with a header, omitting empty cells.

    Blank lines and lines starting with # are skipped. Values stay text; `validate` converts them.
    Raise BenchError if the file is not a table or its header repeats or lacks a column.
    """
    lines = [s for s in _text(path).splitlines() if s.strip() and not s.startswith("#")]
    if not lines:
        raise BenchError(f"{path}: not a table (it has no header); see config/README.md.")
    try:
        header, *rows = csv.reader(lines, delimiter="\t", strict=True)
    except csv.Error as error:
        raise BenchError(f"{path}: not a table ({error}); see config/README.md.") from None
    for name in header:
        if header.count(name) > 1:
            raise BenchError(f"{path}, header: '{name}' occurs twice; remove one.")
    if any(len(row) > len(header) for row in rows):
        raise BenchError(
            f"{path}, header: has fewer columns than a row below; see config/README.md."
        )
    return [{name: cell for name, cell in zip(header, row, strict=False) if cell} for row in rows]


def validate(model: type[Model], raw: object, where: str) -> Model:
    """Return `raw` as a model; raise BenchError with pydantic's first error, after `where`."""
    try:
        return model.model_validate(raw)
    except ValidationError as failure:
        # A misspelt key also leaves the right one missing: report the misspelling.
        errors = failure.errors()
        error = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    path = [str(part) for part in error["loc"]]
    field = ".".join(path)
    if error["type"] == "extra_forbidden":
        place = f"{where}, {'.'.join(path[:-1])}" if path[:-1] else where
        raise unknown(place, "key", path[-1], _siblings(model, error["loc"]))
    if error["type"] == "missing":
        raise BenchError(f"{where}: the key '{field}' is missing; add it.")
    message = error["msg"].removeprefix("Value error, ")
    prefix = f"{field}: " if field else ""
    raise BenchError(f"{where}: {prefix}{message}.")


def _siblings(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the names allowed next to the unknown key at `location`."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for part in location[:-1]:
        if isinstance(part, int):
            node = node["items"]
        else:
            node = node.get("properties", {}).get(part) or node["additionalProperties"]
        node = next((n for n in node.get("anyOf", ()) if "$ref" in n), node)  # optional model
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return list(node["properties"])
