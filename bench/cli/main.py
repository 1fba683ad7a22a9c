"""The command line: every step of the workflow by hand.

The workflow calls the same verbs, so what its log shows is what a person types. Each verb
imports what it needs: starting one does not load torch unless it computes with it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import tyro

from bench.cli import data, measure, results, training, workflow
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
    """Run one verb; bad input prints one sentence and exits with 2."""
    # Gymnasium's v4 robots are what D4RL's scores are compared on; its advice to move on is noise.
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
    except OSError as error:  # a full disk, a read-only folder: no bug of ours to trace
        print(f"error: {error}; mend that and run again, nothing finished is lost", file=sys.stderr)
        sys.exit(2)
