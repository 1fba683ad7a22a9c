"""What others quote: LaTeX macros of the numbers, and BibTeX of the sources."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from bench.config.record_types import Source
from bench.literature import sentences
from bench.literature.analysis import Analysis
from bench.literature.cells import Estimate
from bench.report.provenance import PROVIDE, macro
from bench.report.record.figures import signed
from bench.report.table import interval, number

CITE = (
    "Cite this report (title and commit below) and the sources of what you quote: references.bib "
    "has an entry for each, numbers.tex the numbers as LaTeX macros, such as "
    r"\bench{hopper-medium-v2}{iql}{difference}."
)


def page(found: Analysis) -> str:
    """Return answer, sentences and the table of cells as Markdown, for other pages to quote."""
    lines = [f"**{sentences.answer(found)}**", ""]
    lines += [f"{n}. {sentence}" for n, sentence in enumerate(sentences.ten(found), 1)]
    header = ("dataset", "paper", "codes", "difference", "next code", "verdict")
    lines += ["", f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for e in found.iql:
        main = e.headline
        difference = f"{signed(main.value)} {interval(main.low, main.high)}" if main else "–"
        cells = (e.cell.task, number(e.cell.published), str(main.k if main else 0), difference)
        lines.append(f"| {' | '.join((*cells, interval(*e.next_few), e.verdict))} |")
    return "\n".join(lines) + "\n"


def macros(found: Sequence[Estimate]) -> str:
    r"""Return a LaTeX file in which \bench{TASK}{METHOD}{difference} is a pooled difference.

    Others are low, high, k, between sd, i2, next low, next high, published and verdict.
    """
    lines = ["% Numbers of the published record", *PROVIDE]
    for e in found:
        main = e.headline
        if e.cell.published is None or e.cell.phase != "offline":
            continue
        values: dict[str, float] = {"published": e.cell.published}
        if main:
            values |= {"difference": main.value, "low": main.low, "high": main.high}
            values |= {"between sd": main.between_sd, "i2": main.i2}
            values |= {"next low": e.next_few[0], "next high": e.next_few[1]}
        lines += [
            macro(e.cell.task, e.cell.method, name, number(value))
            for name, value in values.items()
            if not math.isnan(value)
        ]
        lines.append(macro(e.cell.task, e.cell.method, "k", str(main.k if main else 0)))
        lines.append(macro(e.cell.task, e.cell.method, "verdict", e.verdict))
    return "\n".join(lines) + "\n"


def bibtex(sources: Mapping[str, Source], commits: Mapping[str, str]) -> str:
    """Return one entry per source; `commits` are what was read of each."""
    entries = []
    for key, source in sources.items():
        author = source.authors if " and " in source.authors else f"{{{source.authors}}}"
        fields = {"author": author, "title": f"{{{source.title}}}"}
        fields |= {"year": str(source.year)} if source.year else {}
        fields |= {"howpublished": rf"\url{{{source.url}}}"}
        fields |= {"note": f"commit {commits[key]}"} if commits.get(key) else {}
        body = ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items())
        entries.append(f"@misc{{{re.sub('[^a-z0-9-]', '', key)},\n{body},\n}}")
    return "\n\n".join(entries) + "\n"
