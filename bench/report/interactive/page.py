"""The paper's ideas as one HTML page of figures with sliders, which needs nothing else."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from bench import files
from bench.config.registry import SLIDERS
from bench.errors import BenchError, unknown
from bench.paths import RESULTS
from bench.records import machine
from bench.report.html import in_script, templates
from bench.report.interactive.scene import Scene
from bench.report.pdf import TEMPLATES

POSITIONS = RESULTS / "ideas/sliders"


def measure(slider: str, folder: Path = POSITIONS) -> Path:
    """Compute the positions of one of SLIDERS, write `folder/<slider>.json` and return its path."""
    if slider not in SLIDERS:
        raise unknown("figure", "figure", slider, SLIDERS)
    result = importlib.import_module(f"iql.sliders.{slider}").measure()
    path = folder / f"{slider}.json"
    commit, _ = machine.commit()
    made = {"commit": commit, "versions": machine.versions(), "result": result}
    files.write_json(path, made)
    return path


def build(out: Path, folder: Path = POSITIONS) -> None:
    """Write the page `out` from the files that `measure` wrote.

    Raise BenchError if one of SLIDERS has not been computed.
    """
    scenes: dict[str, Scene] = {}
    for slider in SLIDERS:
        path = folder / f"{slider}.json"
        if not path.exists():
            raise BenchError(f"{path}: not computed; run `python -m bench slider {slider}`.")
        made = files.read_json(path)
        scenes[slider] = importlib.import_module(f"iql.sliders.{slider}").scene(made["result"])
        commit, versions = made["commit"], made["versions"]
    content: dict[str, Any] = {
        "scenes": [
            {
                "name": name,
                "title": scene.title,
                "question": scene.question,
                "setting": scene.setting,
                "controls": [
                    {"label": c.label, "values": c.values, "start": c.start} for c in scene.controls
                ],
                "sentences": scene.first.sentences,
            }
            for name, scene in scenes.items()
        ],
        "commit": commit,
        "versions": versions,
    }
    drawn = {name: scene.plain() for name, scene in scenes.items()}
    scripts = {
        "positions": in_script(json.dumps(drawn, separators=(",", ":"), ensure_ascii=False)),
        "drawing": (TEMPLATES / "ideas.js").read_text(encoding="utf-8"),
        "style": (TEMPLATES / "ideas.css").read_text(encoding="utf-8"),
    }
    page = templates().get_template("ideas.html.j2").render(data=content, **scripts)
    files.write_text(out, page)
