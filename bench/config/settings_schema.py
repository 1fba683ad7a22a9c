"""Check a layer's settings against the generated schema of the method's Config."""

from __future__ import annotations

import math
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.validators import extend
from pydantic import TypeAdapter

from bench.config.validation import remedy
from bench.errors import BenchError, unknown


def _integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(_: object, value: object) -> bool:
    return _integer(_, value) or (isinstance(value, float) and math.isfinite(value))


# JSON Schema takes 16.0 for an integer and NaN for a number; a layer cannot have 16.0 units.
TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _integer, "number": _number})
Validator = extend(Draft202012Validator, type_checker=TYPES)


def schema_of(config: type[Any]) -> dict[str, Any]:
    """Return the JSON schema of a method's Config, without its docstring."""
    schema = TypeAdapter(config).json_schema()
    schema.pop("description", None)
    return schema


def check_settings(
    method: str, config: dict[str, Any], schemas: dict[str, Any], where: str
) -> None:
    """Raise BenchError, beginning with `where`, at the first setting that its schema refuses.

    `schemas` holds the schema of each field of the method's Config.
    """
    for key, value in config.items():
        if key not in schemas:
            raise unknown(f"{where}, config", f"{method} setting", key, schemas)
        error = next(Validator(schemas[key]).iter_errors(value), None)
        if error is not None:
            more = remedy(str(error.validator), value)
            raise BenchError(
                f"{where}, config: {method} setting '{key}' is {value!r}; {error.message}{more}."
            )
