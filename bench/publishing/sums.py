"""SHA256SUMS: the sums of the files in a folder, in the format of `sha256sum --check`."""

from __future__ import annotations

import re
from pathlib import Path

from bench.errors import BenchError
from bench.files import digest, write_text

SUMS = "SHA256SUMS"
PROSE = ("README.md",)
LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


def listed(folder: Path) -> list[str]:
    """Return the names that SHA256SUMS of `folder` must list.

    These are its files, but for prose, hidden files and the sums themselves, and for each of its
    folders that folder's sums.
    """
    names = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            names.append(f"{path.name}/{SUMS}")
        elif path.name not in (SUMS, *PROSE) and not path.name.startswith("."):
            names.append(path.name)
    return names


def text_of(sums: dict[str, str]) -> str:
    """Return the content of SHA256SUMS for sums by name."""
    return "".join(f"{value}  {name}\n" for name, value in sums.items())


def write(folder: Path) -> None:
    """Write SHA256SUMS of a folder; those of the folders in it must exist."""
    names = listed(folder)
    write_text(folder / SUMS, text_of({n: digest((folder / n).read_bytes()) for n in names}))


def read(folder: Path) -> dict[str, str]:
    """Return the sums by name; raise BenchError if SHA256SUMS is missing or malformed."""
    path = folder / SUMS
    if not path.exists():
        raise BenchError(f"{path}: file not found; restore it from git.")
    text = path.read_bytes().decode("utf-8", "replace")
    found = {match[2]: match[1] for line in text.split("\n") if (match := LINE.fullmatch(line))}
    if text_of(found) != text:
        raise BenchError(f"{path}: not lines of a sum and a name; restore it from git.")
    return found


def differences(folder: Path) -> list[str]:
    """Return a sentence for each file whose sum differs, or that is listed or found alone."""
    try:
        sums = read(folder)
    except BenchError as error:
        return [str(error)]
    found = []
    for name in dict.fromkeys([*sums, *listed(folder)]):
        path = folder / name
        if name not in sums:
            problem = f"is not listed in {SUMS}"
        elif not path.is_file():
            problem = f"is listed in {SUMS} and missing"
        elif digest(path.read_bytes()) != sums[name]:
            problem = f"differs from {SUMS}"
        else:
            continue
        found.append(f"{path}: {problem}; restore it from git.")
    return found
