"""The types behind a suite: methods, their layers, the suite, and a cell's resolved settings.

bench.config.catalogue reads them from the files in `config/`. The workflow imports this module,
so it must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bench.config.executors import Choice, Library, without_auto
from bench.config.method_names import check_method_name
from bench.config.phases import MOST, Evaluation, Online
from bench.config.registry import base_of, entry_of
from bench.config.task import NAME, Task, TaskSettings
from bench.config.validation import Strict

Seed = Annotated[int, Field(ge=0, lt=2**32)]
MethodName = Annotated[str, AfterValidator(check_method_name)]

# Folders of results that are no suite's.
STRIP = 6  # frames of a strip in the report
RESERVED = ("published", "ideas", "record")

RewardTransform = Literal["raw", "return_range", "minus_one", "centred_times_4", "centred_times_10"]
SCALES = ("raw", "return_range")  # the transforms that leave a reward of 0 at 0
ObservationTransform = Literal["raw", "standardised"]
Precision = Literal["float32", "bfloat16"]


SHARED = {"rewards", "observations", "batch_size"}  # settings outside the method's own Config
SHARED_DEFAULTS = {"rewards": "raw", "observations": "raw"}


def check_distinct(name: str, values: tuple[Any, ...]) -> None:
    """Raise ValueError if a value occurs twice."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{name}: {value} is given twice; remove one")


class Layer(Strict):
    """Settings of a family or a suite that replace a method's defaults."""

    rewards: RewardTransform | None = None
    observations: ObservationTransform | None = None
    batch_size: int | None = Field(
        default=None, gt=0, le=2**20, description="transitions per update"
    )
    config: dict[str, Any] = Field(default={}, description="fields of the method's Config")


class Override(Layer):
    """A suite's layer, limited to some methods and families (all if omitted)."""

    methods: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None
    updates: int | None = Field(
        default=None, gt=0, le=MOST, description="gradient updates per seed"
    )
    evaluation: Evaluation | None = None
    online: Online | None = None
    executor: Choice | None = None
    products: Library | None = None
    reason: str = Field(min_length=1, description="why the suite departs from the source")

    @model_serializer(mode="wrap")
    def _without_default(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_auto(serialise(self))

    def applies(self, method: str, family: str) -> bool:
        """Return whether the override applies to a method's runs on a family's tasks."""
        return (self.methods is None or base_of(method) in self.methods) and (
            self.families is None or family in self.families
        )

    @model_validator(mode="after")
    def _one_length(self) -> Override:
        if self.updates is not None and self.families is not None:
            raise ValueError("updates: must be the same in all families; remove families")
        return self


class Maps(Strict):
    """The runs whose learned values and paths the report draws on their maze."""

    tasks: tuple[str, ...] = Field(min_length=1, description="tasks of the suite with a maze")
    methods: tuple[str, ...] = Field(min_length=1, description="methods of the suite, a panel each")


class Suite(Strict):
    """One suite file of config/."""

    suite: str = Field(pattern=NAME, description="name of lower-case letters, digits and hyphens")
    title: str = Field(description="title of the report")
    description: str = Field(default="", description="what the reader of the report should know")
    notes: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="paragraphs of the report, after its first page"
    )
    tasks: tuple[str, ...] = Field(
        min_length=1, description="rows of config/tasks.tsv or of the project's tasks.tsv"
    )
    methods: tuple[MethodName, ...] = Field(
        min_length=1,
        description="names in bench/config/registry.py or of files in the project's methods/, or "
        "NAME@setting=value",
    )
    baseline: str | None = Field(
        default=None, description="the method with which the others are compared, seed by seed"
    )
    seeds: tuple[Seed, ...] = Field(min_length=1, max_length=1000, description="training seeds")
    seeds_per_job: int = Field(
        default=5, gt=0, le=1000, description="seeds that one job trains together"
    )
    rows: int = Field(
        default=100_000, gt=0, le=MOST, description="rows of each locally collected dataset"
    )
    task_rows: dict[str, Annotated[int, Field(gt=0, le=MOST)]] = Field(
        default={}, description="rows of single tasks' datasets instead of `rows`"
    )
    updates: int = Field(gt=0, le=MOST, description="gradient updates per seed")
    batch_size: int = Field(
        default=256, gt=0, le=2**20, description="default transitions per update"
    )
    log_every: int = Field(
        default=500, gt=0, le=MOST, description="updates between rows of metrics.csv"
    )
    precision: Precision = Field(default="float32", description="precision of matrix products")
    executor: Choice = Field(
        default="auto", description="how updates are executed; auto records what is proven to be"
    )
    products: Library = Field(
        default="auto",
        description="library of matrix products on a CPU; auto measures which is fastest",
    )
    evaluation: Evaluation
    online: Online | None = Field(default=None, description="fine-tuning in the environment")
    bootstrap: int = Field(
        default=2000, gt=0, le=10**6, description="bootstrap resamples per interval"
    )
    overrides: tuple[Override, ...] = ()
    maps: Maps | None = Field(default=None, description="runs whose values and paths are drawn")
    frames: int = Field(
        default=STRIP, ge=0, le=20, description="frames of each strip in the report; 0 for none"
    )

    @model_serializer(mode="wrap")
    def _without_default(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content = without_auto(serialise(self))
        if content.get("frames") == STRIP:  # as stored before there were strips
            del content["frames"]
        later = ("notes", "task_rows")  # as stored before there were any
        return {k: v for k, v in content.items() if k not in later or v}

    @model_validator(mode="after")
    def _consistent(self) -> Suite:
        for name in ("tasks", "methods", "seeds"):
            check_distinct(name, getattr(self, name))
        if self.suite in RESERVED:
            raise ValueError(f"suite: the folder results/{self.suite} is taken; choose another")
        if self.baseline is not None and self.baseline not in self.methods:
            raise ValueError(f"baseline: {self.baseline} is not one of the methods; add it")
        for task in self.task_rows:
            if task not in self.tasks:
                raise ValueError(f"task_rows: {task} is not one of the suite's tasks; add it")
        for name in ("tasks", "methods") if self.maps else ():
            for value in getattr(self.maps, name):
                if value not in getattr(self, name):
                    raise ValueError(f"maps, {name}: {value} is not one of the suite's; add it")
        lengths = [("updates", self.updates), ("evaluation.every", self.evaluation.every)]
        lengths += [("overrides, updates", o.updates) for o in self.overrides if o.updates]
        own = [o.evaluation.every for o in self.overrides if o.evaluation]
        lengths += [("overrides, evaluation.every", every) for every in own]
        phases = [("", self.online), *(("overrides, ", o.online) for o in self.overrides)]
        for where, online in phases:
            if online is not None:
                lengths += [(f"{where}online.steps", online.steps)]
                lengths += [(f"{where}online.every", online.every)]
        for name, value in lengths:
            if value % self.log_every:
                raise ValueError(f"{name}: {value} is not a multiple of log_every={self.log_every}")
        return self

    def rows_of(self, task: str) -> int:
        """Return the rows of a task's dataset where it is collected locally."""
        return self.task_rows.get(task, self.rows)

    def updates_of(self, method: str) -> int:
        """Return a method's offline updates per seed: the suite's, its last override's, or 0."""
        if entry_of(method).online_only:
            return 0
        mine = (o for o in self.overrides if o.methods is None or base_of(method) in o.methods)
        return ([self.updates] + [o.updates for o in mine if o.updates])[-1]

    def evaluation_of(self, method: str, family: str) -> Evaluation:
        """Return a method's evaluation schedule on a family: the suite's or its last override's."""
        mine = (o for o in self.overrides if o.applies(method, family))
        return ([self.evaluation] + [o.evaluation for o in mine if o.evaluation])[-1]

    def online_of(self, method: str, family: str) -> Online | None:
        """Return a method's online phase on a family: the suite's or its last override's."""
        mine = (o for o in self.overrides if o.applies(method, family))
        return ([self.online] + [o.online for o in mine if o.online])[-1]

    def blocks(self) -> list[tuple[int, ...]]:
        """Return the seeds of each job."""
        size = self.seeds_per_job
        return [self.seeds[i : i + size] for i in range(0, len(self.seeds), size)]


class Settings(Strict):
    """Everything that determines the result of one job, resolved."""

    suite: str = Field(pattern=NAME)
    method: MethodName
    task: TaskSettings
    seeds: tuple[Seed, ...] = Field(min_length=1, max_length=1000)
    updates: int = Field(ge=0, le=MOST)
    batch_size: int = Field(gt=0, le=2**20)
    log_every: int = Field(gt=0, le=MOST)
    precision: Precision = "float32"
    executor: Choice = "auto"
    products: Library = "auto"
    rewards: RewardTransform
    observations: ObservationTransform
    evaluation: Evaluation
    online: Online | None = None
    config: dict[str, Any]

    @model_serializer(mode="wrap")
    def _without_what_is_not(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit what is not set, as in records from before it could be."""
        content = without_auto(serialise(self))
        return {k: v for k, v in content.items() if k != "online" or v is not None}

    @model_validator(mode="after")
    def _distinct(self) -> Settings:
        check_distinct("seeds", self.seeds)
        return self


def dataset_id(task: Task, suite: Suite) -> str:
    """Return the Minari id with the dataset's row count, such as local/hopper/medium-100k-v1."""
    rows = suite.rows_of(task.task)
    size = f"{rows // 1000}k" if rows % 1000 == 0 else str(rows)
    return task.dataset.replace("{rows}", size)


def resolved(task: Task, suite: Suite) -> Task:
    """Return the row with its dataset id filled in."""
    return task.model_copy(update={"dataset": dataset_id(task, suite)})
