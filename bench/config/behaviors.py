"""config/behaviors.yaml: how the behaviour policies in behaviors/ were trained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from bench.config.task import ENV_ID, NAME
from bench.config.types import MOST, Seed
from bench.config.validation import Strict, validate
from bench.config.yaml_files import read_yaml
from bench.errors import BenchError, unknown

BEHAVIORS = Path("config/behaviors.yaml")
# The roles of the snapshots that collect a robot's data, half each where two ladders do. Both are
# folders of behaviors/: ROBOT, and ROBOT-expert.
EXPERT = "-expert"
RECIPES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "medium": (("", ("medium",)),),
    "medium-replay": (("", ("replay", "medium")),),
    "medium-expert": (("", ("medium",)), (EXPERT, ("expert",))),
}


class Behavior(Strict):
    """The training of one robot's policies."""

    env_id: str = Field(pattern=ENV_ID, description="Gymnasium id, or module:id")
    steps: int = Field(gt=0, le=MOST, description="environment steps")
    seed: Seed
    algorithm: Literal["ppo", "sac"] = "ppo"
    level: str | None = Field(
        default=None,
        pattern=NAME,
        description="a dataset of config/d4rl.tsv; the first of SAC's snapshots that reaches its "
        "mean return is the medium one, and the last that is kept",
    )
    config: dict[str, Any] = Field(default={}, description="fields of the algorithm's Config")

    @model_validator(mode="after")
    def _level(self) -> Behavior:
        if (self.algorithm == "sac") != (self.level is not None):
            raise ValueError("level: SAC needs one, and PPO has none")
        return self


def read_behaviors() -> dict[str, Behavior]:
    """Return the entries by robot; raise BenchError if one is malformed."""
    entries = read_yaml(BEHAVIORS)
    for robot in entries:
        if not isinstance(robot, str) or not re.fullmatch(NAME, robot):
            raise BenchError(f"{BEHAVIORS}: '{robot}' is no robot's name; write one like hopper.")
    return {r: validate(Behavior, entry, f"{BEHAVIORS}, {r}") for r, entry in entries.items()}


def behavior_of(robot: str) -> Behavior:
    """Return the entry of a robot; raise BenchError if there is none."""
    entries = read_behaviors()
    if robot not in entries:
        raise unknown(str(BEHAVIORS), "robot", robot, entries)
    return entries[robot]


def ladders_of(recipe: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the ladders of a local recipe and the roles of their snapshots that collect.

    Empty where a script or an ant's walks do. Raises BenchError for an unknown recipe of a robot.
    """
    robot, _, kind = recipe.partition("/")
    if robot == "antmaze":
        return [(robot, ("expert",))]
    if robot == "pointmaze":
        return []
    if kind not in RECIPES:
        raise unknown("config/tasks.tsv, recipe", "recipe", kind, RECIPES)
    return [(robot + suffix, roles) for suffix, roles in RECIPES[kind]]


def check_recipe(recipe: str, env_id: str) -> None:
    """Raise BenchError if a local recipe does not collect in the environment `env_id`.

    The environment's name begins with the recipe's robot and, in mazes, with the maze:
    `antmaze/umaze-diverse` collects in AntMazeUmaze.
    """
    robot, _, kind = recipe.partition("/")
    wanted = robot + (kind.partition("-")[0] if robot in ("antmaze", "pointmaze") else "")
    if not env_id.rpartition(":")[2].lower().startswith(wanted):
        raise BenchError(
            f"config/tasks.tsv, env_id: the recipe '{recipe}' collects in environments whose name "
            f"begins with '{wanted}' in any case, not in {env_id}; correct one of the two."
        )
