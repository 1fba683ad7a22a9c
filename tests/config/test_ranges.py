"""Every number that a suite or a method takes has a range and a unit; the rest is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.paths import ROOT

from bench.config import registry
from bench.config.catalogue import METHOD_SCHEMA, Catalogue
from bench.config.d4rl_files import Source
from bench.config.method_types import Method
from bench.config.task import Task
from bench.config.types import Settings, Suite
from bench.config.validation import configure
from bench.config.yaml_files import read_yaml
from bench.errors import BenchError

LOWER, UPPER = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}
SCHEMAS = read_yaml(ROOT / METHOD_SCHEMA)
FIELDS = [(m, f, s) for m, c in SCHEMAS.items() for f, s in c["properties"].items()]


def numbers(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schemas of all numbers in a field's schema."""
    if schema.get("type") in ("number", "integer"):
        yield schema
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from numbers(schema[key])
    for key in ("anyOf", "prefixItems"):
        for part in schema.get(key, ()):
            yield from numbers(part)


def test_no_number_of_a_method_is_without_a_range() -> None:
    missing = [
        f"{method}.{field}"
        for method, field, schema in FIELDS
        for number in numbers(schema)
        if not (LOWER & number.keys() and UPPER & number.keys())
    ]
    assert missing == []


def test_no_number_of_a_method_is_without_a_unit() -> None:
    missing = [
        f"{method}.{field}"
        for method, field, schema in FIELDS
        if list(numbers(schema)) and "description" not in str(schema)
    ]
    assert missing == []


@pytest.mark.parametrize("model", [Suite, Settings, Task, Method, Source])
def test_no_number_of_the_other_files_is_without_a_range(model: type[Any]) -> None:
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    missing = [
        name
        for part in parts
        for name, field in part.get("properties", {}).items()
        for number in numbers(field)
        if not (LOWER & number.keys() and UPPER & number.keys())
    ]
    assert missing == []


BAD = [
    *(("iql", "learning_rate", value) for value in (-1, 0, 2, "3e-4", float("nan"))),
    *(("iql", "discount", value) for value in (7, -0.1, True)),
    *(("iql", "expectile", value) for value in (2, -3, 99, 0, 1)),
    *(("iql", "temperature", value) for value in (-5, float("inf"))),
    *(("iql", "hidden", value) for value in ([], [0], [-1], [16.0], [10**6, 10**6], 16, "16")),
    ("iql", "polyak", 0),
    ("dt", "dropout", 1.5),
    ("td3_bc", "policy_every", 0),
    ("cql", "samples", -1),
]


@pytest.mark.parametrize(("method", "field", "value"), BAD)
def test_a_setting_outside_its_range_is_refused(
    method: str, field: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    catalogue = Catalogue()
    suite = read_yaml(ROOT / "config/quick.yaml") | {"methods": [method], "baseline": None}
    suite["overrides"] = [{"config": {field: value}, "reason": "a test"}]
    suite.pop("maps", None)
    with pytest.raises(BenchError, match=f"setting '{field}' is"):
        catalogue.suite(suite, "bad.yaml")


@pytest.mark.parametrize(("method", "field", "value"), [b for b in BAD if b[2] != [16.0]])
def test_a_job_checks_its_own_settings_again(method: str, field: str, value: Any) -> None:
    if value == "3e-4":
        pytest.skip("read as the number, which is in its range")
    with pytest.raises(BenchError, match=f"--settings, config, {field}"):
        configure(registry.load(method).Config, {field: value}, "--settings")


def test_a_number_that_yaml_takes_for_text_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    suite = read_yaml(ROOT / "config/quick.yaml")
    suite["overrides"] = [{"config": {"learning_rate": "3e-4"}, "reason": "a test"}]
    with pytest.raises(BenchError, match=r"YAML reads 3e-4 as text: write 0\.0003"):
        Catalogue().suite(suite, "bad.yaml")
    plain = {"methods": ["iql@expectile=nan"], "overrides": [], "maps": None, "baseline": None}
    with pytest.raises(BenchError, match=r"type 'number'\.$"):  # nothing to write instead
        Catalogue().suite(suite | plain, "bad.yaml")
    said = "suite: '../x' does not fit; needed: name of lower-case letters, digits and hyphens"
    with pytest.raises(BenchError, match=re.escape(said)):
        Catalogue().suite(suite | {"suite": "../x"}, "bad.yaml")
    with pytest.raises(BenchError, match=r"methods: .*; write \[bc\]"):
        Catalogue().suite(suite | {"methods": "bc"}, "bad.yaml")
