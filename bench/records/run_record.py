"""Parsing of a run.json: the settings of the run, and its row of config/tasks.tsv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from bench.config.task import Task, TaskSettings
from bench.config.types import Settings
from bench.errors import BenchError


def task_of(run: Mapping[str, Any], where: object) -> Task:
    """Return the task row with which the run was made; `where` names the file in errors.

    Raise BenchError if the record has no reference scores, because its task had no row.
    """
    row = run.get("task", run["settings"]["task"])  # older records: the row is in the settings
    try:
        return Task.model_validate(row)
    except ValidationError as error:
        fields = ", ".join(str(e["loc"][0]) if e["loc"] else e["msg"] for e in error.errors())
        raise BenchError(
            f"{where}: task: {fields}: missing or malformed; give the task a row in "
            "config/tasks.tsv and run it again."
        ) from None


def settings_of(run: Mapping[str, Any]) -> Settings:
    """Return the settings of the run; raise ValueError if they are malformed."""
    settings = run["settings"]
    row = {k: v for k, v in settings["task"].items() if k in TaskSettings.model_fields}
    return Settings.model_validate(settings | {"task": row})
