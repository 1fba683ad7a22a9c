"""The pictures of the documentation, from pages of reports: `make pictures`.

The published reports are there, and that on the record of others' scores after
`snakemake --cores 1 record`; nothing is drawn anew. `python docs/pictures.py report.png` makes one.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
from PIL import Image

DOCS = Path(__file__).parent
PUBLISHED = "results/published/{}/report.pdf"
WIDTH, GAP, LINE = 1550, 24, 1  # pixels


@dataclass(frozen=True)
class Part:
    """The page with `text`, or what is `above` the text, a share of the page's height."""

    text: str
    above: float | None = None
    below: float = 0.0


# picture -> the report, and its parts side by side
PICTURES = {
    "report.png": (
        PUBLISHED.format("quick"),
        [Part("Verdicts on published claims"), Part("Normalised score of the last evaluation:")],
    ),
    "record.png": ("reports/record.pdf", [Part("Figure 1.")]),
    "ideas.png": (
        PUBLISHED.format("ideas"),
        [
            Part("Multi-step against one-step dynamic programming"),
            Part("Overestimation: a maximum"),
        ],
    ),
    "antmaze.png": (
        PUBLISHED.format("local"),
        [Part("Success in the mazes at", 0.27, 0.045)],
    ),
    "finetune.png": (
        PUBLISHED.format("finetune"),
        [Part("Normalised score through both phases", 0.305)],
    ),
}


def crop(document: pypdfium2.PdfDocument, part: Part, width: int) -> Image.Image | None:
    """Return the first page with the part's text, or its piece, framed; None if there is none."""
    words = re.compile(r"\s+".join(map(re.escape, part.text.split())))
    for page in document:
        text = page.get_textpage()
        found = words.search(text.get_text_range())
        if found:
            break
    else:
        return None
    image = page.render(scale=width / page.get_width()).to_pil()
    if part.above is not None:
        top = text.get_charbox(found.start())[3]  # points from the page's lower edge
        line = round(image.height * (1 - top / page.get_height()))
        edges = (line - part.above * image.height, line + part.below * image.height)
        upper, lower = (round(min(max(edge, 0), image.height)) for edge in edges)
        image = image.crop((0, upper, image.width, lower))
    framed = Image.new("RGB", (image.width + 2 * LINE, image.height + 2 * LINE), "#bbbbbb")
    framed.paste(image, (LINE, LINE))
    return framed


def make(name: str) -> str | None:
    """Write a picture; return what is missing for it, or None."""
    report, parts = PICTURES[name]
    if not Path(report).exists():
        return f"{report}: file not found; make the report first."
    document = pypdfium2.PdfDocument(report)
    images = []
    for part in parts:
        image = crop(document, part, WIDTH // len(parts))
        if image is None:
            return f"{report}: no page has the text '{part.text}'; {DOCS / name} is kept."
        images.append(image)
    width = sum(image.width for image in images) + GAP * (len(images) - 1)
    picture = Image.new("RGB", (width, max(image.height for image in images)), "white")
    left = 0
    for image in images:
        picture.paste(image, (left, 0))
        left += image.width + GAP
    picture.quantize(256).save(DOCS / name, optimize=True)
    print(DOCS / name)
    return None


if __name__ == "__main__":
    problems = [problem for name in sys.argv[1:] or PICTURES if (problem := make(name))]
    if problems:
        sys.exit("\n".join(f"error: {problem}" for problem in problems))
