"""The hash of a method's source, kept on this machine: parsing all of it takes half a second.

Every job needs it. What is kept belongs to the exact text of all files, this one among them.
"""

from __future__ import annotations

import hashlib
import re
import sys
from contextlib import suppress
from pathlib import Path

from bench import files
from bench.errors import BenchError
from bench.records.source_hash import here, own_texts, source_hash
from bench.training.products import machine_cache

KEPT = "source-hashes.json"
MOST = 200  # hashes kept: those of the last few versions of the code
HASH = re.compile(r"[0-9a-f]{64}")


def hash_of(method: str, env_id: str = "") -> str:
    """Return `source_hash(method, env_id)`; that of a project's own code is always made anew."""
    place = machine_cache.folder()
    if place is None or own_texts(method, env_id):
        return source_hash(method, env_id)
    text = repr((sys.version, method, sorted(here().texts.items())))
    key = hashlib.sha256(text.encode()).hexdigest()
    with machine_cache.locked(place):
        kept = _read(place / KEPT)
        if not HASH.fullmatch(str(kept.get(key))):
            others = [k for k in kept if k != key][1 - MOST :]
            kept = {k: kept[k] for k in others} | {key: source_hash(method)}
            with suppress(OSError):  # on a full disk it is made anew each time
                files.write_json(place / KEPT, kept)
        return str(kept[key])


def _read(path: Path) -> dict[str, object]:
    """Return hashes by key; none if the file is not there or damaged."""
    try:
        kept = files.read_json(path)
    except (BenchError, OSError):
        return {}
    return kept if isinstance(kept, dict) else {}
