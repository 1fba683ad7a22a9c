"""What a run must have had to count for a claim, and how a run departs from it.

The protocol of a claim is a suite of config/: the settings that it resolves for a method and a
task are compared with what the run's own record says, one by one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import TABLE, read_sources, source_of
from bench.config.task import STAND_IN, Task, origin_of
from bench.config.types import Suite
from bench.paths import SHIPPED

Record = Mapping[str, Any]  # a run.json
# Settings that decide nothing about a run's scores, or that are compared otherwise.
ELSEWHERE = ("suite", "method", "seeds", "log_every", "task", "config")
THEIRS = "D4RL\N{RIGHT SINGLE QUOTATION MARK}s"
ORIGINS = {
    STAND_IN: f"stand-ins for a rehearsal, not {THEIRS} data",
    "local": f"data regenerated locally, not {THEIRS}",
    "existing": f"existing data, not {THEIRS}",
    "own file": f"data from a file of one\N{RIGHT SINGLE QUOTATION MARK}s own, not {THEIRS}",
    "Minari": f"Minari\N{RIGHT SINGLE QUOTATION MARK}s data, not {THEIRS}",
}
UPDATES = "updates"


def setting_departures(
    record: Record, method: str, task: str, protocol: Suite, catalogue: Catalogue
) -> list[str]:
    """List the settings in which a run differs from the protocol's on `task`, each with both."""
    wanted = catalogue.settings(protocol, method, task, protocol.seeds).model_dump(mode="json")
    settings = record["settings"]
    found = [
        _differs(name, settings.get(name), value)
        for name, value in wanted.items()
        if name not in ELSEWHERE and _plain(settings.get(name)) != _plain(value)
    ]
    if settings.get("online") and "online" not in wanted:
        found.append("an online phase")
    properties = catalogue.schemas[method]["properties"]
    defaults = {name: field["default"] for name, field in properties.items() if "default" in field}
    config = defaults | wanted["config"]
    ran = {**record.get("config", {})}
    found += [
        _differs(name, ran.get(name), config.get(name))
        for name in dict.fromkeys((*config, *ran))
        if _plain(ran.get(name)) != _plain(config.get(name))
    ]
    contradicted = [n for n, v in settings["config"].items() if _plain(v) != _plain(ran.get(n))]
    found += [f"a record that contradicts itself on {name}" for name in contradicted]
    return found


def data_departures(
    record: Record, task: str, card: Mapping[str, Any] | None, catalogue: Catalogue
) -> list[str]:
    """List how a run's data and environment differ from those of `task`, D4RL's own.

    `task` is a row of config/tasks.tsv; `card` is that of the dataset on which the run trained.
    """
    row = catalogue.tasks[task]
    ran = record["settings"]["task"]
    if ran["task"] != task:
        origin = catalogue.tasks[ran["task"]].origin if ran["task"] in catalogue.tasks else "local"
        return [ORIGINS.get(origin, f"{ran['task']} for {task}")]
    found = [
        _differs(name, ran.get(name), value)
        for name, value in row.deciding().items()
        if _plain(ran.get(name)) != _plain(value)
    ]
    if found:
        return found
    if card is None:
        return [f"no card of {row.dataset}, so that its data are not known"]
    return card_departures(card, row, record.get("dataset_hash"))


def card_departures(card: Mapping[str, Any], row: Task, dataset_hash: str | None) -> list[str]:
    """List how the card, and the data of this hash, differ from D4RL's own file of the task."""
    if (whose := origin_of(row, card)) != "D4RL":
        return [ORIGINS[whose]]
    origin = card.get("collection", {})
    if card.get("dataset") != row.dataset or card.get("reading", "full") != row.reading:
        return [f"the card of {card.get('dataset')}, not of {row.dataset}"]
    if origin.get("source_sha256") != source_of(row.dataset, read_sources(SHIPPED / TABLE)).sha256:
        return [
            f"a file of {row.dataset} with another sha256 than D4RL\N{RIGHT SINGLE QUOTATION MARK}s"
        ]
    if not origin.get("source_verified"):
        return [f"a file of {row.dataset} whose sha256 was not verified"]
    if dataset_hash != card.get("hash"):
        return [f"data of another hash than the card of {row.dataset}"]
    return []


def _plain(value: Any) -> Any:
    """Return the value as JSON would, so that tuples equal lists."""
    return json.loads(json.dumps(value))


def _differs(name: str, found: Any, wanted: Any) -> str:
    if name == UPDATES:
        return f"{found:,} updates, not {wanted:,}"
    if isinstance(wanted, dict) and found is None:
        return f"no {name} phase"
    if isinstance(wanted, dict) and isinstance(found, dict):
        keys = [k for k in wanted if found.get(k) != wanted[k]]
        return "; ".join(f"{name}.{k} {_text(found.get(k))}, not {_text(wanted[k])}" for k in keys)
    return f"{name} {_text(found)}, not {_text(wanted)}"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value >= 1000):
        return f"{value:,.0f}"
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
