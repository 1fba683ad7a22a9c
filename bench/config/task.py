"""A row of config/tasks.tsv: a dataset, its environment, and how returns become scores.

The workflow imports this module, so it must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from bench.config.validation import Strict

Reading = Literal["full", "d4rl"]

NAME = r"^[a-z0-9][a-z0-9-]*$"
# Values used in paths cannot leave their folder or contain characters special to a shell.
WORD = r"[A-Za-z0-9_]([A-Za-z0-9_.-]|\{rows\})*"
PATH = rf"^{WORD}(/{WORD})*$"
ENV_ID = r"^([A-Za-z_][A-Za-z0-9_.]*:)?[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+)*$"
# Snakemake reads braces in a path as a wildcard.
RECIPE = r"^(hdf5:[^{}\x00-\x1f\x7f]+|[a-z0-9_][a-z0-9_-]*(/[a-z0-9_-]+)?)$"


class TaskSettings(Strict):
    """The columns of config/tasks.tsv that affect a run."""

    task: str = Field(pattern=NAME, description="name, as in file names")
    family: str = Field(pattern=NAME, description="which settings of config/methods.yaml apply")
    env_id: str = Field(pattern=ENV_ID, description="Gymnasium id to evaluate on, or module:id")
    dataset: str = Field(pattern=PATH, description="Minari id; {rows} stands for the suite's rows")
    recipe: str = Field(
        pattern=RECIPE,
        description="local collection recipe, 'd4rl', 'minari', 'hdf5:PATH', or 'none': an "
        "existing dataset",
    )
    reading: Reading = Field(
        default="full", description="all rows, or those of D4RL's qlearning_dataset"
    )

    @property
    def transitions(self) -> str:
        """The folder of the arrays that a run reads, below data/transitions."""
        return transitions_of(self.dataset, self.reading)

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


Tasks = Mapping[str, Task]  # by name


def transitions_of(dataset: str, reading: str) -> str:
    """Return the folder's name: the dataset's, plus the reading unless it is `full`."""
    return dataset if reading == "full" else f"{dataset}-{reading}"
