"""Config files as validated models; any problem becomes a one-sentence error."""

from __future__ import annotations

import csv
import math
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from bench.config.yaml_files import read_text
from bench.errors import BenchError, unknown
from bench.files import decode_json


class Strict(BaseModel):
    """A frozen model in which an undeclared key, NaN or an infinity is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name is not None
        check_numbers(value, cls.model_fields[info.field_name].annotation)
        return value


def check_numbers(value: object, kind: object) -> None:
    """Raise ValueError if `value`, or an item of it, is true or false and `kind` is not.

    YAML reads yes, no, on and off as true and false, and pydantic these as 1 and 0.
    """
    items = value if isinstance(value, list | tuple) else [value]
    if kind is not bool and any(isinstance(item, bool) for item in items):
        raise ValueError(
            "yes, no, on, off, true and false are no numbers or names; write the number, or quotes"
        )


Model = TypeVar("Model", bound=BaseModel)


def parse_json(text: str, option: str) -> object:
    """Parse the JSON given to the command-line option `option`."""
    try:
        return decode_json(text)
    except ValueError as error:
        raise BenchError(f"{option}: not valid JSON ({error}); pass what the log shows.") from None


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a tab-separated file with a header, omitting empty cells.

    Blank lines and lines starting with # are skipped. Values stay text; `validate` converts them.
    Raise BenchError if the file is not a table or its header repeats or lacks a column.
    """
    lines = [s for s in read_text(path).splitlines() if s.strip() and not s.startswith("#")]
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
    if error["type"] == "string_pattern_mismatch" and len(path) == 1:
        wanted = model.model_fields[field].description or "a name"
        message = f"{error['input'][:60]!r} does not fit; needed: {wanted}"
    prefix = f"{field}: " if field else ""
    raise BenchError(f"{where}: {prefix}{message}{remedy(error['type'], error['input'])}.")


def configure(kind: type[Any], given: dict[str, Any], where: str) -> Any:
    """Return the method's Config with the given fields; raise BenchError at a bad one.

    Lists become tuples: YAML and JSON only have lists, a frozen Config takes tuples.
    """
    known = [field.name for field in fields(kind)]
    for key in given:
        if key not in known:
            raise unknown(f"{where}, config", "setting", key, known)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    kinds = get_type_hints(kind)
    for key, value in values.items():
        try:
            check_numbers(value, kinds[key])
        except ValueError as refusal:
            raise BenchError(f"{where}, config, {key}: {refusal}.") from None
    try:
        TypeAdapter(kind).validate_python(values)
    except ValidationError as failure:
        error = failure.errors()[0]
        field = ".".join(map(str, error["loc"]))
        raise BenchError(f"{where}, config, {field}: {error['msg']}.") from None
    return kind(**values)


def remedy(kind: str, value: object) -> str:
    """Return what to write instead of a value of the wrong type, where it can be guessed."""
    if isinstance(value, str) and kind in ("tuple_type", "list_type"):
        return f"; write [{value}]"
    if isinstance(value, str) and kind in ("float_type", "int_type", "type"):
        return f"; YAML reads {value} as text: write {number}" if (number := _number(value)) else ""
    return ""


def _number(text: str) -> str:
    """Return a number that YAML takes for text, such as 3e-4, in a form that it reads."""
    try:
        value = float(text)
    except ValueError:
        return ""
    if not math.isfinite(value):
        return ""
    return repr(value) if "e" not in repr(value) else f"{value:.10f}".rstrip("0")


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
