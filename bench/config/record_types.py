"""The published record's rows and sources: config/published/record, explained in docs/record.md."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from bench.config.validation import Strict

Kind = Literal[
    "last",
    "mean_last_10",
    "best",
    "best_of_last_2",
    "max_of_mean_curve",
    "before",
    "after",
    "after_mean_last_10",
    "unknown",
]
SpreadIs = Literal["sd n", "sd n-1", "sd", "mixed", "unknown"]
Standing = Literal["independent", "original", "approximate", "superseded", "quoted", "believed"]
Stratum = Literal["authors", "port", "other"]


class Score(Strict):
    """One row: a score that a source prints, on D4RL's scale of 0 to 100."""

    method: str = Field(min_length=1, description="as in config/methods.yaml or names.yaml")
    task: str = Field(pattern=r"-v[012]$", description="the dataset's id with its version")
    kind: Kind = Field(description="which evaluations the score is made of")
    mean: float = Field(ge=-150, le=200)
    spread: float | None = Field(default=None, ge=0, description="as printed")
    spread_is: SpreadIs | None = Field(default=None, description="what the spread is")
    seeds: int | None = Field(default=None, gt=0)
    eval_episodes: int | None = Field(default=None, gt=0, description="per seed and evaluation")
    updates: int | None = Field(default=None, gt=0, description="offline updates")
    online_steps: int | None = Field(default=None, ge=0, description="environment steps")
    standing: Standing = Field(description="only independent rows enter an estimate")
    stratum: Stratum | None = Field(default=None, description="whose code, with whose settings")
    file: str = Field(default="", description="repository:path, or the paper and its table")
    commit: str = Field(default="", pattern=r"^([0-9a-f]{7,40})?$")
    remark: str = ""
    verified: str = Field(min_length=1, description="how the number was read")

    @model_validator(mode="after")
    def _whole(self) -> Score:
        if (self.spread is None) != (self.spread_is is None):
            raise ValueError("spread: goes with spread_is; give both or neither")
        if (self.stratum is None) == (self.standing in ("independent", "approximate")):
            raise ValueError("stratum: required of independent and approximate rows, and no others")
        if not self.file and self.standing != "believed":
            raise ValueError("file: only a believed score has none; name where it is printed")
        return self


class Source(Strict):
    """The lines before a file's table: who publishes the scores, and what was checked of them."""

    title: str = Field(min_length=1)
    authors: str = Field(min_length=1, description="as BibTeX wants them, or the account's name")
    year: int | None = Field(default=None, description="of the paper, if there is one")
    url: str = Field(default="", pattern=r"^(https://.*)?$")
    checked: str = Field(min_length=1, description="what was compared with what")
    assumed_seeds: int | None = Field(
        default=None, gt=0, description="if the source states none but something else does"
    )
    assumed_because: str = ""
    typed: bool = Field(default=False, description="typed by hand and compared by no program")

    @model_validator(mode="after")
    def _reason(self) -> Source:
        if (self.assumed_seeds is None) != (not self.assumed_because):
            raise ValueError("assumed_seeds: goes with assumed_because; give both or neither")
        return self


class Names(Strict):
    """names.yaml: methods and tasks that the record has and this suite does not run."""

    methods: dict[str, str]
    tasks: dict[str, str] = Field(description="by the id's beginning")
