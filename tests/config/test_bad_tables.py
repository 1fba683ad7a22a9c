"""Method files and task tables that are refused, each in one sentence."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.projects import METHODS, TASKS, one_sentence, suite_of, write_project

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
