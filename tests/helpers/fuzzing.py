"""Changes of right files at random, and what a reader of them may do."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bench.errors import BenchError
from helpers.projects import one_sentence

EXAMPLES = int(os.environ.get("FUZZ", "15"))
LIMIT = 10.0  # seconds
WORDS = (
    b"[]", b"{}", b"null", b"-1", b"0", b"1e400", b".nan", b"3e-4", b"''", b"..", b"$(touch x)",
    b"\n", b"\x00", b"\xff", b"&a", b"*a", b"!!python/name:os.system", b"9" * 400, b"true",
    b"[" * 60,
)  # fmt: skip
ENDED: Counter[tuple[str, str]] = Counter()


@st.composite
def changed(draw: st.DrawFn, content: bytes, words: bool) -> bytes:
    """Return `content` with one to four changes: bytes flipped, cut or repeated, or other words."""
    for _ in range(draw(st.integers(1, 4))):
        spots = [m.span() for m in re.finditer(rb"[^\s:,\[\]{}]+", content)] if words else []
        kind = draw(st.sampled_from(["flip", "cut", "repeat", *(["word"] * 3 if spots else [])]))
        start = draw(st.integers(0, max(len(content) - 1, 0)))
        stop = min(start + draw(st.integers(1, 40)), len(content))
        if kind == "word":
            start, stop = draw(st.sampled_from(spots))
            content = content[:start] + draw(st.sampled_from(WORDS)) + content[stop:]
        elif kind == "flip" and content:
            flipped = bytes([content[start] ^ draw(st.integers(1, 255))])
            content = content[:start] + flipped + content[start + 1 :]
        elif kind == "cut":
            content = content[:start] + content[stop:]
        else:
            content = content[:stop] + content[start:]
    return content


def attempt(kind: str, read: Callable[[], Any]) -> Any:
    """Return what `read` returns, or None if it refused in one sentence."""
    start, refusal = time.monotonic(), None
    try:
        found = read()
    except BenchError as error:
        found, refusal = None, error
    assert refusal is None or len(one_sentence(refusal)) <= 500
    assert time.monotonic() - start < LIMIT
    ENDED[kind, "refused in a sentence" if found is None else "read"] += 1
    return found


def fuzz(examples: float = 1.0) -> Callable[[Any], Any]:
    """Return the settings of a property that tries a share of the usual number of inputs."""
    return settings(
        max_examples=max(int(examples * EXAMPLES), 5),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
