"""Atomic file writes for text, JSON and CSV, and the reader of JSON."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError

INDENT = 2  # of JSON files
SEAL = "seal"  # key of the sum of all that precedes it in a JSON object


def replace_folder(staging: Path, folder: Path) -> None:
    """Move `staging` to `folder`, keeping any existing `folder` until the last moment."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        os.replace(folder, staging.with_name(f"{staging.name}.replaced"))
    os.replace(staging, folder)


def cache_folder(name: str) -> Path | None:
    """Return a folder, made if need be, in XDG_CACHE_HOME or ~/.cache; None if it cannot be."""
    try:
        base = os.environ.get("XDG_CACHE_HOME")
        place = (Path(base) if base else Path.home() / ".cache") / name
        place.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home, or one that cannot be written
        return None
    return place if os.access(place, os.W_OK) else None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raise BenchError naming the file if that fails."""
    content = _json(path)
    if not isinstance(content, dict):
        raise BenchError(f"{path}: expected a JSON object; delete it and run again.")
    return content


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a JSON object as `read_json` does; raise BenchError if it does not match its seal.

    One without a seal was made by an older version.
    """
    content = read_json(path)
    if SEAL in content and (why := broken(content)):
        raise BenchError(f"{path}: {why}; delete it and run again.")
    return content


def read_json_list(path: Path) -> list[dict[str, Any]]:
    """Read a JSON list of objects; raise BenchError naming the file if that fails."""
    content = _json(path)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise BenchError(f"{path}: expected a JSON list of objects; delete it and run again.")
    return content


def _json(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return decode_json(text, object_pairs_hook=_distinct, parse_constant=_refuse)
    except FileNotFoundError:
        raise BenchError(f"{path}: file not found; run the step that writes it.") from None
    except ValueError as error:
        raise BenchError(f"{path}: not valid JSON ({error}); delete it and run again.") from None


def read_note(path: Path, kinds: Mapping[str, type]) -> dict[str, Any] | None:
    """Read a JSON object that another process may be writing or deleting.

    Return None unless it is there and each key of `kinds` has a value of that type.
    """
    try:
        content = decode_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    good = isinstance(content, dict) and all(
        isinstance(content.get(key), kind) for key, kind in kinds.items()
    )
    return content if good else None


def decode_json(text: str | bytes, **hooks: Any) -> Any:
    """Decode JSON; raise ValueError if it is malformed or nested too deeply to be read."""
    try:
        return json.loads(text, **hooks)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key occurs twice")
    return content


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number of JSON")


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content with its seal as the last key."""
    rest = {key: value for key, value in content.items() if key != SEAL}
    return {**rest, SEAL: digest(json.dumps(rest).encode())}


def broken(content: Mapping[str, Any]) -> str | None:
    """Return why the content does not match its seal, or None if it does."""
    if SEAL not in content:
        return "has no seal, because it was made by a version without them"
    return None if sealed(content) == content else "differs from its seal"


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8 as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write atomically: a crash leaves either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(content)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(content, indent=INDENT) + "\n")


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV atomically; floats keep enough digits to be read back exactly."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(scratch, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
