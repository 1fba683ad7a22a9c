"""The pictures of the documentation, from pages of reports: `make pictures`.

The reports must be there (`make`, `snakemake --cores all ideas record`, and published ones);
nothing is drawn anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pypdfium2
from PIL import Image

DOCS = Path(__file__).parent
# picture -> the report, and of its pages side by side which part of their height
PICTURES = {
    "report.png": ("reports/quick.pdf", {0: (0.0, 1.0), 1: (0.0, 1.0)}),
    "record.png": ("reports/record.pdf", {0: (0.06, 0.87)}),
    "ideas.png": ("reports/ideas.pdf", {1: (0.0, 1.0), 2: (0.0, 1.0)}),
    # These take hours anew.
    "antmaze.png": ("results/published/local/report.pdf", {8: (0.0, 0.37), 9: (0.0, 0.43)}),
    "finetune.png": ("results/published/finetune/report.pdf", {2: (0.105, 0.31)}),
}
WIDTH, GAP, LINE = 1550, 24, 1  # pixels


def page(
    document: pypdfium2.PdfDocument, number: int, part: tuple[float, float], width: int
) -> Image.Image:
    """Crop part of a page to `width` pixels and frame it."""
    image = document[number].render(scale=width / document[number].get_width()).to_pil()
    top, bottom = (round(share * image.height) for share in part)
    image = image.crop((0, top, image.width, bottom))
    framed = Image.new("RGB", (image.width + 2 * LINE, image.height + 2 * LINE), "#bbbbbb")
    framed.paste(image, (LINE, LINE))
    return framed


def main() -> None:
    """Write every picture, or say which report is missing."""
    for name, (report, parts) in PICTURES.items():
        if not Path(report).exists():
            sys.exit(f"error: {report}: file not found; make the report first.")
        document = pypdfium2.PdfDocument(report)
        each = WIDTH // len(parts)
        pages = [page(document, number, part, each) for number, part in parts.items()]
        width = sum(p.width for p in pages) + GAP * (len(pages) - 1)
        picture = Image.new("RGB", (width, max(p.height for p in pages)), "white")
        left = 0
        for image in pages:
            picture.paste(image, (left, 0))
            left += image.width + GAP
        picture.quantize(256).save(DOCS / name, optimize=True)
        print(DOCS / name)


if __name__ == "__main__":
    main()
