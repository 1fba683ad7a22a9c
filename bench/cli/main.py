"""The command line: every step of the workflow by hand.

The workflow calls the same verbs, so its log shows what a person would type. Each verb imports
what it needs: torch is loaded only by verbs that compute with it.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import tyro

from bench.cli import (
    data,
    literature,
    measure,
    policy,
    project,
    publishing,
    results,
    training,
    watching,
    workflow,
)
from bench.config.catalogue import Catalogue
from bench.errors import BenchError, unknown
from bench.paths import let_import

DISTRIBUTION = "iql-reproduction"


def completion(shell: Literal["bash", "zsh", "tcsh"]) -> None:
    """Print the completions of `iql-bench` for a shell.

    Args:
        shell: bash: `source <(iql-bench completion --shell bash)`; zsh: write them to a file
            `_iql-bench` in a folder of $fpath.
    """
    everything(["--tyro-print-completion", shell])


# Verbs by use, in the order in which a person meets them.
GROUPS: dict[str, dict[str, Callable[..., Any]]] = {
    "a project of your own": {
        "new": project.new,
        "check": project.check,
    },
    "a suite, from its data to its report": {
        "plan": workflow.plan,
        "run": workflow.run,
        "status": workflow.status,
        "report": results.report,
        "curves": watching.curves,
        "tensorboard": watching.tensorboard,
        "track": watching.track,
    },
    "data": {
        "fetch": data.fetch,
        "collect": data.collect,
        "convert": data.convert,
        "transitions": data.transitions,
    },
    "a run": {
        "train": training.train,
        "score": policy.score,
        "render": policy.render,
        "export": policy.export,
    },
    "results": {
        "statistics": results.statistics,
        "effects": results.effects,
        "claims": results.claims,
        "explain": results.explain,
        "compare": results.compare,
        "index": publishing.index,
        "verify": publishing.verify,
        "archive": publishing.archive,
    },
    "measurements of this project": {
        "record": literature.record,
        "idea": measure.idea,
        "slider": measure.slider,
        "ideas": measure.ideas,
        "benchmark": measure.benchmark,
        "precision": measure.precision,
        "coverage": measure.coverage,
    },
    "the shell": {
        "completion": completion,
    },
}
# Verbs that the workflow or a maintainer calls; `VERB --help` explains them too.
INTERNAL: dict[str, Callable[..., Any]] = {
    "trace": training.trace,
    "strips": policy.strips,
    "watch": workflow.watch,
    "behavior": data.behavior,
    "stand-ins": data.stand_ins,
    "online-cost": measure.online_cost,
    "pack": publishing.pack,
    "publish": publishing.publish,
    "schema": workflow.schema,
}
VERBS = {name: verb for group in (*GROUPS.values(), INTERNAL) for name, verb in group.items()}


def main() -> None:
    """Run one verb; on invalid input, print one sentence and exit with status 2."""
    warnings.showwarning = _without_deprecations(warnings.showwarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="minari")
    let_import()  # a project's environments
    try:
        call(sys.argv[1:])
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; run again to continue", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of the output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:  # such as a full disk or a read-only folder: no traceback needed
        print(f"error: {error}; fix that and run again, no finished work is lost", file=sys.stderr)
        sys.exit(2)


def _without_deprecations(show: Callable[..., None]) -> Callable[..., None]:
    """Return `show`, silent on deprecation, whatever filters Gymnasium sets when it is imported.

    D4RL's scores are defined on its v4 robots, which it calls out of date.
    """

    def shown(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if not issubclass(category, DeprecationWarning):
            show(message, category, *where)

    return shown


def call(arguments: list[str]) -> None:
    """Call the verb that the first argument names; raise BenchError if there is none."""
    name = arguments[0] if arguments else ""
    if name in ("", "-h", "--help"):
        print(overview(), file=sys.stdout if name else sys.stderr)
        sys.exit(0 if name else 2)
    if name == "--version":
        print(f"{DISTRIBUTION} {version(DISTRIBUTION)}")
        return
    if name not in VERBS:
        raise unknown(program(), "verb", name, VERBS)
    asked = {"-h", "--help"} & set(arguments)
    tyro.cli(
        VERBS[name],
        prog=f"{program()} {name}",
        description="\n\n".join([_about(VERBS[name]), *(choices(VERBS[name]) if asked else ())]),
        args=arguments[1:],
    )


def everything(arguments: list[str]) -> None:
    """Parse with one parser for all verbs, which knows what completes each."""
    tyro.extras.subcommand_cli_from_dict(VERBS, prog="iql-bench", args=arguments)


def program() -> str:
    """Return what the user has typed before the verb."""
    name = Path(sys.argv[0]).name
    return "python -m bench" if name in ("__main__.py", "-m") else name


def overview() -> str:
    """Return the verbs by use, each with its first sentence."""
    width = max(map(len, VERBS))
    lines = [f"usage: {program()} VERB ...", "", f"{(__doc__ or '').splitlines()[0]}"]
    for use, verbs in GROUPS.items():
        lines += ["", f"{use}:"]
        lines += [f"  {name:{width}}  {_sentence(verb)}" for name, verb in verbs.items()]
    return "\n".join([*lines, "", f"{program()} VERB --help explains a verb; --version."])


def choices(verb: Callable[..., Any]) -> list[str]:
    """Return what may stand for METHOD and TASK, where a verb takes them."""
    taken = inspect.signature(verb).parameters
    if not {"method", "task"} & set(taken):
        return []
    catalogue = Catalogue()
    known: dict[str, Iterable[str]] = {"method": catalogue.methods, "task": catalogue.tasks}
    return [f"{k.upper()}: {', '.join(known[k])}" for k in ("method", "task") if k in taken]


def _about(verb: Callable[..., Any]) -> str:
    """Return a verb's docstring without its arguments."""
    return inspect.cleandoc(verb.__doc__ or "").partition("\nArgs:")[0].strip()


def _sentence(verb: Callable[..., Any]) -> str:
    return " ".join(_about(verb).split("\n\n")[0].split())
