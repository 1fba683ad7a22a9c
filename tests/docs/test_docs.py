"""The documentation is complete and names only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.pages import PAGES, ROOT

from bench.cli.main import VERBS

TOP = ("bench", "iql", "baselines", "config", "docs", "tests", "workflow", "behaviors")
TOP += ("benchmarks", "results/published")
LINKING = sorted({*PAGES, *(ROOT / "results/published").rglob("*.md")})
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# What a reader of the recipes writes, and a stand-in for any suite.
WRITTEN = {"config/other.yaml", "config/config.yaml", "bench/report/sections/spread.py"}
STANDS_FOR = re.compile(r"[<{]|NAME|SUITE|TASK|METHOD")


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def slugs(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(path: Path, text: str) -> list[str]:
    """Relative links of a page whose file or heading does not exist."""
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", FENCED.sub("", text)):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in slugs(target.read_text())):
            broken.append(link)
    return broken


def missing_files(text: str) -> list[str]:
    """Files of the repository that a page names and that do not exist."""
    names = {f"config/{name}" for name in re.findall(r"\bconfig/([\w-]+\.yaml)", text)}
    for span in re.findall(r"`([^`\s]+)`", FENCED.sub("", text)):
        name = span.partition("::")[0]
        if name.startswith(tuple(f"{top}/" for top in TOP)) and not STANDS_FOR.search(name):
            names.add(name)
        elif re.fullmatch(r"test_\w+\.py", name):
            names.add(f"tests/**/{name}")
        elif module := re.match(r"bench\.(\w+)", name):
            names.add(f"bench/{module[1]}*")
    return sorted(n for n in names - WRITTEN if not any(ROOT.glob(n.rstrip("/"))))


@pytest.mark.parametrize("path", LINKING, ids=label)
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    assert broken_links(path, path.read_text()) == []


@pytest.mark.parametrize("path", PAGES, ids=label)
def test_numbers_have_one_form(path: Path) -> None:
    """A true minus sign, and 95% without a space; code keeps its hyphens."""
    text = re.sub(r"`[^`\n]*`|\]\([^)]*\)", "", FENCED.sub("", path.read_text()))
    assert re.findall(r".{,20}(?<![\w.\]/})-])-\d.{,9}|.{,20}\d (?:%|percent).{,9}", text) == []


@pytest.mark.parametrize("path", PAGES, ids=label)
def test_every_file_that_a_page_names_exists(path: Path) -> None:
    assert missing_files(path.read_text()) == []


def test_what_does_not_exist_would_be_found() -> None:
    path = ROOT / "docs/index.md"
    text = "[a](gone.md) [b](index.md#results) [c](index.md#gone) [d](#using-it) [e](https://x.y)"
    assert broken_links(path, text) == ["gone.md", "index.md#gone"]
    text = "`config/gone.tsv` `config/tasks.tsv` `test_gone.py` `baselines/*.py` `iql/ideas/`"
    text += (
        "\n```sh\nsnakemake --configfile config/absent.yaml\n```\n`bench.gone.f` `bench.errors.X`"
    )
    assert missing_files(text) == [
        "bench/gone*",
        "config/absent.yaml",
        "config/gone.tsv",
        "tests/**/test_gone.py",
    ]


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs/index.md"
    links = re.findall(r"\]\(([^)#]+)", index.read_text())
    named = {(index.parent / link).resolve() for link in links}
    assert [label(p) for p in PAGES if p != index and p not in named] == []


@pytest.mark.parametrize("place", ["bench", "workflow", "Makefile", "baselines", "config"])
def test_the_code_names_pages_that_exist(place: str) -> None:
    root = ROOT / place
    files = [root] if root.is_file() else [p for p in root.rglob("*") if p.is_file()]
    kinds = {".py", ".smk", ".yaml", ".rst", ".typ", ".j2", ".tsv", ""}
    named = {
        name
        for path in files
        if path.suffix in kinds
        for name in re.findall(r"(?<![\w/])(?:docs|config)/[\w/-]+\.(?:md|py)\b", path.read_text())
    }
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_verb_that_a_page_names_exists() -> None:
    text = "\n".join(path.read_text() for path in PAGES)
    named = set(re.findall(r"(?:python -m bench|iql-bench) ([a-z][a-z-]*)", text))
    assert {"run", "train"} <= named <= set(VERBS)


@pytest.mark.parametrize("path", sorted((ROOT / "results/published").iterdir()), ids=label)
def test_what_is_published_is_described(path: Path) -> None:
    text = (ROOT / "results/published/README.md").read_text()
    assert path.is_file() or f"| `{path.name}` |" in text
