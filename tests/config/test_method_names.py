"""The name of a method becomes a folder: one spelling each, and nothing that a shell reads."""

from __future__ import annotations

import json

import pytest
from helpers.projects import one_sentence, suite_of, write_project
from hypothesis import given
from hypothesis import strategies as st

from bench.config.method_names import check_method_name, label_of, value_of
from bench.config.registry import settings_of
from bench.errors import BenchError

HOSTILE = (
    "iql@hidden=[16,#$(touch OWNED)\n16]",
    "iql@expectile=0.5 #/../../../../../evil",
    "iql@expectile=0.5'",
    'iql@expectile="0.5"',
    "iql@expectile=$(id)",
    "iql@expectile=`id`",
    "iql@expectile={0}",
    "iql@expectile=0.5;id",
    "iql@expectile=",
    "iql@",
    "iql@expectile=0.5\n",
    "../iql",
    "iql/..",
    "iql@hidden=../..",
    "iql@expectile=0.\u0665",
    "iql@expectile=.5",
    "",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused(
    name: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(str(tmp_path))
    with pytest.raises(BenchError) as caught:
        suite_of(methods=["iql", name])
    assert "methods" in one_sentence(caught.value)


@pytest.mark.parametrize(
    ("given_value", "spelling"),
    [("0.50", "0.5"), ("3e-4", "0.0003"), ("1.0", "1"), ("5E-1", "0.5"), ("[8,8.0]", "[8,8]")],
)
def test_a_value_has_one_spelling(given_value: str, spelling: str) -> None:
    with pytest.raises(ValueError, match="write the value as") as caught:
        check_method_name(f"iql@setting={given_value}")
    assert str(caught.value).endswith(spelling)
    assert check_method_name(f"iql@setting={spelling}") == f"iql@setting={spelling}"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e999"])
def test_what_is_not_finite_is_no_number(word: str) -> None:
    assert value_of(word) == word


@given(st.floats(0, 1e6) | st.integers(-(10**6), 10**6) | st.booleans())
def test_the_spelling_of_a_value_reads_back_as_the_value(value: float) -> None:
    name = f"iql@setting={json.dumps(value)}"
    try:
        check_method_name(name)
    except ValueError as error:
        name = f"iql@setting={str(error).rpartition(' ')[2]}"
    assert value_of(settings_of(check_method_name(name))["setting"]) == value


def test_a_name_may_have_several_settings_in_their_order() -> None:
    name = "iql@learning_rate=0.001@polyak=0.02"
    assert settings_of(check_method_name(name)) == {"learning_rate": "0.001", "polyak": "0.02"}
    assert label_of("IQL", name) == "IQL, learning rate 0.001, polyak 0.02"
    for other in ("iql@polyak=0.02@learning_rate=0.001", "iql@polyak=0.1@polyak=0.02"):
        with pytest.raises(ValueError, match="name each setting once and in order: iql@"):
            check_method_name(other)


def test_a_name_without_end_is_refused() -> None:
    assert check_method_name(f"iql@{'a' * 80}=1")
    with pytest.raises(ValueError, match="is not a method's name") as caught:
        check_method_name(f"iql@{'a' * 100}=1")
    assert len(str(caught.value)) < 300
