"""The HTML page in a real browser: what a reader does with mouse, fingers and keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.browser import CHROMIUM, Page, chromium
from helpers.paths import ROOT

from bench.config.catalogue import Catalogue
from bench.publishing import derived
from bench.report import front, html, inputs
from bench.report.markup import typographic
from bench.report.sections import claims

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
AXE = os.environ.get("AXE_CORE", "")  # the file axe.min.js of the npm package axe-core
CHART = "#charts svg"
VIEW = "document.querySelector('#figure-forest svg').getAttribute('viewBox')"
TICKS = f"[...document.querySelectorAll('{CHART} text')].map(t => t.textContent).slice(0, 3)"


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture
def page(tab: Page, made: Path) -> Page:
    tab.size(1280)
    tab.media(prefers_color_scheme="light")
    tab.open(made)
    return tab


def test_a_drag_zooms_a_chart_and_a_double_click_resets_it(page: Page) -> None:
    before, (x, y) = page.evaluate(TICKS), page.middle(CHART)
    page.drag((x - 60, y - 20), (x + 20, y + 20))
    inside = page.evaluate(TICKS)
    assert inside != before
    page.click(x, y, times=2)
    assert page.evaluate(TICKS) == before


def test_a_drag_zooms_a_drawing(page: Page) -> None:
    before, (x, y) = page.evaluate(VIEW), page.middle("#figure-forest svg")
    page.drag((x - 100, y - 30), (x + 100, y + 30))
    left, top, width, height = map(float, page.evaluate(VIEW).split())
    whole = list(map(float, before.split()))
    assert width < whole[2] / 2
    assert left > 0
    assert top > 0
    assert height < whole[3]
    page.click(x, y, times=2)
    assert list(map(float, page.evaluate(VIEW).split())) == pytest.approx(whole)


def test_two_fingers_zoom_on_a_phone_whose_page_does_not_scroll_sideways(page: Page) -> None:
    page.size(390, touch=True)
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) == 390
    charts = f"[...document.querySelectorAll('{CHART}')]"
    assert page.evaluate(f"Math.max(...{charts}.map(c => c.getBoundingClientRect().right))") < 390
    before, (x, y) = page.evaluate(TICKS), page.middle(CHART)
    page.touch("Start", (x - 20, y), (x + 20, y))
    page.touch("Move", (x - 60, y), (x + 60, y))
    page.touch("End")
    assert page.evaluate(TICKS) != before
    assert page.evaluate("document.querySelectorAll('.zoomed').length") == 1


def test_keys_zoom_move_and_sort(page: Page) -> None:
    page.evaluate("document.querySelector('#figure-forest .tools button').focus()")
    page.press("Enter")
    near = page.evaluate(VIEW)
    page.press("ArrowRight")
    assert float(page.evaluate(VIEW).split()[0]) > float(near.split()[0]) > 0
    page.evaluate("document.querySelectorAll('#table-scores thead button')[1].focus()")
    page.press("Enter")
    head = "document.querySelectorAll('#table-scores thead th')[1].getAttribute('aria-sort')"
    assert page.evaluate(head) == "descending"


def test_sorting_keeps_means_below_and_missing_scores_last(page: Page) -> None:
    rows = "[...document.querySelectorAll('#table-scores tr')].slice(1)"
    column = f"{rows}.map(r => r.cells[{{}}].firstChild.textContent)"
    head = "#table-scores thead th:nth-child({}) button"
    page.click(*page.middle(head.format(2)))
    falling = page.evaluate(column.format(1))
    assert [float(v) for v in falling[:3]] == sorted(map(float, falling[:3]), reverse=True)
    page.click(*page.middle(head.format(2)))
    assert page.evaluate(column.format(1))[:3] == falling[2::-1]
    page.click(*page.middle(head.format(4)))
    assert page.evaluate(column.format(3))[1:3] == ["not run", "diverged"]
    assert page.evaluate(column.format(0))[3].startswith("mean")
    assert page.evaluate("document.querySelectorAll('#table-scores [aria-sort]').length") == 1


def test_sorting_moves_rows_without_a_name_with_the_row_above(page: Page) -> None:
    """A task's second row went to another task."""
    rows = page.evaluate("""(() => {
      const table = document.createElement("table");
      const row = (name, value) => `<tr><th>${name}</th><td>${value}</td></tr>`;
      table.innerHTML = "<tbody>" + row("a", 1) + row("", 9) + "</tbody><tbody>" + row("b", 2) +
        row("", 0) + "</tbody><tbody>" + row("mean", 5) + "</tbody>";
      sort(table, 1, -1);
      return [...table.rows].map(r => r.cells[0].textContent + r.cells[1].textContent);
    })()""")
    assert rows == ["b2", "0", "a1", "9", "mean5"]


def test_a_method_under_the_pointer_stands_out_in_every_figure(page: Page) -> None:
    page.mouse("Moved", *page.middle('#methods [data-method="bc"]'))
    page.evaluate("document.getAnimations().forEach(a => a.finish())")
    outcome = page.evaluate("""[...document.querySelectorAll("figure")]
      .filter(f => f.querySelector('.series[data-method="bc"]'))
      .map(f => [...f.querySelectorAll(".series")].every(
        s => (getComputedStyle(s).opacity === "1") === (s.dataset.method === "bc")))""")
    assert len(outcome) >= 4
    assert all(outcome)
    page.mouse("Moved", 2, 2)
    assert page.evaluate("document.body.dataset.highlighted") == ""
    page.click(*page.middle('#methods [data-method="iql"]'))
    page.mouse("Moved", 2, 2)
    assert page.evaluate("document.body.dataset.highlighted") == "iql"


def test_a_cell_has_an_address_that_opens_on_it(page: Page, made: Path) -> None:
    page.click(*page.middle("#table-scores tbody td:nth-child(2) small"))
    fragment = page.evaluate("location.hash")
    assert fragment.startswith("#scores--")
    cell = page.evaluate("document.querySelector('#table-audit td, details td')?.id ?? ''")
    page.open(made, fragment)
    assert page.evaluate("document.querySelector(':target').id") == fragment[1:]
    if cell:
        page.open(made, f"#{cell}")
        assert page.evaluate("document.querySelector(':target').getBoundingClientRect().height") > 0


def test_the_dark_scheme_is_the_readers(page: Page) -> None:
    parts = """(([body, text]) => [body.backgroundColor, body.color, text.fill])(
      [document.body, document.querySelector("#figure-forest text")].map(e => getComputedStyle(e))
    )"""
    light = page.evaluate(parts)
    assert light[0] == "rgb(255, 255, 255)"
    page.media(prefers_color_scheme="dark")
    dark = page.evaluate(parts)
    assert dark[0] == "rgb(23, 23, 23)"
    assert not set(light) & set(dark)
    page.click(*page.middle("#scheme"))
    assert page.evaluate(parts) == light


WORDS = """(() => {
  const pen = document.createElement("canvas").getContext("2d");
  const found = [];
  for (const part of document.querySelectorAll("tbody td > *, tbody th > *, thead button")) {
    if (!part.checkVisibility()) continue;
    const style = getComputedStyle(part), cell = part.closest("td, th");
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const pad = parseFloat(getComputedStyle(cell).paddingLeft) * 2;
    for (const word of part.textContent.split(/[\\s/-]+/)) {
      if (pen.measureText(word).width > cell.clientWidth - pad + 1) found.push(word);
    }
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of the claims of the published suite with the longest ones."""
    catalogue, folder = Catalogue(), ROOT / "results/published/local"
    suite = derived.suite_of(folder, catalogue)
    read = inputs.read(suite, catalogue, folder, [], lambda *_: "")
    section = claims.section(read)
    assert section is not None
    content = typographic(front.page(read) | {"pdf": "", "sections": [section.content()]})
    out = tmp_path_factory.mktemp("ledger") / "page.html"
    html.render("page.html.j2", content, out.parent, out, {}, {})
    return out


@pytest.mark.parametrize("width", [1280, 1920])
def test_no_column_is_cut_off_or_narrower_than_its_longest_word(
    tab: Page, ledger: Path, width: int
) -> None:
    """The verdicts stood outside of the window, beside a column of one word per line."""
    tab.size(width)
    tab.open(ledger)
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    tables = tab.evaluate(
        "[...document.querySelectorAll('.scroll')].map(s => [s.scrollWidth, s.clientWidth])"
    )
    assert len(tables) >= 3
    assert all(inner <= outer for inner, outer in tables)
    assert tab.evaluate(WORDS) == []


@pytest.mark.skipif(not AXE, reason="AXE_CORE does not name the file axe.min.js")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, width: int, scheme: str) -> None:
    page.size(width)
    page.media(prefers_color_scheme=scheme)
    page.evaluate(Path(AXE).read_text(encoding="utf-8") + ";0")
    found = page.evaluate("axe.run().then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")
    assert found == []
