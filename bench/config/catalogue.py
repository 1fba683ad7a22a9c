"""The task table and the method file of `config/`, and the settings resolved from them.

A cell is one (method, task, seed block). Its settings are layered; later layers win:

    defaults: the method's Config and SHARED_DEFAULTS
    the suite
    config/methods.yaml: the task's family, its environment, and fine-tuning, each with a source
    the suite's `overrides`, each with a reason
    a setting in the method's name, as in iql@expectile=0.5

A method without an entry in config/methods.yaml uses its own defaults. A project adds rows in its
own tasks.tsv and settings in its own methods.yaml.

The workflow imports this module, so it must not import torch.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from bench.config import registry
from bench.config.d4rl_files import Source, read_sources
from bench.config.method_names import label_of, value_of
from bench.config.method_types import FamilyLayer, Method
from bench.config.settings_schema import check_settings, schema_of
from bench.config.suite_checks import (
    check_datasets,
    check_lengths,
    check_names,
    check_overrides,
    check_own,
)
from bench.config.task import Task
from bench.config.task_table import TASKS, read_tasks, table_of
from bench.config.types import (
    SCALES,
    SHARED_DEFAULTS,
    Layer,
    Settings,
    Suite,
    resolved,
)
from bench.config.validation import validate
from bench.config.yaml_files import read_yaml
from bench.errors import BenchError, unknown
from bench.maze_plans import maze_of
from bench.paths import OWN_SETTINGS, default_suite

METHODS = Path("config/methods.yaml")
METHOD_SCHEMA = Path("workflow/schemas/methods.schema.yaml")
CONFIG = "config."  # prefix of keys that are fields of the method's Config
# The fields of Settings that layers may set, besides those of the method's Config.
LAYERED = (
    *("updates", "batch_size", "log_every", "precision", "rewards", "observations"),
    *("evaluation", "online", "executor", "products"),
)
UNLISTED = "no reference"  # for a method without an entry in config/methods.yaml

NamedLayer = tuple[str, dict[str, Any]]  # the source of the values, and the values by key


class Catalogue:
    """The task table and the method file, read and validated once."""

    def __init__(self, tasks: Path = TASKS, method_file: Path = METHODS):
        self.tasks = read_tasks(tasks)
        self.methods: dict[str, Method] = {}
        self.places: dict[str, Path] = {}  # the file that has a method's settings
        for path in (method_file, *([OWN_SETTINGS] if OWN_SETTINGS.exists() else ())):
            for name, entry in read_yaml(path).items():
                if name in self.methods:
                    first = self.places[name]
                    raise BenchError(f"{path}: method '{name}' is in {first} too; rename it.")
                self.methods[name] = validate(Method, entry, f"{path}, {name}")
                check_own(name, self.methods[name], path)
                self.places[name] = path
        self.schemas = read_yaml(METHOD_SCHEMA)
        for name in registry.METHODS:
            self.methods.setdefault(name, Method(label=name, reference=UNLISTED, families={}))
            if name not in self.schemas:
                raise BenchError(
                    f"{METHOD_SCHEMA}: method '{name}' is missing; run `python -m bench schema`."
                )
        for name in filter(self.schemas.__contains__, self.places):
            self._check_families(name, self.places[name])

    def _check_families(self, name: str, path: Path) -> None:
        """Raise BenchError if a method's entry in `path` has an unknown family or setting."""
        families = {t.family for t in self.tasks.values()}
        for family, layer in self.methods[name].families.items():
            where = f"{path}, {name}, families"
            if family not in families:
                raise unknown(where, "family", family, families)
            self._check_config(name, layer.config, f"{where}, {family}")
            for config in layer.environments.values():
                self._check_config(name, config, f"{where}, {family}, environments")
            self._check_config(name, layer.fine_tuning, f"{where}, {family}, fine_tuning")

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The rows of config/d4rl.tsv by dataset, read once."""
        return read_sources()

    def task(self, name: str) -> Task:
        """Return the row named `name`; raise BenchError if there is none."""
        if name not in self.tasks:
            raise unknown(str(TASKS), "task", name, self.tasks)
        return self.tasks[name]

    def suite(self, raw: object, where: str, part: bool = False) -> Suite:
        """Validate the content of a suite file; errors begin with `where`.

        An override need not apply to anything in a `part` of a suite, which was chosen on the
        command line or is stored with its results.
        """
        suite = validate(Suite, raw, where)
        for task in suite.tasks:
            if task not in self.tasks:
                raise unknown(where, "task", task, self.tasks)
        for method in suite.methods:
            self.enter(method, where)
            source = registry.entry_of(method).starts_from
            if source and source not in suite.methods:
                raise BenchError(
                    f"{where}, methods: {method} starts from the runs of {source}, which is not "
                    f"listed; add {source}."
                )
        for task in suite.maps.tasks if suite.maps else ():
            if maze_of(self.tasks[task].env_id) is None:
                raise BenchError(f"{where}, maps, tasks: {task} has no maze; remove it.")
        check_datasets(suite, self.tasks, TASKS, where)
        check_names(suite, self.tasks, self.methods, where)
        if not part:
            check_overrides(suite, self.tasks, where)
        for override in suite.overrides:
            for method in override.methods or suite.methods:
                self._check_config(method, override.config, f"{where}, overrides")
        for method in suite.methods:
            for task in suite.tasks:
                self.settings(suite, method, task, suite.seeds, where)
        return suite

    def read_suite(self, path: Path | None) -> Suite:
        """Read and validate a suite file, by default the project's or ours."""
        path = path or default_suite()
        return self.suite(read_yaml(path), str(path))

    def settings(
        self,
        suite: Suite,
        method: str,
        task: str,
        seeds: tuple[int, ...],
        where: str = "the suite",
    ) -> Settings:
        """Resolve the settings of one cell; errors begin with `where`, the suite's file."""
        row = self.tasks[task]
        layers = self.layers(suite, method, row, where)
        values = {key: value for _, layer in layers for key, value in layer.items()}
        config = {k.removeprefix(CONFIG): v for k, v in values.items() if k.startswith(CONFIG)}
        overrides = f"{where}, overrides for {method}"
        self._check_rewards(method, row, values["rewards"], where)
        self._check_config(method, config, f"{overrides} on {task}")
        online = values.get("online")
        schemas = self.schemas[method]["properties"]
        check_lengths(config, schemas, values["updates"], online and online.steps, overrides)
        cell = {k: v for k, v in values.items() if not k.startswith(CONFIG)}
        cell |= {"suite": suite.suite, "method": method, "seeds": seeds, "config": config}
        cell["task"] = resolved(row, suite).deciding()
        return validate(Settings, cell, f"{where}, {method} on {task}")

    def origins(self, suite: Suite, method: str, task: str, where: str) -> dict[str, str]:
        """Return the layer that set each value of a cell, by key; the others are Config's own."""
        layers = self.layers(suite, method, self.tasks[task], where)
        return {"task": str(table_of(task))} | {
            key: name for name, layer in layers for key in layer
        }

    def layers(self, suite: Suite, method: str, task: Task, where: str) -> list[NamedLayer]:
        """Return the layers of a cell; the last layer with a given key decides.

        A key is a field of Settings, or `config.` followed by a field of the method's Config.
        """
        self._check_online(suite, method, task, where)
        layers = [("default", dict(SHARED_DEFAULTS)), (where, _values(suite))]
        layers += self.method_layers(method, task, suite.online_of(method, task.family) is not None)
        layers += [
            (f"{where}, overrides: {override.reason}", _values(override))
            for override in suite.overrides
            if override.applies(method, task.family)
        ]
        if registry.entry_of(method).online_only:
            layers.append((f"{method} learns only from its own steps", {"updates": 0}))
        named = {CONFIG + key: value_of(text) for key, text in registry.settings_of(method).items()}
        if named:
            layers.append(("the method's name", named))
        return layers

    def method_layers(self, method: str, task: Task, online: bool = False) -> list[NamedLayer]:
        """Return the layers of config/methods.yaml for a method on a task.

        They are the family's, the environment's and, with `online`, that for fine-tuning.
        """
        own = self.family_layer(method, task)
        base = registry.base_of(method)
        place = f"{self.places.get(base, METHODS)}, {base}, {task.family}"
        env = task.env_id.rpartition(":")[2]
        further = {
            f"environments, {prefix}": config
            for prefix, config in own.environments.items()
            if env.startswith(prefix)
        }
        if online:
            further["fine_tuning"] = own.fine_tuning
        return [
            (f"{place}: {own.source}", _values(own)),
            *(
                (f"{place}, {part}: {own.source}", _values(Layer(config=config)))
                for part, config in further.items()
            ),
        ]

    def enter(self, method: str, where: str) -> None:
        """Add a project's method, or one named base@setting=value; raise BenchError if unknown."""
        base, named = registry.base_of(method), registry.settings_of(method)
        if not registry.is_known(base):
            raise unknown(where, "method", base, registry.known())
        if base not in self.schemas:  # a method of the project, read when it is asked for
            self.methods.setdefault(base, Method(label=base, reference=UNLISTED, families={}))
            self.schemas[base] = schema_of(registry.load(base).Config)
            if base in self.places:
                self._check_families(base, self.places[base])
        if base == method:
            return
        config = {setting: value_of(value) for setting, value in named.items()}
        self._check_config(base, config, f"{where}, methods, {method}")
        entry = self.methods[base]
        label = label_of(entry.label, method)
        self.methods[method] = entry.model_copy(update={"label": label})
        self.schemas[method] = self.schemas[base]

    def family_layer(self, method: str, task: Task) -> FamilyLayer:
        """Return the layer of config/methods.yaml for a method on a task's family."""
        layer = self.methods[method].layer(task.family)
        if layer is None:
            raise BenchError(
                f"{METHODS}, {method}, families: no settings for '{task.family}', which task "
                f"'{task.task}' needs; add them with their source."
            )
        return layer

    def _check_online(self, suite: Suite, method: str, task: Task, where: str) -> None:
        """Raise BenchError if the method cannot have the online phase, or lacks one it needs."""
        online, entry = suite.online_of(method, task.family), registry.entry_of(method)
        if online is not None and not task.scored:
            raise BenchError(f"{where}, online: {task.task} has no environment; give it an env_id.")
        if online is None and entry.online_only:
            raise BenchError(
                f"{where}, online: {method} learns only from its own steps, but {task.task} has no "
                f"online phase; set `online`, or remove {method} from the methods."
            )
        if online is not None and not entry.fine_tunes:
            raise BenchError(
                f"{where}, online: {method} cannot have an online phase, only "
                f"{', '.join(registry.FINE_TUNED)} can; move `online` to an override for those."
            )

    def _check_rewards(self, method: str, task: Task, rewards: str, where: str) -> None:
        """Raise BenchError if a sparse reward stays at 0 that the method's settings shift."""
        if rewards in SCALES and self.family_layer(method, task).rewards not in (None, *SCALES):
            raise BenchError(
                f"{where}, overrides, rewards: '{rewards}' contradicts {method}'s settings for "
                f"{task.family}, where each step must cost something; choose a shifted reward."
            )

    def _check_config(self, method: str, config: dict[str, Any], where: str) -> None:
        check_settings(method, config, self.schemas[method]["properties"], where)


def _values(layer: Layer | Suite) -> dict[str, Any]:
    """Return the values that a layer sets, by the keys of `Catalogue.layers`."""
    found = {key: getattr(layer, key, None) for key in LAYERED}
    config = layer.config if isinstance(layer, Layer) else {}
    given = {key: value for key, value in found.items() if value is not None}
    return given | {CONFIG + key: value for key, value in config.items()}
