"""The command-line verbs for a user's project: new, check."""

from __future__ import annotations

import shutil
import sys

from bench.cli.arguments import Folder, Method
from bench.config.registry import entry_of, is_known, known, load
from bench.config.validation import parse_json
from bench.errors import BenchError, unknown
from bench.paths import SHIPPED

TEMPLATE = SHIPPED / "workflow/project"


def new(folder: Folder) -> None:
    """Make a project of your own: a suite, a table of tasks, a method, and a Snakefile.

    The project runs as it is. Data, results and reports stay in its folder.

    Args:
        folder: the folder to make.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BenchError(f"{folder}: exists and is not empty; name a new folder.")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TEMPLATE, folder, ignore=ignored, dirs_exist_ok=True)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        print(path)
    print(f"Next: cd {folder} && snakemake --cores all")


def check(method: Method, config: str = "{}") -> None:
    """Check a method's contract on a tiny problem; print what is wrong in a sentence each.

    Exits with status 1 if anything is. A registered method can be checked too.

    Args:
        method: name of a method, such as that of a file in methods/.
        config: settings of the method for this, as JSON, such as '{"learning_rate": 0.001}'.
    """
    if not is_known(method):
        raise unknown("check", "method", method, known())
    settings = parse_json(config, "--config")
    if not isinstance(settings, dict):
        raise BenchError("--config: not a JSON object; write it as '{\"setting\": value}'.")
    if entry_of(method).online_only:
        raise BenchError(
            f"check: {method} learns only from its own steps, which this cannot check."
        )
    from bench.training.contract.checks import findings
    from bench.training.contract.problem import Problem, reaching
    from bench.training.engine import prepare_process

    prepare_process(threads=1)
    problem = Problem(load(method), {**entry_of(method).tiny, **settings}, reaching())
    wrong = False
    for name, finding in findings(problem):
        print(f"no   {name}: {finding}" if finding else f"yes  {name}", flush=True)
        wrong = wrong or finding is not None
    if reasons := [t.engine.reason for t in problem.trainers if t.engine.reason]:
        print(f"note {reasons[0]}")
    if wrong:
        sys.exit(1)
