"""config/behaviors.yaml, and which environment a local recipe collects in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.paths import ROOT

from bench.config.behaviors import behavior_of, check_recipe, read_behaviors
from bench.config.catalogue import Catalogue
from bench.errors import BenchError

HOPPER = {"env_id": "Hopper-v4", "steps": 1000, "seed": 0}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"hopper": HOPPER | {"steps": 0}}, "behaviors.yaml, hopper: steps"),
        ({"hopper": HOPPER | {"steps": True}}, "behaviors.yaml, hopper: steps: yes, no"),
        ({"hopper": HOPPER | {"sed": 1}}, "unknown key 'sed'; did you mean 'seed'"),
        ({"hopper": []}, "behaviors.yaml, hopper: "),
        ({"../up": HOPPER}, "behaviors.yaml: '../up' is no robot's name"),
        ({True: HOPPER}, "behaviors.yaml: not valid YAML .the key True is no text"),
        ({"walker2d": HOPPER}, "unknown robot 'hopper'"),
    ],
)
def test_a_malformed_file_is_refused(
    content: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config").mkdir()
    Path("config/behaviors.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(BenchError, match=said):
        behavior_of("hopper")


def test_the_projects_own_are_read_and_their_recipes_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    robots = ("halfcheetah", "hopper", "walker2d")
    assert set(read_behaviors()) == {"antmaze", *robots, *(f"{robot}-expert" for robot in robots)}
    local = [task for task in Catalogue().tasks.values() if task.origin == "local"]
    assert local
    for task in local:
        check_recipe(task.recipe, task.env_id)


@pytest.mark.parametrize(
    ("recipe", "env_id"),
    [
        ("walker2d/medium", "HalfCheetah-v4"),  # of as many numbers
        ("antmaze/umaze-diverse", "bench.antmaze:AntMazeMediumFixed-v0"),
        ("pointmaze/stitch", "bench.antmaze:AntMazeMediumFixed-v0"),
    ],
)
def test_a_recipe_in_another_environment_is_refused(recipe: str, env_id: str) -> None:
    with pytest.raises(BenchError, match=f"recipe '{recipe}' collects in .*, not in {env_id}"):
        check_recipe(recipe, env_id)
