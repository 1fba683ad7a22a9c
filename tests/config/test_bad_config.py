"""Bad configuration: one sentence with file, field and remedy for every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.projects import MINIMAL, one_sentence, suite_of, write_project

from bench.config.catalogue import Catalogue
from bench.errors import BenchError


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)


def refusal(**changes: Any) -> str:
    """The sentence that refuses a suite."""
    with pytest.raises(BenchError) as caught:
        suite_of(**changes)
    return one_sentence(caught.value)


def test_a_stored_suite_may_have_an_override_that_applies_to_nothing() -> None:
    """Results were published with one."""
    overrides = [{"reason": "r", "methods": ["iql"], "batch_size": 8}]
    content = MINIMAL | {"methods": ["bc"], "overrides": overrides}
    assert Catalogue().suite(content, "suite.json", part=True).overrides[0].batch_size == 8


# --- bad suites -----------------------------------------------------------------------

BAD_SUITES = {
    "unknown key": ({"update": 100}, ["tiny.yaml", "'update'", "did you mean 'updates'?"]),
    "unknown inner key": (
        {"evaluation": {"every": 50, "episodes": 2, "evry": 1}},
        ["tiny.yaml", "evaluation: unknown key 'evry'", "did you mean 'every'?"],
    ),
    "unknown key of an override": (
        {"overrides": [{"reason": "r", "reward": "raw"}]},
        ["tiny.yaml", "overrides.0: unknown key 'reward'", "did you mean 'rewards'?"],
    ),
    "map of another suite's task": (
        {"maps": {"tasks": ["walker2d-medium"], "methods": ["iql"]}},
        ["tiny.yaml", "maps, tasks: walker2d-medium is not one of the suite's; add it."],
    ),
    "map of another suite's method": (
        {"maps": {"tasks": ["hopper-medium"], "methods": ["iql", "dt"]}},
        ["tiny.yaml", "maps, methods: dt is not one of the suite's; add it."],
    ),
    "map without a maze": (
        {"maps": {"tasks": ["hopper-medium"], "methods": ["iql"]}},
        ["tiny.yaml, maps, tasks: hopper-medium has no maze; remove it."],
    ),
    "unknown task": (
        {"tasks": ["hoper-medium"]},
        ["tiny.yaml", "'hoper-medium'", "did you mean 'hopper-medium'?"],
    ),
    "unknown task, nothing near": (
        {"tasks": ["zzz"]},
        ["tiny.yaml", "'zzz'", "use one of: hopper-medium, pointmaze-large-stitch."],
    ),
    "unknown method": ({"methods": ["iqll"]}, ["tiny.yaml", "'iqll'", "did you mean 'iql'?"]),
    "unknown method of an override": (
        {"overrides": [{"reason": "r", "methods": ["iqk"]}]},
        ["tiny.yaml, overrides", "'iqk'", "did you mean 'iql'?"],
    ),
    "unknown family of an override": (
        {"overrides": [{"reason": "r", "families": ["pointmase"]}]},
        ["tiny.yaml, overrides", "'pointmase'", "did you mean 'pointmaze'?"],
    ),
    "unknown method setting": (
        {"overrides": [{"reason": "r", "methods": ["iql"], "config": {"expectil": 0.5}}]},
        ["tiny.yaml, overrides", "iql setting 'expectil'", "did you mean 'expectile'?"],
    ),
    "setting that one of the methods lacks": (
        {"overrides": [{"reason": "r", "config": {"expectile": 0.5}}]},
        ["tiny.yaml, overrides", "bc setting 'expectile'", "use one of: hidden, learning_rate."],
    ),
    "method setting of a wrong type": (
        {"overrides": [{"reason": "r", "config": {"learning_rate": "fast"}}]},
        ["tiny.yaml, overrides", "iql setting 'learning_rate'", "'fast'", "number"],
    ),
    "method setting of a wrong inner type": (
        {"overrides": [{"reason": "r", "config": {"hidden": [64, "wide"]}}]},
        ["tiny.yaml, overrides", "iql setting 'hidden'", "'wide'", "integer"],
    ),
    "seed twice": ({"seeds": [0, 1, 0]}, ["tiny.yaml", "seeds: 0", "twice", "remove one"]),
    "task twice": (
        {"tasks": ["hopper-medium", "hopper-medium"]},
        ["tiny.yaml", "tasks: hopper-medium", "twice", "remove one"],
    ),
    "method twice": ({"methods": ["bc", "bc"]}, ["tiny.yaml", "methods: bc", "twice"]),
    "no seed": ({"seeds": []}, ["tiny.yaml", "seeds"]),
    "negative seed": ({"seeds": [-1]}, ["tiny.yaml", "seeds"]),
    "updates off the grid": (
        {"updates": 120},
        ["tiny.yaml", "updates: 120", "multiple of log_every=50"],
    ),
    "evaluation off the grid": (
        {"evaluation": {"every": 70, "episodes": 2}},
        ["tiny.yaml", "evaluation.every: 70", "multiple of log_every=50"],
    ),
    "wrong type": ({"updates": "many"}, ["tiny.yaml", "updates", "integer"]),
    "updates on a family": (
        {"overrides": [{"reason": "r", "updates": 20, "families": ["locomotion"]}]},
        ["tiny.yaml", "overrides.0", "updates", "remove families"],
    ),
    "updates off the log grid": (
        {"overrides": [{"reason": "r", "updates": 30}]},
        ["tiny.yaml", "overrides, updates", "log_every"],
    ),
    "fraction for a count": ({"batch_size": 2.5}, ["tiny.yaml", "batch_size", "integer"]),
    "zero updates": ({"updates": 0}, ["tiny.yaml", "updates", "greater than 0"]),
    "number for a list": ({"seeds": 5}, ["tiny.yaml", "seeds"]),
    "name that makes no file name": ({"suite": "../up"}, ["tiny.yaml", "suite"]),
    "unknown transform": (
        {"overrides": [{"reason": "r", "rewards": "minus"}]},
        ["tiny.yaml", "overrides.0.rewards", "'raw', 'return_range', 'minus_one'"],
    ),
    "evaluation of an override off the log grid": (
        {"overrides": [{"reason": "r", "evaluation": {"every": 70, "episodes": 2}}]},
        ["tiny.yaml", "overrides, evaluation.every: 70", "multiple of log_every=50"],
    ),
    "override of methods beside the suite": (
        {"methods": ["bc"], "overrides": [{"reason": "r", "methods": ["iql"], "batch_size": 8}]},
        ["tiny.yaml, overrides.0 (r): applies to no method and task", "or remove it."],
    ),
    "override of families beside the suite": (
        {
            "tasks": ["hopper-medium"],
            "overrides": [{"reason": "r", "families": ["pointmaze"], "batch_size": 8}],
        },
        ["tiny.yaml, overrides.0 (r): applies to no method and task", "or remove it."],
    ),
    "override that sets nothing": (
        {"overrides": [{"reason": "r", "config": {}}]},
        ["tiny.yaml, overrides.0 (r): sets nothing; add a setting, or remove it."],
    ),
    "yes for a seed": ({"seeds": [True]}, ["tiny.yaml", "seeds: yes, no, on", "no numbers"]),
    "yes for a count": ({"updates": True}, ["tiny.yaml", "updates: yes, no, on", "no numbers"]),
    "off for an inner count": (
        {"evaluation": {"every": 50, "episodes": False}},
        ["tiny.yaml", "evaluation.episodes: yes, no, on"],
    ),
    "override without a reason": ({"overrides": [{"rewards": "raw"}]}, ["overrides.0.reason"]),
}


@pytest.mark.parametrize("case", BAD_SUITES)
def test_a_bad_suite_is_refused_with_file_field_and_remedy(case: str) -> None:
    changes, expected = BAD_SUITES[case]
    text = refusal(**changes)
    for part in expected:
        assert part in text


@pytest.mark.parametrize(
    "key", ["suite", "title", "tasks", "methods", "seeds", "updates", "evaluation"]
)
def test_a_missing_key_is_named(key: str) -> None:
    raw = {k: v for k, v in MINIMAL.items() if k != key}
    with pytest.raises(BenchError, match=rf"^tiny\.yaml: the key '{key}' is missing; add it\.$"):
        Catalogue().suite(raw, "tiny.yaml")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"suite: [open\ntitle: x\n", ["not valid YAML", "line 2", "fix that line"]),
        (b"", ["expected keys and values"]),
        (b"- a\n- b\n", ["expected keys and values"]),
        (b"suite: tiny\n\tupdates: 3\n", ["not valid YAML"]),
        (b"\xff\xfe\x00title", ["broken.yaml"]),
    ],
)
def test_a_file_that_is_no_suite(content: bytes, expected: list[str]) -> None:
    Path("broken.yaml").write_bytes(content)
    with pytest.raises(BenchError) as caught:
        Catalogue().read_suite(Path("broken.yaml"))
    text = one_sentence(caught.value)
    for part in ["broken.yaml", *expected]:
        assert part in text


def test_a_missing_file_is_named() -> None:
    with pytest.raises(BenchError, match=r"^absent\.yaml: file not found; "):
        Catalogue().read_suite(Path("absent.yaml"))


def test_a_folder_is_no_suite() -> None:
    with pytest.raises(BenchError, match="config"):
        Catalogue().read_suite(Path("config"))


def test_code_in_yaml_is_never_run() -> None:
    Path("evil.yaml").write_text("suite: !!python/object/apply:os.mkdir [made]\n")
    with pytest.raises(BenchError, match="not valid YAML"):
        Catalogue().read_suite(Path("evil.yaml"))
    assert not Path("made").exists()
