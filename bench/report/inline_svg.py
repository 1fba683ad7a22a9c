"""Matplotlib's SVG files as parts of an HTML page, which share its ids, fonts and colours."""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass, field

from markupsafe import Markup, escape

HEAD = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<style .*?</style>", re.DOTALL)
ID = re.compile(r' id="([^"]*)"')
USED = re.compile(r'(?:xlink:href="#|url\(#)([^")]+)')
COLOR = re.compile(r"\b(fill|stroke|stop-color): (#[0-9a-f]{6})\b")
OPENING = re.compile(r"<svg [^>]*?viewBox=\"([^\"]*)\"[^>]*>")
FONT = "'STIXGeneral'"
BACKGROUND = 0.09  # lightness of a dark page
CONTRAST = 3.2  # least of a colour with the page (WCAG 2.2 asks 3 of graphics)


@dataclass
class Colors:
    """The colours of a page's figures, which become variables of its style sheet."""

    found: set[str] = field(default_factory=set)

    def variable(self, color: str) -> str:
        """Return the value of a property that is `color` on a light page."""
        self.found.add(color)
        return f"var(--c{color[1:]})"

    def css(self) -> str:
        """Return the declarations of the variables."""
        return "".join(f"--c{c[1:]}:light-dark({c},{dark(c)});" for c in sorted(self.found))


def dark(color: str) -> str:
    """Return the colour of the same part of a figure on a dark page: greys are inverted."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    if saturation < 0.05:
        light = BACKGROUND + (1 - light) * (0.93 - BACKGROUND)
    page = luminance(BACKGROUND, BACKGROUND, BACKGROUND)
    shown = colorsys.hls_to_rgb(hue, light, saturation)
    while saturation >= 0.05 and (luminance(*shown) + 0.05) / (page + 0.05) < CONTRAST:
        light += 0.02
        shown = colorsys.hls_to_rgb(hue, light, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in shown)


def luminance(*parts: float) -> float:
    """Return the relative luminance of red, green and blue from 0 to 1, as WCAG defines it."""
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def inlined(svg: str, stem: str, alt: str, colors: Colors | None) -> Markup:
    """Return the file's `svg` as an element of a page, with `alt` as its name.

    Ids are prefixed with `stem`, and dropped where nothing refers to them. Colours become
    variables of `colors`; None keeps them.
    """
    text = HEAD.sub("", svg)
    used = set(USED.findall(text))
    text = ID.sub(lambda m: f' id="{stem}-{m[1]}"' if m[1] in used else "", text)
    text = text.replace('xlink:href="#', f'href="#{stem}-').replace("url(#", f"url(#{stem}-")
    text = text.replace('xlink:href="data:', 'href="data:').replace(FONT, "var(--serif)")
    if colors is not None:
        text = COLOR.sub(lambda m: f"{m[1]}: {colors.variable(m[2])}", text)
    opening = OPENING.search(text)
    assert opening is not None
    box = opening[1]
    width, height = box.split()[2:]
    start = (
        f'<svg viewBox="{box}" role="img" aria-label="{escape(alt)}" '
        f'style="aspect-ratio:{width}/{height}">'
    )
    return Markup(start + text[opening.end() :])
