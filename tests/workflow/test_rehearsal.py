"""The rehearsal's parts: its overlay of the paper's suites, and its mirrors with their faults."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml
from helpers.http_host import CONTENT, source
from helpers.paths import ROOT
from rehearsal.__main__ import table
from rehearsal.kept import keep
from rehearsal.mirrors import FAULTS, Mirrors
from rehearsal.suites import rehearsed, shortened

from bench.config.catalogue import Catalogue
from bench.data import fetch_d4rl

SUITES = ("paper", "paper-finetune", "extended")


@pytest.mark.parametrize(
    ("divide", "points"), [(1_000, 10), (10_000, 10), (50_000, 10), (100_000, 2)]
)
@pytest.mark.parametrize("name", SUITES)
def test_a_suite_keeps_all_but_its_lengths(name: str, divide: int, points: int) -> None:
    suite = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())
    small = rehearsed(suite, divide, points, 1)
    kept = ("tasks", "methods", "seeds", "seeds_per_job", "bootstrap")
    assert {k: small[k] for k in kept} == {k: suite[k] for k in kept}
    catalogue = Catalogue()
    found, whole = catalogue.suite(small, name), catalogue.suite(suite, name)
    assert found.updates == whole.updates // divide
    for method in found.methods:
        for task in (found.tasks[0], found.tasks[-1]):
            ours = catalogue.settings(found, method, task, [0])
            theirs = catalogue.settings(whole, method, task, [0])
            lengths = ("warm_start", "warm_up", "horizon", "minibatches")
            kept = [{k: v for k, v in c.config.items() if k not in lengths} for c in (ours, theirs)]
            assert kept[0] == kept[1]
            assert ours.config.get("warm_start", 0) < max(ours.updates, 1)
            least = ours.evaluation.every if theirs.updates else 0
            assert ours.updates == max(least, theirs.updates // divide)
            assert not ours.updates or 1 <= ours.updates // ours.evaluation.every <= points
            if theirs.online:
                assert ours.online
                assert ours.online.steps == theirs.online.steps // divide
                if "horizon" in ours.config:
                    assert ours.config["horizon"] <= ours.online.steps
                    assert ours.config["horizon"] // ours.config["minibatches"] > 1
                    assert ours.config["minibatches"] > 1


def test_a_short_rehearsal_has_both_families() -> None:
    suite = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    short = shortened(suite, 2, 2)
    assert short["tasks"] == ["halfcheetah-medium-v2", "antmaze-large-diverse-v0"]
    assert short["seeds"] == [0, 1]
    assert shortened(suite, None, None) == suite


@pytest.fixture
def mirrors(tmp_path: Path) -> Mirrors:
    folder = tmp_path / "files/gym_mujoco_v2"
    folder.mkdir(parents=True)
    for i in range(len(FAULTS)):
        (folder / f"hopper_{i}-v2.hdf5").write_bytes(CONTENT)
    return Mirrors(tmp_path / "files", 0)


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=FAULTS)
def test_a_file_comes_whatever_the_first_mirror_does(
    number: int, mirrors: Mirrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetch_d4rl, "PAUSE", 0.0)
    name = f"gym_mujoco_v2/hopper_{number}-v2.hdf5"
    urls = mirrors.urls(name).split()
    with mirrors.serving():
        path = fetch_d4rl.fetch(source(*urls))
    assert path.read_bytes() == CONTENT
    asked = {url.split("/")[3]: mirrors.asked[f"/{url.split('/', 3)[3]}"] for url in urls}
    assert (
        asked
        == {
            "none": {"first": 1, "second": 0},
            "breaks off twice": {"first": 3, "second": 0},
            "busy at first": {"first": 2, "second": 0},
            "absent": {"first": 1, "second": 1},
            "wrong content": {"first": 1, "second": 1},
        }[FAULTS[number]]
    )
    assert mirrors.resumed == (2 if FAULTS[number] == "breaks off twice" else 0)


def test_the_table_names_both_mirrors_and_keeps_the_rest(mirrors: Mirrors, tmp_path: Path) -> None:
    path = tmp_path / "d4rl.tsv"
    name = "gym_mujoco_v2/hopper_0-v2.hdf5"
    rows = [["dataset", "urls"], ["a", f"http://host/{name}"], ["b", "http://host/x/other.hdf5"]]
    path.write_text("# Stand-ins.\n" + "".join("\t".join(row) + "\n" for row in rows))
    lines = table(path, mirrors).splitlines()
    assert lines[0] == "# Stand-ins."
    found = list(csv.reader(lines[1:], delimiter="\t"))
    assert found == [rows[0], ["a", mirrors.urls(name)], rows[2]]
    mirrors.server.server_close()


def test_what_is_kept_tells_of_jobs_and_names_no_folder(tmp_path: Path) -> None:
    runs = {kind: tmp_path / kind for kind in ("calm", "killed")}
    for kind, folder in runs.items():
        for path in ("results/one/scores.csv", "reports/one.pdf", "rehearsal.json"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"{kind} {path}")
        facts = "[Mon Nov 30 15:26:43 2026]\nlocalrule fetch:\n    output: data/x\n\n"
        (folder / "snakemake.log").write_text(f"{facts}[0:40] 2 of 9 jobs\nlog: {folder}/x.log\n")
    keep(runs, "one", tmp_path / "kept/one")
    kept = {path.name: path.read_text() for path in (tmp_path / "kept/one").iterdir()}
    assert kept.pop("SHA256SUMS").count("\n") == len(kept) == 6
    assert kept["killed.log"] == "localrule fetch:\n[0:40] 2 of 9 jobs\nlog: ./x.log\n"
    assert (kept["report.pdf"], kept["scores.csv"]) == (
        "calm reports/one.pdf",
        "calm results/one/scores.csv",
    )
    assert kept["killed.json"] == "killed rehearsal.json"
