"""What a Minari folder may hold: checked before Minari reads it, each fault in one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import pytest
from helpers.minari_hub import DATASET, make_dataset

from bench.data.fetch_minari import DATA, METADATA
from bench.data.minari_episodes import check_stored
from bench.errors import BenchError


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("minari"), steps=60)


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    shutil.copytree(source, tmp_path / DATASET)
    return tmp_path / DATASET


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"total_episodes": "x"}, "total_episodes: 'x' is not int"),
        ({"total_episodes": 1}, "episodes but metadata.json says 1; fetch"),
        ({"source_time_limit": [1]}, r"source_time_limit: \[1\] is not int"),
        ({"audit": "x"}, "audit: 'x' is not list"),
        ({"audit": [5]}, "audit: 5 is not a finding"),
        ({"audit": [{"rule": "r"}]}, "is not a finding; convert"),
    ],
)
def test_metadata_that_says_something_else(
    folder: Path, changes: dict[str, Any], said: str
) -> None:
    check_stored(folder)
    content = json.loads((folder / METADATA).read_text())
    (folder / METADATA).write_text(json.dumps(content | changes))
    with pytest.raises(BenchError, match=said):
        check_stored(folder)


@pytest.mark.parametrize("key", ["observations", "infos/deep/own"])
def test_nothing_that_minari_reads_lies_elsewhere_or_nowhere(folder: Path, key: str) -> None:
    place = f"episode_0/{key}"
    for link in (h5py.SoftLink("/episode_1"), h5py.ExternalLink("/etc/passwd", "/x")):
        with h5py.File(folder / DATA, "a") as file:
            if place in file:
                del file[place]
            file[place] = link
        with pytest.raises(BenchError, match=f"{place}: a link to elsewhere"):
            check_stored(folder)
        with h5py.File(folder / DATA, "a") as file:
            del file[place]
    with h5py.File(folder / DATA, "a") as file:
        file.create_dataset(place, (10**11, 11), "f8", chunks=(1000, 11))
    with pytest.raises(BenchError, match=f"{place}: shape .* declared but most of it is not"):
        check_stored(folder)
