"""A row of config/tasks.tsv: a dataset, its environment, and how returns become scores.

The workflow imports this module, so it must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from bench.config.validation import Strict
from bench.paths import public

Reading = Literal["full", "d4rl"]

NAME = r"^[a-z0-9][a-z0-9-]{0,99}$"  # file systems take names of 255 bytes
# Values used in paths cannot leave their folder or contain characters special to a shell.
WORD = r"[A-Za-z0-9_]([A-Za-z0-9_.-]|\{rows\})*"
PATH = rf"^{WORD}(/{WORD})*$"
ENV_ID = r"^([A-Za-z_][A-Za-z0-9_.]*:)?[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+)*$"
# Snakemake reads braces in a path as a wildcard.
PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"
RECIPE = (
    rf"^(hdf5:[^{{}}\x00-\x1f\x7f]+|minari:{PART}(,{PART})*|[a-z0-9_][a-z0-9_-]*(/[a-z0-9_-]+)?)$"
)
NONE = "none"  # env_id of a task that nothing is scored on
OWN = "hdf5:"  # recipe prefix for a user's own files
STAND_IN = "stand-in"  # origin of made-up files in the place of D4RL's
JOINED = "minari:"  # recipe prefix for the parts of a dataset


class TaskSettings(Strict):
    """The columns of config/tasks.tsv that affect a run."""

    task: str = Field(pattern=NAME, description="name of lower-case letters, digits and hyphens")
    family: str = Field(pattern=NAME, description="which settings of config/methods.yaml apply")
    env_id: str = Field(
        pattern=ENV_ID,
        description="Gymnasium id to evaluate on, or module:id, or 'none' to score nothing",
    )
    dataset: str = Field(
        pattern=PATH, max_length=150, description="Minari id; {rows} stands for the suite's rows"
    )
    recipe: str = Field(
        pattern=RECIPE,
        description="local collection recipe, 'd4rl', 'minari', 'minari:ID,ID' to join datasets, "
        "'hdf5:PATH,PATTERN' to join files, or 'none': an existing dataset",
    )
    reading: Reading = Field(
        default="full", description="all rows, or those of D4RL's qlearning_dataset"
    )
    max_rows: int | None = Field(
        default=None,
        gt=0,
        le=10**9,
        description="rows to train on: episodes drawn at random, the last of them cut",
    )

    @model_serializer(mode="wrap")
    def _without_default(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit `max_rows` if it is not set, as in records from before it, and a user's folders."""
        content = serialise(self)
        if "recipe" in content and self.recipe.startswith(OWN):
            files = self.recipe.removeprefix(OWN).split(",")
            content["recipe"] = OWN + ",".join(public(Path(name.strip())) for name in files)
        return {k: v for k, v in content.items() if k != "max_rows" or v is not None}

    @property
    def scored(self) -> bool:
        """Whether there is an environment to score policies on."""
        return self.env_id != NONE

    @property
    def parts(self) -> tuple[str, ...]:
        """The Minari datasets whose episodes the task has, in order."""
        if self.recipe.startswith(JOINED):
            return tuple(self.recipe.removeprefix(JOINED).split(","))
        return (self.dataset,)

    @property
    def transitions(self) -> str:
        """The folder of the arrays that a run reads, below data/transitions."""
        return transitions_of(self.dataset, self.reading, self.max_rows)

    @property
    def origin(self) -> str:
        """Where the data come from: D4RL, Minari, own file, existing or local."""
        origins = {"d4rl": "D4RL", "minari": "Minari", "hdf5": "own file", "none": "existing"}
        return origins.get(self.recipe.partition(":")[0], "local")


class Task(TaskSettings):
    """One row of config/tasks.tsv: what affects a run, and how its returns are scored."""

    ref_min_score: float = Field(ge=-1e9, le=1e9, description="return that scores 0")
    ref_max_score: float = Field(ge=-1e9, le=1e9, description="return that scores 100")
    bounded: bool = Field(description="whether scores lie in [0, 100] by construction")
    source: str = Field(description="where the reference scores come from")

    @model_validator(mode="after")
    def _spread(self) -> Task:
        if self.ref_max_score <= self.ref_min_score:
            raise ValueError("ref_max_score: must be above ref_min_score; correct one of them")
        return self

    def score(self, value: Any) -> Any:
        """Normalise returns as D4RL does: a number, or an array of any shape."""
        return 100 * (value - self.ref_min_score) / (self.ref_max_score - self.ref_min_score)

    def deciding(self) -> dict[str, Any]:
        """Return the fields of TaskSettings, which affect a run."""
        return self.model_dump(include=set(TaskSettings.model_fields))


def origin_of(task: TaskSettings, card: Mapping[str, Any] | None) -> str:
    """Return the origin of a task's data: what the card of the dataset states, else the task's."""
    return str((card or {}).get("origin") or task.origin)


Tasks = Mapping[str, Task]  # by name


def transitions_of(dataset: str, reading: str, max_rows: int | None = None) -> str:
    """Return the folder's name: the dataset's, plus a reading that is not `full` and a limit."""
    name = dataset if reading == "full" else f"{dataset}-{reading}"
    return name if max_rows is None else f"{name}-max-{max_rows}"
