"""Checks of a suite and of methods.yaml against the tables and files, before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bench.config import registry
from bench.config.method_types import Method
from bench.config.task import Task
from bench.config.types import Override, Suite, resolved
from bench.errors import BenchError, unknown

SETS_NOTHING = {"reason", "methods", "families"}  # fields of an override besides its settings


def check_datasets(suite: Suite, tasks: Mapping[str, Task], table: object, where: str) -> None:
    """Raise BenchError if two tasks of the suite would make one dataset in different ways.

    `table` names the file of the `tasks`.
    """
    makers: dict[str, Task] = {}
    for name in suite.tasks:
        task = resolved(tasks[name], suite)
        first = makers.setdefault(task.dataset, task)
        for field in ("recipe", "env_id"):
            if getattr(first, field) != getattr(task, field):
                raise BenchError(
                    f"{table}, {field}: {first.task} and {name} ({where}) both have the "
                    f"dataset {task.dataset} but different values; give one another dataset."
                )


def check_names(
    suite: Suite, tasks: Mapping[str, Task], methods: Collection[str], where: str
) -> None:
    """Raise BenchError if an override names a method or a family that does not exist."""
    families = {task.family for task in tasks.values()}
    for override in suite.overrides:
        for method in override.methods or ():
            if method not in methods:
                raise unknown(f"{where}, overrides", "method", method, methods)
        for family in override.families or ():
            if family not in families:
                raise unknown(f"{where}, overrides", "family", family, families)


def check_overrides(suite: Suite, tasks: Mapping[str, Task], where: str) -> None:
    """Raise BenchError if an override sets nothing, or applies to none of the suite's cells."""
    for number, override in enumerate(suite.overrides):
        place = f"{where}, overrides.{number} ({override.reason})"
        if not _sets(override):
            raise BenchError(f"{place}: sets nothing; add a setting, or remove it.")
        if not any(
            override.applies(method, tasks[task].family)
            for method in suite.methods
            for task in suite.tasks
        ):
            raise BenchError(
                f"{place}: applies to no method and task of the suite; correct its methods and "
                "families, or remove it."
            )


def check_lengths(
    config: Mapping[str, Any],
    schemas: Mapping[str, Any],
    updates: int,
    steps: int | None,
    where: str,
) -> None:
    """Raise BenchError if a warm start fills the run, or a rollout does not fit the online phase.

    `config` has a cell's settings and `schemas` the schema of each field of the method's Config;
    `steps` is the length of the online phase, if there is one.
    """
    lengths = {name: config.get(name, field.get("default")) for name, field in schemas.items()}
    if "warm_start" in lengths and lengths["warm_start"] >= updates:
        raise BenchError(
            f"{where}, config: warm_start is {lengths['warm_start']:,} but the run has only "
            f"{updates:,} updates, so the policy would only imitate; set warm_start lower."
        )
    if steps is not None and "horizon" in lengths and lengths["horizon"] > steps:
        raise BenchError(
            f"{where}, config: horizon is {lengths['horizon']:,} but the online phase has only "
            f"{steps:,} steps, less than one rollout; ask for more steps or a shorter horizon."
        )
    if steps is not None and {"horizon", "minibatches"} <= set(lengths):
        horizon, parts = lengths["horizon"], lengths["minibatches"]
        if horizon < 2 * parts:
            raise BenchError(
                f"{where}, config: minibatches is {parts:,} of a rollout of {horizon:,} steps, but "
                "advantages are standardised within each, which needs two; ask for fewer."
            )


def check_own(name: str, entry: Method, path: Path) -> None:
    """Raise BenchError unless a method's entry in `path` is of a registered one or of one file."""
    file = registry.own_file(name)
    for key in ("module", "online_only"):
        if getattr(entry, key) and name in registry.METHODS:
            raise BenchError(f"{path}, {name}, {key}: only for a project's own; remove it.")
    if entry.module and file is None:
        raise BenchError(
            f"{path}, {name}, module: no file of this folder is {entry.module}; correct it."
        )
    if entry.module and file != registry.file_of(entry.module):
        raise BenchError(f"{path}, {name}, module: {file} is there too; rename one.")
    if not registry.is_known(name):
        raise unknown(str(path), "method", name, registry.known())


def _sets(override: Override) -> bool:
    given = override.model_dump(exclude=SETS_NOTHING)
    return any(value not in (None, {}) for value in given.values())
