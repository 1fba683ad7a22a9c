"""The configuration of a project with two tasks and two methods, for tests that train nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.errors import BenchError
from helpers.paths import ROOT

MINIMAL: dict[str, Any] = {
    "suite": "tiny",
    "title": "A tiny suite",
    "tasks": ["hopper-medium", "pointmaze-large-stitch"],
    "methods": ["iql", "bc"],
    "seeds": [0, 1, 2],
    "updates": 100,
    "log_every": 50,
    "evaluation": {"every": 50, "episodes": 2},
}

TASKS = (
    "task\tfamily\tenv_id\tdataset\trecipe\tref_min_score\tref_max_score\tbounded\tsource\n"
    "hopper-medium\tlocomotion\tHopper-v4\tlocal/hopper-{rows}-v0\tnone\t0\t100\tfalse\there\n"
    "pointmaze-large-stitch\tpointmaze\tM-v0\tlocal/maze-v0\tnone\t0\t1\ttrue\there\n"
)
METHODS: dict[str, Any] = {
    "iql": {
        "label": "IQL",
        "reference": "a paper",
        "families": {
            "locomotion": {
                "rewards": "return_range",
                "config": {"expectile": 0.7, "temperature": 3.0},
                "source": "a file",
            },
            "pointmaze": {
                "rewards": "minus_one",
                "config": {"expectile": 0.9, "temperature": 10.0},
                "source": "a file",
            },
        },
    },
    "bc": {
        "label": "BC",
        "reference": "a paper",
        "families": {
            "locomotion": {"observations": "standardised", "source": "a file"},
            "pointmaze": {"source": "a file"},
        },
    },
}


def write_project(folder: Path) -> None:
    """The configuration, with the real schema of the methods."""
    (folder / "config").mkdir()
    (folder / "config/tasks.tsv").write_text(TASKS)
    (folder / "config/methods.yaml").write_text(yaml.safe_dump(METHODS))
    shutil.copytree(ROOT / "workflow/schemas", folder / "workflow/schemas")


def suite_of(**changes: Any) -> Suite:
    """The minimal suite with some keys changed, validated."""
    return Catalogue().suite(MINIMAL | changes, "tiny.yaml")


def one_sentence(error: BenchError) -> str:
    """The text of an error, checked for its form."""
    text = str(error)
    assert "\n" not in text
    assert text[-1] in ".?"
    return text
