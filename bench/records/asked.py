"""Whether a run is the one that a suite asks for, or one of other settings under the same name.

Snakemake repeats a run whose settings have changed, but not one that was copied from elsewhere, and
a verb that is called by hand repeats nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.config.registry import settings_of
from bench.config.types import SHARED, Suite


def difference(settings: Mapping[str, Any], suite: Suite) -> str | None:
    """Return the first of a run's settings that is not what the suite itself says, or None.

    `settings` are those of its record; those that methods bring along are not compared. Raises
    KeyError or TypeError where they are malformed.
    """
    asked, config = _asked(suite, settings["method"], settings["task"]["family"])
    for place, found, wanted in (
        ("settings", settings, asked),
        ("settings, config", settings["config"], config),
    ):
        for key, value in json.loads(json.dumps(wanted)).items():  # as stored: a tuple is a list
            if found.get(key) != value:
                return f"{place}, {key}: {found.get(key)}, but the suite has {value}"
    return None


def _asked(suite: Suite, method: str, family: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a suite says of the settings of a method on a family, and of its config."""
    online = suite.online_of(method, family)
    asked: dict[str, Any] = {
        "updates": suite.updates_of(method),
        "precision": suite.precision,
        "evaluation": suite.evaluation_of(method, family).model_dump(mode="json"),
        "online": None if online is None else online.model_dump(mode="json"),
    }
    config: dict[str, Any] = {}
    for override in suite.overrides:
        if override.applies(method, family):
            given = {name: getattr(override, name) for name in sorted(SHARED)}
            asked |= {name: value for name, value in given.items() if value is not None}
            config |= override.config
    # What the method's name says comes last.
    return asked, {k: v for k, v in config.items() if k not in settings_of(method)}
