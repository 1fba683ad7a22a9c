"""The HTML page: what it says without a browser, and what it does in a real one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from helpers.suite_results import MAZES, TASKS, catalogue, make_suite, source_hash, write_results

from bench.report.build import build
from bench.report.html import in_script

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
A, B, MAZE = TASKS[0], TASKS[1], MAZES[5]

# What a reader does, as real clicks; the outcome is left in the document.
READER = """
<script>
addEventListener("load", async () => {
  const scores = document.getElementById("table-scores"), out = {};
  const column = k => [...scores.tBodies[0].rows].map(row => row.cells[k].firstChild.textContent);
  const head = k => scores.tHead.rows[0].cells[k];
  head(1).firstElementChild.click();
  out.falling = [column(0), column(1), head(1).getAttribute("aria-sort")];
  head(1).firstElementChild.click();
  out.rising = column(1);
  head(2).firstElementChild.click();
  out.last = column(2);
  out.marks = document.querySelectorAll("[aria-sort]").length;
  out.below = scores.tBodies[1].rows[0].cells[0].textContent;
  const chart = document.querySelector("#charts > div");
  out.charts = document.querySelectorAll("#charts > div .main-svg").length > 0;
  out.lines = document.querySelectorAll("#charts .scatterlayer .trace path.js-line").length;
  const before = chart.layout.xaxis.range.slice();
  await Plotly.relayout(chart, {"xaxis.range": [0, 600]});
  out.zoomed = [before[1] > 600, chart.layout.xaxis.range[1]];
  document.querySelector("#chips button").click();
  out.hidden = chart.data.filter(t => t.visible === false).map(t => t.meta);
  const link = document.querySelector("#table-scores a");
  out.link = document.getElementById(decodeURIComponent(link.hash.slice(1))) !== null;
  out.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  out.images = [...document.images].every(i => i.complete && i.naturalWidth > 100);
  document.title = "OUTCOME" + JSON.stringify(out);
});
</script>
</body>
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    suite = make_suite([A, B, MAZE]).model_copy(update={"title": "A <b>bold</b> & made-up title"})
    write_results(folder / "results", suite, skip=[("bc", A)], diverged=[("bc", B)])
    out = folder / "reports" / "fixture.pdf"
    build(suite, catalogue(), folder / "results", [], out, source_hash)
    return out.with_suffix(".html")


def test_the_page_needs_nothing_else(made: Path) -> None:
    own = re.sub(r"<script>.*?</script>", "", made.read_text(), flags=re.DOTALL)
    own = re.sub(r'<a href="https://arxiv.org/abs/2110.06169">', "", own)  # loads nothing
    for url in re.findall(r'(?:src|href)="([^"]*)"', own):
        assert url.startswith("#") or urlparse(url).scheme == "data", url[:80]


def test_what_comes_from_files_is_escaped(made: Path) -> None:
    text = made.read_text()
    assert "<b>bold</b>" not in text
    assert html.escape("A <b>bold</b> & made-up title") in text
    assert in_script("</script>") == "<\\/script>"


def tables_of(content: object) -> list[dict[str, Any]]:
    """Every table of a report's content that has rows."""
    if isinstance(content, list):
        return [t for part in content for t in tables_of(part)]
    if not isinstance(content, dict):
        return []
    if "header" in content:
        return [content] if content["rows"] else []
    return tables_of(list(content.values()))


def test_the_page_has_every_table_of_the_pdf(made: Path) -> None:
    content = json.loads((made.parent / "fixture/report.json").read_text())
    names = sorted(t["name"] for t in tables_of(content))
    assert {"scores", "evaluations", "departures", "settings", "runs"} <= set(names)
    assert sorted(re.findall(r'<table id="table-([^"]*)"', made.read_text())) == names


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_reader_sorts_zooms_and_follows_a_link(made: Path, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    read = tmp_path / "read.html"
    read.write_text(made.read_text().replace("</body>", READER))
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/own",
         "--window-size=1200,900", "--virtual-time-budget=20000", "--dump-dom", read.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found = re.search(r"<title>OUTCOME(.*?)</title>", done.stdout)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    out = json.loads(html.unescape(found.group(1)))
    numbers = [float(v) for v in out["falling"][1]]
    assert numbers == sorted(numbers, reverse=True)
    assert out["falling"][2] == "descending"
    assert out["falling"][0][0] == B  # the highest of the fixture
    assert [float(v) for v in out["rising"]] == sorted(numbers)
    assert out["last"][1:] == ["not run", "diverged"]
    assert out["marks"] == 1
    assert out["below"].startswith("mean")
    assert out["charts"]
    assert out["lines"] == 3 * 5  # of five of the six cells, with the edges of their bands
    assert out["zoomed"] == [True, 600]
    assert set(out["hidden"]) == {"iql"}
    assert out["link"]
    assert out["overflow"] <= 0
    assert out["images"]
