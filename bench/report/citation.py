"""What a citation of a report needs: authors, version and address, from CITATION.cff."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.paths import shipped

CITATION = Path("CITATION.cff")


@dataclass(frozen=True)
class Citation:
    """The suite as CITATION.cff describes it; `url` is "" until there is one.

    `released` is the date of the version, as YYYY-MM-DD.
    """

    authors: tuple[str, ...] = ()
    version: str = ""
    url: str = ""
    released: str = ""
    title: str = ""


def read(path: Path = CITATION) -> Citation:
    """Return what the file says; nothing where there is none."""
    path = shipped(path)
    if not path.exists():
        return Citation()
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = [
        author.get("name") or f"{author.get('given-names', '')} {author['family-names']}".strip()
        for author in content.get("authors", ())
    ]
    url = str(content.get("repository-code") or content.get("url") or "")
    released = str(content.get("date-released") or "")
    title = str(content.get("title", ""))
    return Citation(tuple(names), str(content.get("version", "")), url.rstrip("/"), released, title)
