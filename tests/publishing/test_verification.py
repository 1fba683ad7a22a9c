"""Whether a changed digit is found, wherever it is, and named by file, run or row, and field."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT
from helpers.suite_results import (
    MAZES,
    TASKS,
    catalogue,
    edit_record,
    make_suite,
    write_card,
    write_results,
    write_tables,
)

from bench.config.catalogue import Catalogue
from bench.files import sealed
from bench.publishing import packing, sums, verification
from bench.records.layouts import open_results
from bench.records.packed import RECORDS

ROBOT, MAZE = TASKS[0], MAZES[0]
SUITE = make_suite([ROBOT, MAZE], ["iql", "bc"], seeds=4, seeds_per_job=2)
CATALOGUE = catalogue()
PUBLISHED = ROOT / "results/published"
FOLDERS = sorted(path.name for path in PUBLISHED.iterdir() if path.is_dir())
PLACES = 200


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("results/fixture")
    write_results(folder, SUITE)
    for name in open_results(folder).runs:
        (folder / "runs" / name / "policy.safetensors").write_bytes(bytes(range(256)))
        edit_record(folder / "runs" / name, dataset_hash="00ff")
    for task in (ROBOT, MAZE):
        card = json.loads(write_card(Path("cards"), task).read_text()) | {"hash": "00ff"}
        place = Path(f"data/transitions/fixture/{task}-100k-v0/card.json")
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(card))
    return folder


@pytest.fixture
def packed(live: Path) -> Path:
    report = Path("report.pdf")
    report.write_bytes(b"a pdf")
    packing.pack(live, report, Path("published/fixture"))
    return Path("published/fixture")


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_published_is_verified(name: str) -> None:
    assert verification.suite(PUBLISHED / name, Catalogue()) == []


def test_the_sums_of_all_published_folders_are_published() -> None:
    assert sums.differences(PUBLISHED) == []


def test_finished_results_are_verified_in_both_layouts(live: Path, packed: Path) -> None:
    assert verification.suite(live, CATALOGUE) == []
    assert verification.suite(packed, CATALOGUE) == []


def test_a_return_changed_by_hand_is_traced_to_its_seed(packed: Path) -> None:
    path = packed / "evaluations.csv"
    row = next(r for r in path.read_text().splitlines() if f"iql,{MAZE},2-3,offline,2000,3" in r)
    value = row.split(",")[-2]
    replaced(path, row, row.replace(f",{value},", ",1.0," if value == "0.0" else ",0.0,"))
    found = verification.suite(packed, CATALOGUE)
    place = next(
        i for i, text in enumerate((packed / RECORDS).read_text().splitlines(), 1)
        if json.loads(text)["run"] == f"iql/{MAZE}/2-3"
    )  # fmt: skip
    assert found[0] == (
        f"{packed / RECORDS}, line {place}: evaluations.csv: differs from its seal; restore the "
        "file from git, or pack the suite again."
    )
    scores = next(text for text in found if "scores.csv" in text)
    assert f"(fixture, {MAZE}, iql), return_mean: " in scores
    assert ", but the episodes give " in scores
    assert any("evaluations.csv: differs from SHA256SUMS" in text for text in found)


def test_one_who_also_renews_the_sums_is_found_by_derivation(packed: Path) -> None:
    replaced(packed / "evaluations.csv", ",10\n", ",11\n")
    packing.seal(packed)
    sums.write(packed)
    assert verification.suite(packed, CATALOGUE) == []  # a length enters no table
    path = packed / "evaluations.csv"
    row = next(r for r in path.read_text().splitlines() if f"bc,{ROBOT},0-1,offline,2000,0" in r)
    cells = row.split(",")
    cells[-2] = "999.5"
    replaced(path, row, ",".join(cells))
    packing.seal(packed)
    sums.write(packed)
    found = verification.suite(packed, CATALOGUE)
    assert "scores.csv, line" in found[0]
    assert {text.partition(",")[0] for text in found} >= {
        f"{packed}/{name}.csv" for name in ("scores", "summary", "aggregate")
    }


def renewed(packed: Path, change: Callable[[list[dict[str, Any]]], None]) -> list[str]:
    """The findings after a change of the packed records by one who also renews outer sums."""
    entries = [json.loads(line) for line in (packed / RECORDS).read_text().splitlines()]
    change(entries)
    (packed / RECORDS).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    packing.seal(packed)
    sums.write(packed)
    return verification.suite(packed, CATALOGUE)


def test_the_seal_within_a_packed_record_is_checked(packed: Path) -> None:
    def faster(entries: list[dict[str, Any]]) -> None:
        entries[0]["record"]["wall_seconds"] = 1.0

    assert (
        f"{packed / RECORDS}, line 1: record: differs from its seal" in (renewed(packed, faster)[0])
    )


def test_a_packed_run_of_no_cell_is_named(packed: Path) -> None:
    def other_block(entries: list[dict[str, Any]]) -> None:
        record = json.loads(json.dumps(entries[0]["record"]))
        method, task, _ = entries[0]["run"].split("/")
        record["settings"]["seeds"] = [7]
        record["status"] = "diverged"  # and so has no evaluation
        entries.append({"run": f"{method}/{task}/7", "record": sealed(record)})

    assert renewed(packed, other_block) == [
        f"{packed / RECORDS}, line 3: is of no cell of {packed}/suite.json; remove it."
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("cards.json", '"hash": "00ff"', '"hash": "11ff"', "dataset_hash: differs from the card"),
        ("suite.json", '"updates": 2000', '"updates": 2001', "suite.json: differs from its seal"),
        ("summary.csv", ",best,0", ",tied,0", "tied: tied, but the episodes give best"),
        ("aggregate.csv", "IQM", "IQR", "metric: IQR, but the episodes give IQM"),
        ("report.pdf", "a pdf", "b pdf", "report.pdf: differs from SHA256SUMS"),
        ("SHA256SUMS", "report.pdf", "report.fdp", "report.fdp: is listed in SHA256SUMS and miss"),
    ],
)
def test_other_files_are_named(packed: Path, file: str, old: str, new: str, expected: str) -> None:
    replaced(packed / file, old, new)
    found = verification.suite(packed, CATALOGUE)
    assert any(expected in text for text in found), found
    assert all("\n" not in text and text.endswith(".") for text in found)


def test_files_beside_are_found(packed: Path) -> None:
    (packed / "more.csv").touch()
    (packed / "summary.csv").unlink()
    found = verification.suite(packed, CATALOGUE)
    assert any("summary.csv: file not found; restore it from git" in text for text in found)
    assert any("more.csv: is not listed in SHA256SUMS" in text for text in found)
    (packed / "SHA256SUMS").unlink()
    assert any("SHA256SUMS: file not found" in t for t in verification.suite(packed, CATALOGUE))


def test_a_run_moved_to_another_name_is_found(live: Path) -> None:
    (live / f"runs/iql/{MAZE}/0-1").rename(live / f"runs/iql/{MAZE}/2_9")
    found = verification.suite(live, CATALOGUE)
    assert f"iql/{MAZE}/2_9: record: is of iql/{MAZE}/0-1" in found[0]


def test_the_rest_of_a_live_suite_is_verified_without_a_changed_run(live: Path) -> None:
    replaced(live / f"runs/bc/{ROBOT}/2-3/evaluations.csv", "2000,2,0,", "2000,2,0,1")
    write_tables(live, SUITE)
    (finding,) = verification.suite(live, CATALOGUE)
    assert f"runs/bc/{ROBOT}/2-3: evaluations.csv: differs from its seal; delete the" in finding


def test_claims_are_compared_key_by_key() -> None:
    found = b'[{"id": "a", "ci": [1.0, 2.0]}, {"id": "b", "ci": null}]'
    expected = found.replace(b"2.0", b"2.5")
    text = verification.difference(found, expected, ".json")
    assert text == ", a, ci, 1: 2.0, but the episodes give 2.5"
    assert "differs in spelling" in verification.difference(found, found + b"\n", ".json")
    assert "is damaged" in verification.difference(b"[", expected, ".json")


def tampered(folder: Path, rng: random.Random, files: list[Path], count: int) -> int:
    """Change `count` bytes, one at a time, at random places of `files`; return how many it finds.

    Files of runs are small beside their number, so each file is as likely as any other.
    """
    caught = 0
    for _ in range(count):
        path = rng.choice(files)
        content = path.read_bytes()
        place = rng.randrange(len(content))
        other = rng.choice([b for b in range(256) if b != content[place]])
        path.write_bytes(content[:place] + bytes([other]) + content[place + 1 :])
        caught += bool(of_runs(folder) or verification.suite(folder, CATALOGUE))
        path.write_bytes(content)
    return caught


def of_runs(folder: Path) -> object:
    """What is found without deriving the tables again, which takes most of the time."""
    return open_results(folder).refused if (folder / "runs").is_dir() else sums.differences(folder)


def test_two_hundred_changed_bytes_are_found(live: Path, packed: Path) -> None:
    rng = random.Random(0)
    everything = {
        folder: [p for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size]
        for folder in (live, packed)
    }
    assert sum(tampered(f, rng, files, PLACES // 2) for f, files in everything.items()) == PLACES
    assert verification.suite(live, CATALOGUE) == []
    assert verification.suite(packed, CATALOGUE) == []
