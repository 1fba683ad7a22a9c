"""The documentation as a website, built by Sphinx: `make docs`.

The pages are those that `docs/index.md` links, wherever they are, and its headings are the parts of
the navigation. Links to other files of the repository, such as published reports, are kept: the
files are copied to the site under their own paths.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments.lexers.special import TextLexer
from pypdfium2 import PdfDocument
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
INDEX = "docs/index"
PUBLISHED = "results/published"
REPORTS = {"report.pdf": "PDF", "report.html": "HTML"}  # of a published suite
OVER_ALL = {
    "index.html": "The front page over all suites",
    "ideas.html": "The paper’s ideas, to play with",
}

LINK = re.compile(r"\]\(([^)#:\s]+\.md)")


def linked(text: str, place: str = INDEX) -> list[str]:
    """Return the pages that the text of the page `place` links, without .md, from the root."""
    found = [(ROOT / place).parent.joinpath(name).resolve() for name in LINK.findall(text)]
    return [str(path.relative_to(ROOT).with_suffix("")) for path in found if path.exists()]


def reachable(start: str) -> set[str]:
    """Return all pages that links lead to from the page `start`."""
    found, todo = set[str](), {start}
    while todo:
        page = todo.pop()
        found.add(page)
        text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
        todo |= set(linked(text, page)) - found
    return found


project = "The reference reproduction of Implicit Q-Learning"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
root_doc = INDEX
include_patterns = [f"{page}.md" for page in sorted(reachable(INDEX))]
suppress_warnings = ["toc.not_included"]  # files that pages link, such as published tables
exclude_patterns = [".*", "data", "logs", "reports", "site", "results/[!p]*"]
nitpicky = True
# Types in signatures are of other projects, or names that only their module knows.
nitpick_ignore_regex = [("py:.*", ".*")]
html_theme = "furo"
html_title = "Implicit Q-Learning, reproduced"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
default_role = "code"  # docstrings are written with single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
myst_enable_extensions = ["substitution"]
myst_heading_anchors = 4
myst_fence_as_directive = []


def published_reports() -> str:
    """Return links to the reports over all suites, if drawn, and a table of the published ones."""
    drawn = [
        f"- [{title}](../reports/{name})"
        for name, title in OVER_ALL.items()
        if (ROOT / "reports" / name).exists()
    ]
    rows = ["| suite | title | report |", "|---|---|---|"]
    for folder in sorted((ROOT / PUBLISHED).iterdir()):
        links = [
            f"[{form}](../{PUBLISHED}/{folder.name}/{name})"
            for name, form in REPORTS.items()
            if (folder / name).exists()
        ]
        if links:
            title = PdfDocument(folder / "report.pdf").get_metadata_dict()["Title"]
            rows.append(f"| {folder.name} | {title} | {', '.join(links)} |")
    return "\n".join([*drawn, "", *rows])


def navigation(app: Sphinx, name: str, source: list[str]) -> None:
    """List the published reports, and add a table of contents per heading to the index."""
    source[0] = source[0].replace("<!-- published reports -->", published_reports())
    if name != INDEX:
        return
    for part in source[0].split("\n## "):
        title, _, rest = part.partition("\n")
        pages = "\n".join(f"/{page}" for page in linked(rest))
        if pages:
            title = title.lstrip("# ")
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n"


def keep_links_to_files(app: Sphinx, tree: nodes.document) -> None:
    """Link files of the repository in place, and have them copied."""
    here = (ROOT / app.env.docname).parent
    for node in list(tree.findall(addnodes.pending_xref)):
        if node["reftype"] == "myst" and (here / node["reftarget"]).is_dir():
            node.replace_self(node.children)  # a website has no listings of folders
    for node in list(tree.findall(addnodes.download_reference)):
        path = here.joinpath(node["reftarget"]).resolve()
        app.env.metadata[app.env.docname].setdefault("files", []).append(path)
        link = nodes.reference("", "", *node.children, refuri=node["reftarget"], internal=True)
        node.replace_self(link)


def escape(
    _app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]
) -> None:
    """Take asterisks in docstrings literally; they are products and arguments, not emphasis."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def name_levels(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: Any
) -> None:
    """Give the headings of the navigation the level that screen readers ask for."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )


def finish(app: Sphinx, error: Exception | None) -> None:
    """Copy the linked files, and lead from the top of the site to its first page."""
    if error:
        return
    out = Path(app.outdir)
    files = {path for page in app.env.metadata.values() for path in page.get("files", [])}
    if any(path.parent == ROOT / "reports" for path in files):  # the front page links the others
        files |= {*(ROOT / "reports").glob("*.html"), *(ROOT / "reports").glob("*.pdf")}
    for path in files:
        target = out / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (out / "index.html").write_text(
        f'<!DOCTYPE html><title>{html_title}</title><meta http-equiv="refresh" '
        f'content="0; url={INDEX}.html"><a href="{INDEX}.html">{html_title}</a>\n',
        encoding="utf-8",
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the functions above to the events of a build."""
    for language in ("mermaid", "csv", "tsv"):  # unknown to the highlighter
        app.add_lexer(language, TextLexer)
    app.connect("source-read", navigation)
    app.connect("doctree-read", keep_links_to_files)
    app.connect("autodoc-process-docstring", escape)
    app.connect("html-page-context", name_levels, priority=900)  # after the theme's own
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
