"""The markup of captions, parsed once and rendered by each output format.

It knows `*bold*`, `_italics_`, `__underlined__`, `` `code` ``, `@table`, a reference to a table by
name, and `<https://..>`, a link. A backslash escapes the next character. Inside a word, as in
`ci_low`, these characters are literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.files import read_json

Span = tuple[str, str]  # a face, one of FACES, and the text in it
FACES = ("bold", "underlined", "italics", "code", "table", "link", "plain")
INNER = r"((?:\\.|[^\\{0}])+?)"
PATTERNS = (
    r"(?<!\w)\*" + INNER.format("*") + r"\*(?!\w)",
    r"(?<!\w)__" + INNER.format("_") + r"__(?!\w)",
    r"(?<!\w)_" + INNER.format("_") + r"_(?!\w)",
    "`" + INNER.format("`") + "`",
    r"(?<!\w)@([a-z]\w*)",
    r"<(https://[^\s<>]+)>",
    r"((?:\\.|[^\\*_`@<])+|.)",
)
TOKEN = re.compile("|".join(PATTERNS), re.DOTALL)


def plain(text: str) -> str:
    """Escape text that comes from a file, such as a label, so that a caption shows it verbatim."""
    return re.sub(r"([\\*_`@<])", r"\\\1", text)


def spans(text: str) -> list[Span]:
    """Split marked-up text into spans of one face each."""
    found: list[Span] = []
    for match in TOKEN.finditer(text):
        assert match.lastindex is not None
        face = FACES[match.lastindex - 1]
        body = re.sub(r"\\(.)", r"\1", match[match.lastindex])
        if found and face == found[-1][0] == "plain":
            body = found.pop()[1] + body
        found.append((face, body))
    return found


def typographic(content: Any) -> Any:
    """Return the content of report.json with one form of apostrophe, minus sign and exponent.

    Code is left alone.
    """
    if isinstance(content, str):
        text = APOSTROPHE.sub("\N{RIGHT SINGLE QUOTATION MARK}", content)
        return EXPONENT.sub(r"e-\1", MINUS.sub("\N{MINUS SIGN}", text))
    if isinstance(content, Mapping):
        if content.get("kind") == "code":
            return content
        return {key: typographic(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        if len(content) == 2 and content[0] == "code":
            return content
        return [typographic(value) for value in content]
    return content


MINUS = re.compile(r"(?<=[\s\[(,])-(?=\d)|(?<=\d )-(?= \d)")
EXPONENT = re.compile("(?<=\\d)e[-\N{MINUS SIGN}]0?(\\d)")
APOSTROPHE = re.compile(r"(?<=\w)'(?=[\w\s.,;:)])")


def rst(parts: Sequence[Span]) -> str:
    """Render spans as reStructuredText, the format of Snakemake's own report."""
    return "".join(
        RST[face].format(body if face == "code" else _escape(body)) for face, body in parts
    )


RST = {
    "bold": "**{}**",
    "underlined": "*{}*",
    "italics": "*{}*",
    "code": "``{}``",
    "table": "table *{}*",
    "link": "{}",
    "plain": "{}",
}


def _escape(text: str) -> str:
    return re.sub(r"([\\*_`|])", r"\\\1", text)


def rst_captions(report_json: Path) -> dict[str, str]:
    """Return the caption of each figure of a finished report, by file stem."""
    if not report_json.exists():
        return {}
    sections = read_json(report_json).get("sections", [])
    return {
        item["stem"]: f"{rst([('bold', item['title'] + '.')])} {rst(item['caption'])}"
        for section in sections
        for item in section["items"]
        if item["kind"] == "figure"
    }
