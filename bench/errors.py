"""The one error that users see: a sentence naming file, field and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Bad input; the command line prints the sentence and exits with 2."""


def unknown(where: str, kind: str, name: object, known: Iterable[str]) -> BenchError:
    """An unknown name, with the nearest known one as remedy."""
    options = sorted(known)
    near = difflib.get_close_matches(str(name), options, n=1, cutoff=0.5)
    remedy = f"did you mean '{near[0]}'?" if near else f"use one of: {', '.join(options)}."
    return BenchError(f"{where}: unknown {kind} '{name}'; {remedy}")
