"""The command line: every step of the workflow by hand.

The workflow calls the same verbs, so its log shows what a person would type. Each verb imports
what it needs: torch is loaded only by verbs that compute with it.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

import tyro

from bench.cli import data, literature, measure, results, training, workflow
from bench.errors import BenchError

VERBS: dict[str, Callable[..., Any]] = {
    "run": workflow.run,
    "plan": workflow.plan,
    "train": training.train,
    "trace": training.trace,
    "fetch": data.fetch,
    "convert": data.convert,
    "collect": data.collect,
    "transitions": data.transitions,
    "statistics": results.statistics,
    "effects": results.effects,
    "claims": results.claims,
    "report": results.report,
    "status": workflow.status,
    "explain": results.explain,
    "archive": results.archive,
    "pack": results.pack,
    "idea": measure.idea,
    "ideas": measure.ideas,
    "compare": results.compare,
    "record": literature.record,
    "behavior": data.behavior,
    "benchmark": measure.benchmark,
    "online-cost": measure.online_cost,
    "precision": measure.precision,
    "coverage": measure.coverage,
    "schema": workflow.schema,
    "watch": workflow.watch,
    "tensorboard": results.tensorboard,
}


def main() -> None:
    """Run one verb; on invalid input, print one sentence and exit with status 2."""
    # D4RL's scores are defined on Gymnasium's v4 robots, so its deprecation warnings are noise.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="minari")
    try:
        tyro.extras.subcommand_cli_from_dict(
            VERBS, prog="python -m bench", description=__doc__.splitlines()[0]
        )
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
