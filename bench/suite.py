"""What a suite runs: the YAML and TSV files of `config/`, validated and resolved.

The workflow imports this module to know its targets, so it imports no torch. A cell is
one (method, task, seed block); its settings are layered, later ones winning:

    defaults in the method's Config  <-  config/methods.yaml (per task family, sourced)
                                     <-  `overrides` of the suite (each with its reason)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import jsonschema
from pydantic import Field, NonNegativeInt, model_validator

from bench import methods
from bench.errors import BenchError, unknown
from bench.parsing import Strict, read_table, read_yaml, validate

TASKS = Path("config/tasks.tsv")
METHODS = Path("config/methods.yaml")
METHOD_SCHEMA = Path("workflow/schemas/methods.schema.yaml")
DEFAULT_SUITE = Path("config/quick.yaml")

RewardTransform = Literal["raw", "return_range", "minus_one"]
ObservationTransform = Literal["raw", "standardised"]
Precision = Literal["float32", "bfloat16"]


class Task(Strict):
    """One row of config/tasks.tsv."""

    task: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="name, as in file names")
    family: str = Field(description="which settings of config/methods.yaml apply")
    env_id: str = Field(description="Gymnasium id to evaluate on, or module:id")
    dataset: str = Field(description="Minari id; {rows} stands for the suite's rows")
    recipe: str = Field(description="local collection recipe, or 'none' for an existing dataset")
    ref_min_score: float = Field(description="return that scores 0")
    ref_max_score: float = Field(description="return that scores 100")
    bounded: bool = Field(description="whether scores lie in [0, 100] by construction")
    source: str = Field(description="where the reference scores come from")

    @model_validator(mode="after")
    def _spread(self) -> Task:
        if self.ref_max_score <= self.ref_min_score:
            raise ValueError("ref_max_score: not above ref_min_score; correct one of them")
        return self


class Evaluation(Strict):
    """When and how a policy is scored."""

    every: int = Field(gt=0, description="updates between evaluations")
    episodes: int = Field(gt=0, description="episodes per seed and evaluation")


def check_distinct(name: str, values: tuple[Any, ...]) -> None:
    """Raise ValueError where a value is given twice."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{name}: {value} is given twice; remove one")


class Layer(Strict):
    """Settings that a family or a suite puts over a method's defaults."""

    rewards: RewardTransform | None = None
    observations: ObservationTransform | None = None
    config: dict[str, Any] = Field(default={}, description="fields of the method's Config")


class Override(Layer):
    """A suite's layer, limited to some methods and families (all when left out)."""

    methods: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None
    reason: str = Field(min_length=1, description="why the suite departs from the source")


class FamilyLayer(Layer):
    """A method's layer for one task family."""

    source: str = Field(min_length=1, description="where the values come from")


class Method(Strict):
    """One entry of config/methods.yaml."""

    label: str = Field(description="name in tables and figures")
    reference: str = Field(description="paper")
    families: dict[str, FamilyLayer]


class Suite(Strict):
    """One YAML of config/."""

    suite: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="name, as in file names")
    title: str = Field(description="title of the report")
    description: str = Field(default="", description="what the reader of the report should know")
    tasks: tuple[str, ...] = Field(min_length=1, description="rows of config/tasks.tsv")
    methods: tuple[str, ...] = Field(min_length=1, description="keys of config/methods.yaml")
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1, description="training seeds")
    seeds_per_job: int = Field(default=5, gt=0, description="seeds that one job trains together")
    rows: int = Field(default=100_000, gt=0, description="rows of each locally collected dataset")
    updates: int = Field(gt=0, description="gradient updates per seed")
    batch_size: int = Field(default=256, gt=0, description="transitions per update")
    log_every: int = Field(default=500, gt=0, description="updates between rows of metrics.csv")
    precision: Precision = Field(default="float32", description="of matrix products")
    evaluation: Evaluation
    bootstrap: int = Field(default=2000, gt=0, description="bootstrap repetitions of the intervals")
    overrides: tuple[Override, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Suite:
        for name in ("tasks", "methods", "seeds"):
            check_distinct(name, getattr(self, name))
        for name, value in (("updates", self.updates), ("evaluation.every", self.evaluation.every)):
            if value % self.log_every:
                raise ValueError(f"{name}: {value} is not a multiple of log_every={self.log_every}")
        return self

    def blocks(self) -> list[tuple[int, ...]]:
        """The seeds of each job."""
        size = self.seeds_per_job
        return [self.seeds[i : i + size] for i in range(0, len(self.seeds), size)]


class Settings(Strict):
    """Everything that decides the result of one job, resolved."""

    suite: str
    method: str
    task: Task
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)
    updates: int
    batch_size: int
    log_every: int
    precision: Precision = "float32"
    rewards: RewardTransform
    observations: ObservationTransform
    evaluation: Evaluation
    config: dict[str, Any]

    @model_validator(mode="after")
    def _distinct(self) -> Settings:
        check_distinct("seeds", self.seeds)
        return self


def block_name(seeds: tuple[int, ...]) -> str:
    """`0-4` for a run of consecutive seeds, else `0_2_5`."""
    if len(seeds) > 1 and seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return "_".join(map(str, seeds))


def dataset_id(task: Task, suite: Suite) -> str:
    """The Minari id with the suite's size, such as local/hopper/medium-100k-v0."""
    size = f"{suite.rows // 1000}k" if suite.rows % 1000 == 0 else str(suite.rows)
    return task.dataset.replace("{rows}", size)


class Catalogue:
    """The task table and the method file, read and checked once."""

    def __init__(self, tasks: Path = TASKS, method_file: Path = METHODS):
        self.tasks = _tasks(tasks)
        raw = read_yaml(method_file)
        self.methods = {n: validate(Method, v, f"{method_file}, {n}") for n, v in raw.items()}
        for name in self.methods:
            if name not in methods.METHODS:
                raise unknown(str(method_file), "method", name, methods.METHODS)
        self.schemas = read_yaml(METHOD_SCHEMA)
        for name in self.methods:
            if name not in self.schemas:
                raise BenchError(
                    f"{METHOD_SCHEMA}: method '{name}' is missing; run `python -m bench schema`."
                )
        families = {t.family for t in self.tasks.values()}
        for name, method in self.methods.items():
            for family, layer in method.families.items():
                where = f"{method_file}, {name}, families"
                if family not in families:
                    raise unknown(where, "family", family, families)
                self._check_config(name, layer.config, f"{where}, {family}")

    def suite(self, raw: object, where: str) -> Suite:
        """Validate the content of a suite file; `where` names it in errors."""
        suite = validate(Suite, raw, where)
        for task in suite.tasks:
            if task not in self.tasks:
                raise unknown(where, "task", task, self.tasks)
        for method in suite.methods:
            if method not in self.methods:
                raise unknown(where, "method", method, self.methods)
        families = {t.family for t in self.tasks.values()}
        for override in suite.overrides:
            for method in override.methods or ():
                if method not in self.methods:
                    raise unknown(f"{where}, overrides", "method", method, self.methods)
            for family in override.families or ():
                if family not in families:
                    raise unknown(f"{where}, overrides", "family", family, families)
            for method in override.methods or suite.methods:
                self._check_config(method, override.config, f"{where}, overrides")
        for method in suite.methods:
            for task in suite.tasks:
                self._family(method, self.tasks[task])
        return suite

    def read_suite(self, path: Path) -> Suite:
        """Read and validate a suite file."""
        return self.suite(read_yaml(path), str(path))

    def settings(
        self,
        suite: Suite,
        method: str,
        task: str,
        seeds: tuple[int, ...],
        where: str = "the suite",
    ) -> Settings:
        """Resolve one cell; `where` names the suite's file in errors."""
        row = self.tasks[task]
        layers: list[Layer] = [self._family(method, row)]
        layers += [o for o in suite.overrides if _applies(o, method, row.family)]
        merged: dict[str, Any] = {"rewards": "raw", "observations": "raw"}
        config: dict[str, Any] = {}
        for layer in layers:
            merged |= layer.model_dump(include={"rewards", "observations"}, exclude_none=True)
            config |= layer.config
        self._check_config(method, config, f"{where}, overrides for {method} on {task}")
        cell = {
            "suite": suite.suite,
            "method": method,
            "task": row.model_copy(update={"dataset": dataset_id(row, suite)}),
            "seeds": seeds,
            "updates": suite.updates,
            "batch_size": suite.batch_size,
            "log_every": suite.log_every,
            "precision": suite.precision,
            "evaluation": suite.evaluation,
            "config": config,
        }
        return validate(Settings, cell | merged, f"{where}, {method} on {task}")

    def _family(self, method: str, task: Task) -> FamilyLayer:
        families = self.methods[method].families
        if task.family not in families:
            raise BenchError(
                f"{METHODS}, {method}, families: no settings for '{task.family}', which task "
                f"'{task.task}' needs; add them with their source."
            )
        return families[task.family]

    def _check_config(self, method: str, config: dict[str, Any], where: str) -> None:
        fields = self.schemas[method]["properties"]
        for key, value in config.items():
            if key not in fields:
                raise unknown(f"{where}, config", f"{method} setting", key, fields)
            try:
                jsonschema.validate(value, fields[key])
            except jsonschema.ValidationError as error:
                raise BenchError(
                    f"{where}, config: {method} setting '{key}' is {value!r}; {error.message}."
                ) from None


def _applies(override: Override, method: str, family: str) -> bool:
    return (override.methods is None or method in override.methods) and (
        override.families is None or family in override.families
    )


def _tasks(path: Path) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for number, row in enumerate(read_table(path), start=1):
        task = validate(Task, row, f"{path}, row {number}")
        if task.task in tasks:
            raise BenchError(f"{path}: task '{task.task}' is given twice; remove one.")
        tasks[task.task] = task
    return tasks
