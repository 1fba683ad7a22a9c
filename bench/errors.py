"""The one error that users see: a sentence naming the file, the field and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 500  # characters of a message


class BenchError(Exception):
    """Invalid input; the command line prints the sentence and exits with status 2.

    What a file or a server contributes to the message cannot steer a terminal or fill it: control
    characters are shown as escapes, and the middle of a long message is left out.
    """

    def __init__(self, message: str):
        super().__init__(shown(message))


def shown(text: str) -> str:
    """Return `text` in one line of at most LONGEST characters, its control characters escaped."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= LONGEST else f"{text[:300]} ... {text[-190:]}"


def unknown(where: str, kind: str, name: object, known: Iterable[str]) -> BenchError:
    """Return the error for an unknown name, with the closest known name as the remedy."""
    options = sorted(known)
    near = difflib.get_close_matches(str(name), options, n=1, cutoff=0.5)
    remedy = f"did you mean '{near[0]}'?" if near else f"use one of: {', '.join(options)}."
    return BenchError(f"{where}: unknown {kind} '{name}'; {remedy}")
