"""Changed files of every kind that people hand in: right content, or one sentence, within seconds.

Hypothesis changes a file that is right, in its bytes and in its words. A reader must then return
what the file says, or raise BenchError; anything else, and more than a few seconds, is a failure.
`make fuzz` tries FUZZ inputs of each kind and prints how they ended; CI tries a few, always the
same.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from helpers.d4rl_files import FLAGS, arrays, task, write
from helpers.fuzzing import attempt, changed, fuzz
from helpers.minari_hub import DATASET, make_dataset
from helpers.paths import ROOT
from hypothesis import given

from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import read_sources
from bench.data import hdf5, prepare
from bench.training import checkpoint


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration in a folder of its own, from which nothing may escape."""
    inner = tmp_path / "project"
    shutil.copytree(ROOT / "config", inner / "config", symlinks=True)
    shutil.copytree(ROOT / "workflow/schemas", inner / "workflow/schemas")
    monkeypatch.chdir(inner)
    return inner


def nothing_escaped(project: Path) -> None:
    assert [path.name for path in project.parent.iterdir()] == [project.name]


@pytest.mark.parametrize("name", ["quick", "finetune"])
def test_suites(name: str, here: Path) -> None:
    path = Path(f"config/{name}.yaml")
    content, catalogue = path.read_bytes(), Catalogue()

    @fuzz()
    @given(changed(content, words=True))
    def check(text: bytes) -> None:
        path.write_bytes(text)
        attempt("suites", lambda: catalogue.read_suite(path))

    check()
    nothing_escaped(here)


@pytest.mark.parametrize("name", ["tasks.tsv", "methods.yaml", "d4rl.tsv"])
def test_tables(name: str, here: Path) -> None:
    path = Path("config") / name
    content = path.read_bytes()

    @fuzz(0.3)
    @given(changed(content, words=True))
    def check(text: bytes) -> None:
        path.write_bytes(text)
        attempt("tables", (lambda: read_sources(path)) if name == "d4rl.tsv" else Catalogue)

    check()
    nothing_escaped(here)


def test_hdf5_files(here: Path) -> None:
    content = write(here / "good.hdf5", arrays(*FLAGS)).read_bytes()
    path = Path("bad.hdf5")

    @fuzz(0.5)
    @given(changed(content, words=False))
    def check(text: bytes) -> None:
        path.write_bytes(text)
        rows = attempt("HDF5 files", lambda: hdf5.read(path))
        assert rows is None or len(rows.rewards) == len(rows.actions) == len(rows.observations)

    check()
    nothing_escaped(here)


@pytest.mark.parametrize("name", ["main_data.hdf5", "metadata.json"])
def test_minari_folders(name: str, here: Path) -> None:
    path = make_dataset(here / "minari", steps=30) / "data" / name
    row = task("minari", dataset=DATASET, env_id="Hopper-v5")
    content = path.read_bytes()
    row = task("none", dataset=DATASET, env_id="Hopper-v5")

    @fuzz(0.1)
    @given(changed(content, words=name.endswith("json")))
    def check(text: bytes) -> None:
        path.write_bytes(text)
        attempt(
            "Minari folders",
            lambda: prepare.prepare(row, here / "minari"),
        )

    check()
    nothing_escaped(here)


def test_checkpoints(here: Path) -> None:
    path, tensors = Path("c.safetensors"), {"a": torch.randn(3, 4), "b": torch.arange(5)}
    record = {"identity": "x", "step": 500, "rows": [[500, 0, 0.3]]}
    checkpoint.save(path, tensors, record)
    content = path.read_bytes()

    @fuzz(0.5)
    @given(changed(content, words=False))
    def check(text: bytes) -> None:
        path.write_bytes(text)
        found = attempt("checkpoints", lambda: checkpoint.load(path, "x"))
        if found is not None:  # then nothing that it says is another
            assert found[1] == record
            assert all(torch.equal(found[0][name], tensors[name]) for name in tensors)

    check()
    nothing_escaped(here)
