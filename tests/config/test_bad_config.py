"""Bad configuration: one sentence with file, field and remedy for every kind."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.projects import METHODS, MINIMAL, TASKS, one_sentence, suite_of, write_project

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


def catalogue_refusal(methods: dict[str, Any] | None = None, tasks: str | None = None) -> str:
    """The sentence that refuses a method file or a task table."""
    if methods is not None:
        Path("config/methods.yaml").write_text(yaml.safe_dump(methods))
    if tasks is not None:
        Path("config/tasks.tsv").write_text(tasks)
    with pytest.raises(BenchError) as caught:
        Catalogue()
    return one_sentence(caught.value)


def test_a_stored_suite_may_have_an_override_that_applies_to_nothing() -> None:
    """Results were published with one."""
    overrides = [{"reason": "r", "methods": ["iql"], "batch_size": 8}]
    content = MINIMAL | {"methods": ["bc"], "overrides": overrides}
    assert Catalogue().suite(content, "suite.json", stored=True).overrides[0].batch_size == 8


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


# --- bad method files and task tables -------------------------------------------------


def changed(path: list[str], value: Any) -> dict[str, Any]:
    """METHODS with one value replaced, or removed where `value` is None."""
    content = copy.deepcopy(METHODS)
    node = content
    for part in path[:-1]:
        node = node[part]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return content


BAD_METHODS = {
    "unknown method": (["iqll"], METHODS["iql"], ["'iqll'", "did you mean 'iql'?"]),
    "unknown key": (["iql", "labl"], "x", ["iql", "'labl'", "did you mean 'label'?"]),
    "missing key": (["iql", "label"], None, ["iql", "'label' is missing"]),
    "unknown family": (
        ["bc", "families", "locomotio"],
        {"source": "s"},
        ["bc", "'locomotio'", "did you mean 'locomotion'?"],
    ),
    "unknown key of a family": (
        ["bc", "families", "locomotion", "observation"],
        "raw",
        ["bc", "observation'", "did you mean 'observations'?"],
    ),
    "family without a source": (
        ["bc", "families", "locomotion", "source"],
        None,
        ["bc", "'families.locomotion.source' is missing"],
    ),
    "unknown setting": (
        ["iql", "families", "locomotion", "config", "temprature"],
        1.0,
        ["iql, families, locomotion", "'temprature'", "did you mean 'temperature'?"],
    ),
    "setting of a wrong type": (
        ["iql", "families", "locomotion", "config", "expectile"],
        [0.7],
        ["iql, families, locomotion", "'expectile'", "number"],
    ),
    "no mapping": (["iql"], "IQL", ["iql"]),
}


@pytest.mark.parametrize("case", BAD_METHODS)
def test_a_bad_method_file_is_refused(case: str) -> None:
    path, value, expected = BAD_METHODS[case]
    text = catalogue_refusal(methods=changed(path, value))
    for part in ["config/methods.yaml", *expected]:
        assert part in text


def test_a_method_without_settings_for_a_family_of_the_suite() -> None:
    Path("config/methods.yaml").write_text(
        yaml.safe_dump(changed(["bc", "families", "pointmaze"], None))
    )
    text = refusal()
    for part in ("methods.yaml", "bc", "'pointmaze'", "'pointmaze-large-stitch'", "add them"):
        assert part in text
    assert suite_of(methods=["iql"]).methods == ("iql",)  # others are none the worse


BAD_TASKS = {
    "task twice": (TASKS + TASKS.splitlines()[1] + "\n", ["'hopper-medium'", "twice", "remove"]),
    "bad name": (TASKS.replace("hopper-medium", "Hopper_Medium"), ["row 1", "task"]),
    "bad number": (TASKS.replace("\t100\t", "\thigh\t"), ["row 1", "ref_max_score", "number"]),
    "bad flag": (TASKS.replace("\ttrue\t", "\tmaybe\t"), ["row 2", "bounded", "boolean"]),
    "unknown column": (
        TASKS.replace("\tsource\n", "\tsurce\n"),
        ["row 1", "'surce'", "did you mean 'source'?"],
    ),
    "empty cell": (TASKS.replace("\tHopper-v4\t", "\t\t"), ["row 1", "env_id"]),
    "empty file": ("", ["not a table", "no header"]),
    "quote without its end": (TASKS.replace("\there\n", '\t"here\n'), ["not a table"]),
    "column twice": (TASKS.replace("\tsource\n", "\ttask\n"), ["header", "'task' occurs twice"]),
    "header one column short": (TASKS.replace("\tsource\n", "\n"), ["header", "fewer columns"]),
}


@pytest.mark.parametrize("case", BAD_TASKS)
def test_a_bad_task_table_is_refused(case: str) -> None:
    content, expected = BAD_TASKS[case]
    text = catalogue_refusal(tasks=content)
    for part in ["config/tasks.tsv", *expected]:
        assert part in text


def test_a_missing_task_table_is_named() -> None:
    with pytest.raises(BenchError, match=r"^absent\.tsv: file not found; "):
        Catalogue(tasks=Path("absent.tsv"))


def test_schemas_older_than_the_methods_are_named() -> None:
    path = Path("workflow/schemas/methods.schema.yaml")
    content = yaml.safe_load(path.read_text())
    del content["bc"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(BenchError, match=r"methods\.schema\.yaml.*bc.*python -m bench schema"):
        Catalogue()
