"""The one error that users see: a sentence naming the file, the field and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Invalid input; the command line prints the sentence and exits with status 2."""


def unknown(where: str, kind: str, name: object, known: Iterable[str]) -> BenchError:
    """Return the error for an unknown name, with the closest known name as the remedy."""
    options = sorted(known)
    near = difflib.get_close_matches(str(name), options, n=1, cutoff=0.5)
    remedy = f"did you mean '{near[0]}'?" if near else f"use one of: {', '.join(options)}."
    return BenchError(f"{where}: unknown {kind} '{name}'; {remedy}")
