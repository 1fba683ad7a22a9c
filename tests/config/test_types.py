"""Suites: layering of settings, names of files, and the suites that are committed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from helpers.projects import MINIMAL, ROOT, suite_of, write_project
from hypothesis import given
from hypothesis import strategies as st

from bench.config.catalogue import Catalogue
from bench.config.task import TaskSettings
from bench.config.types import Suite, dataset_id
from bench.errors import BenchError
from bench.paths import block_name

SUITES = sorted(p.name for p in (ROOT / "config").glob("*.yaml") if not p.is_symlink())
SUITES = [name for name in SUITES if name not in ("behaviors.yaml", "claims.yaml", "methods.yaml")]


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)


# --- layers ---------------------------------------------------------------------------


def test_the_family_decides_without_overrides() -> None:
    suite = suite_of()
    cell = Catalogue().settings(suite, "iql", "hopper-medium", (0, 1))
    assert cell.rewards == "return_range"
    assert cell.observations == "raw"
    assert cell.config == {"expectile": 0.7, "temperature": 3.0}
    assert (cell.seeds, cell.updates, cell.batch_size) == ((0, 1), 100, 256)
    maze = Catalogue().settings(suite, "iql", "pointmaze-large-stitch", (0,))
    assert maze.rewards == "minus_one"
    assert maze.config == {"expectile": 0.9, "temperature": 10.0}


def test_later_layers_win_key_by_key() -> None:
    first = {"rewards": "raw", "config": {"hidden": [8], "learning_rate": 0.1}}
    second = {"observations": "standardised", "config": {"learning_rate": 0.2}}
    overrides = [
        {"reason": "first", "families": ["locomotion"], **first},
        {"reason": "second", **second},
    ]
    suite = suite_of(overrides=overrides)
    cell = Catalogue().settings(suite, "iql", "hopper-medium", (0,))
    assert cell.config == {
        "expectile": 0.7,
        "temperature": 3.0,
        "hidden": [8],
        "learning_rate": 0.2,
    }
    assert (cell.rewards, cell.observations) == ("raw", "standardised")


@pytest.mark.parametrize(
    ("limits", "changed"),
    [
        ({}, {("iql", "hopper-medium"), ("iql", "pointmaze-large-stitch"),
              ("bc", "hopper-medium"), ("bc", "pointmaze-large-stitch")}),
        ({"methods": ["bc"]}, {("bc", "hopper-medium"), ("bc", "pointmaze-large-stitch")}),
        ({"families": ["pointmaze"]},
         {("iql", "pointmaze-large-stitch"), ("bc", "pointmaze-large-stitch")}),
        ({"methods": ["bc"], "families": ["locomotion"]}, {("bc", "hopper-medium")}),
    ],
)  # fmt: skip
def test_an_override_reaches_only_its_methods_and_families(
    limits: dict[str, list[str]], changed: set[tuple[str, str]]
) -> None:
    suite = suite_of(overrides=[{"reason": "r", "config": {"learning_rate": 0.5}, **limits}])
    catalogue = Catalogue()
    seen = {
        (method, task)
        for method in suite.methods
        for task in suite.tasks
        if catalogue.settings(suite, method, task, (0,)).config.get("learning_rate") == 0.5
    }
    assert seen == changed


def test_an_environments_layer_is_of_its_robot_and_under_the_suite() -> None:
    project = Path("config/methods.yaml")
    content = yaml.safe_load(project.read_text())
    content["iql"]["families"]["locomotion"]["environments"] = {
        "Hopper": {"expectile": 0.6, "polyak": 0.01},
        "HalfCheetah": {"expectile": 0.1},
    }
    content["iql"]["families"]["locomotion"]["batch_size"] = 64
    project.write_text(yaml.safe_dump(content))
    catalogue = Catalogue()
    cell = catalogue.settings(suite_of(), "iql", "hopper-medium", (0,))
    assert cell.config == {"expectile": 0.6, "temperature": 3.0, "polyak": 0.01}
    assert cell.batch_size == 64
    changes = {"batch_size": 8, "config": {"expectile": 0.9}}
    overrides = [{"reason": "r", "methods": ["iql"], **changes}]
    cell = catalogue.settings(suite_of(overrides=overrides), "iql", "hopper-medium", (0,))
    assert (cell.batch_size, cell.config["expectile"], cell.config["polyak"]) == (8, 0.9, 0.01)


def test_a_method_may_have_its_own_number_of_updates() -> None:
    suite = suite_of(
        overrides=[
            {"reason": "r", "methods": ["bc"], "updates": 50},
            {"reason": "r", "methods": ["iql"], "config": {"expectile": 0.9}},
        ]
    )
    assert (suite.updates_of("iql"), suite.updates_of("bc")) == (100, 50)
    catalogue = Catalogue()
    assert catalogue.settings(suite, "bc", "hopper-medium", (0,)).updates == 50
    assert catalogue.settings(suite, "iql", "hopper-medium", (0,)).updates == 100


@pytest.mark.parametrize("rewards", ["raw", "return_range"])
def test_a_sparse_reward_may_not_lose_its_shift(rewards: str) -> None:
    overrides = [{"reason": "r", "rewards": rewards}]
    with pytest.raises(BenchError, match=rf"rewards: '{rewards}' contradicts iql.*pointmaze"):
        suite_of(overrides=overrides)
    suite_of(overrides=overrides, tasks=["hopper-medium"])
    suite_of(overrides=overrides, methods=["bc"])
    catalogue = Catalogue()
    shifted = suite_of(overrides=[{"reason": "r", "rewards": "centred_times_10"}])
    cell = catalogue.settings(shifted, "iql", "pointmaze-large-stitch", (0,))
    assert cell.rewards == "centred_times_10"


def test_settings_of_one_cell_leave_the_file_layers_alone() -> None:
    catalogue = Catalogue()
    suite = catalogue.suite(
        MINIMAL
        | {"overrides": [{"reason": "r", "config": {"expectile": 0.5}}], "methods": ["iql"]},
        "tiny.yaml",
    )
    catalogue.settings(suite, "iql", "hopper-medium", (0,))
    plain = catalogue.suite(MINIMAL, "tiny.yaml")
    assert catalogue.settings(plain, "iql", "hopper-medium", (0,)).config["expectile"] == 0.7


def test_each_value_has_the_layer_that_set_it() -> None:
    project = Path("config/methods.yaml")
    content = yaml.safe_load(project.read_text())
    family = content["iql"]["families"]["locomotion"]
    family["environments"] = {"Hopper": {"polyak": 0.01}, "Walker2d": {"discount": 0.5}}
    family["fine_tuning"] = {"cosine_actor": False}
    project.write_text(yaml.safe_dump(content))
    overrides = [
        {"reason": "short", "updates": 50, "config": {"temperature": 1.0}},
        {"reason": "shorter", "config": {"temperature": 2.0}},
    ]
    online = {"steps": 50, "every": 50, "episodes": 2}
    catalogue, name = Catalogue(), "iql@expectile=0.5"
    suite = catalogue.suite(
        MINIMAL | {"methods": [name], "tasks": ["hopper-medium"], "overrides": overrides}
        | {"online": online}, "tiny.yaml",
    )  # fmt: skip
    found = catalogue.origins(suite, name, "hopper-medium", "tiny.yaml")
    place = "config/methods.yaml, iql, locomotion"
    assert found == {
        "task": "config/tasks.tsv",
        "updates": "tiny.yaml, overrides: short",
        **dict.fromkeys(
            ("batch_size", "log_every", "precision", "executor", "products"), "tiny.yaml"
        ),
        **dict.fromkeys(("evaluation", "online"), "tiny.yaml"),
        "rewards": f"{place}: a file",
        "observations": "default",
        "config.expectile": "the method's name",
        "config.temperature": "tiny.yaml, overrides: shorter",
        "config.polyak": f"{place}, environments, Hopper: a file",
        "config.cosine_actor": f"{place}, fine_tuning: a file",
    }


# --- names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "size"), [(100_000, "100k"), (1_000, "1k"), (1_500, "1500"), (500, "500")]
)
def test_the_dataset_id_carries_the_size(rows: int, size: str) -> None:
    suite = suite_of(rows=rows)
    catalogue = Catalogue()
    assert dataset_id(catalogue.tasks["hopper-medium"], suite) == f"local/hopper-{size}-v0"
    assert dataset_id(catalogue.tasks["pointmaze-large-stitch"], suite) == "local/maze-v0"
    cell = catalogue.settings(suite, "bc", "hopper-medium", (0,))
    assert cell.task.dataset == f"local/hopper-{size}-v0"


def test_a_task_may_have_rows_of_its_own() -> None:
    suite = suite_of(rows=2_000, task_rows={"hopper-medium": 700})
    rows = Catalogue().tasks
    assert dataset_id(rows["hopper-medium"], suite) == "local/hopper-700-v0"
    assert suite.rows_of("pointmaze-large-stitch") == 2_000
    with pytest.raises(BenchError, match="task_rows: absent is not one of the suite's tasks"):
        suite_of(task_rows={"absent": 5})


@pytest.mark.parametrize(
    ("seeds", "name"),
    [((3,), "3"), ((0, 1), "0-1"), ((4, 5, 6), "4-6"), ((0, 2, 5), "0_2_5"), ((1, 0), "1_0")],
)
def test_block_names(seeds: tuple[int, ...], name: str) -> None:
    assert block_name(seeds) == name


@given(
    seeds=st.lists(st.integers(0, 1000), min_size=1, max_size=30, unique=True),
    size=st.integers(1, 12),
)
def test_blocks_partition_the_seeds_in_order(seeds: list[int], size: int) -> None:
    suite = Suite.model_validate(MINIMAL | {"seeds": seeds, "seeds_per_job": size})
    blocks = suite.blocks()
    assert [seed for block in blocks for seed in block] == seeds
    assert all(len(block) == size for block in blocks[:-1])
    assert 1 <= len(blocks[-1]) <= size
    names = [block_name(block) for block in blocks]
    assert len(set(names)) == len(names)


# --- the committed files --------------------------------------------------------------


@pytest.mark.parametrize("name", SUITES)
def test_a_committed_suite_is_valid_and_resolves(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    catalogue = Catalogue()
    suite = catalogue.read_suite(Path("config") / name)
    assert suite.suite == Path(name).stem  # results and reports are found by the file's name
    for method in suite.methods:
        for task in suite.tasks:
            cell = catalogue.settings(suite, method, task, suite.blocks()[0])
            assert "{" not in cell.task.dataset
            assert type(cell.task) is TaskSettings
            family = cell.task.family
            assert cell.updates == suite.updates_of(method)
            assert cell.evaluation == suite.evaluation_of(method, family)
            assert cell.online == suite.online_of(method, family)


def test_a_preset_of_one_family_is_refused_on_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    overrides = [{"reason": "r", "config": {"warm_start": 10}}]
    mine = {"tasks": ["hopper-medium"], "methods": ["cql_antmaze"], "overrides": overrides}
    content = MINIMAL | mine
    with pytest.raises(BenchError, match=r"cql_antmaze, families: no settings for 'locomotion'"):
        Catalogue().suite(content, "tiny.yaml")
    maze = content | {"tasks": ["pointmaze-large-stitch"]}
    Catalogue().suite(maze, "tiny.yaml")
    raw = [*overrides, {"reason": "r", "rewards": "raw"}]
    with pytest.raises(BenchError, match=r"'raw' contradicts cql_antmaze's settings"):
        Catalogue().suite(maze | {"overrides": raw}, "tiny.yaml")


def test_a_warm_start_that_outlasts_the_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that BEAR and CQL would do is imitate, which would read like a score of theirs."""
    monkeypatch.chdir(ROOT)
    for method in ("cql", "bear"):
        content = MINIMAL | {"methods": [method]}
        with pytest.raises(BenchError, match=r"warm_start is 40,000 but .* 100 updates"):
            Catalogue().suite(content, "tiny.yaml")
        whole = [{"reason": "r", "config": {"warm_start": 100}}]
        with pytest.raises(BenchError, match=r"warm_start is 100 but .* 100 updates"):
            Catalogue().suite(content | {"overrides": whole}, "tiny.yaml")
        short = [{"reason": "r", "config": {"warm_start": 99}}]
        Catalogue().suite(content | {"overrides": short}, "tiny.yaml")


def test_the_last_of_several_overrides_sets_the_updates() -> None:
    lengths = [{"updates": n, "reason": "a test"} for n in (200, 300)]
    assert suite_of(overrides=lengths).updates_of("iql") == 300


def test_a_record_names_an_own_file_without_its_folders() -> None:
    columns = {"task": "t", "family": "f", "env_id": "E-v0", "dataset": "own/t-v0"}
    for recipe, kept in (
        ("hdf5:/home/ann/a.hdf5,data/b.hdf5", "hdf5:a.hdf5,data/b.hdf5"),
        ("hdf5:~/a.hdf5", "hdf5:~/a.hdf5"),
        ("minari:own/a-v0", "minari:own/a-v0"),
    ):
        task = TaskSettings(recipe=recipe, **columns)
        assert task.model_dump()["recipe"] == task.model_dump(mode="json")["recipe"] == kept
        assert task.recipe == recipe
