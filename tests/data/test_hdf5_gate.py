"""What an HDF5 file may hold: a malformed member is one sentence, and nothing is allocated."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.d4rl_files import FLAGS, arrays, write
from helpers.projects import one_sentence
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.data.hdf5 import KEYS, read
from bench.errors import BenchError

Change = Callable[[h5py.File, str], object]


def external(file: h5py.File, key: str) -> object:
    other = Path(file.filename).with_name("raw.bin")
    other.write_bytes(bytes(10**4))
    return file.create_dataset(key, (10,), "f4", external=[(str(other), 0, 40)])


def virtual(file: h5py.File, key: str) -> object:
    layout = h5py.VirtualLayout((10,), "f4")
    layout[:] = h5py.VirtualSource("other.hdf5", "x", (10,))
    return file.create_virtual_dataset(key, layout)


def most_declared(file: h5py.File, key: str) -> object:
    values = file.create_dataset(key, (10**9,), "f8", chunks=(1024,), compression="gzip")
    values[:5000] = np.arange(5000)
    return values


def linked(link: object) -> Change:
    def change(file: h5py.File, key: str) -> object:
        file[key] = link
        return file

    return change


CHANGES: dict[str, tuple[Change, str]] = {
    "a group": (lambda f, k: f.create_group(k), "a group, not a dataset"),
    "a dangling link": (linked(h5py.SoftLink("/nowhere")), "a link to elsewhere"),
    "a link to itself": (linked(h5py.SoftLink("rewards")), "a link to elsewhere"),
    "a link to another file": (
        linked(h5py.ExternalLink("/etc/passwd", "/x")),
        "a link to elsewhere",
    ),
    "external values": (external, "lie in another file"),
    "a virtual dataset": (virtual, "lie in another file"),
    "no values": (lambda f, k: f.create_dataset(k, data=h5py.Empty("f4")), "it has no values"),
    "declared only": (
        lambda f, k: f.create_dataset(k, (10**11, 12), "f8", chunks=(1024, 12)),
        "most of it is not stored",
    ),
    "declared only, compressed": (
        lambda f, k: f.create_dataset(k, (10**11,), "f8", chunks=(1024,), compression="gzip"),
        "most of it is not stored",
    ),
    "declared for the most part, compressed": (most_declared, "most of it is not stored"),
    "text": (lambda f, k: f.create_dataset(k, data=["a", "b"]), "is not numeric"),
    "records": (
        lambda f, k: f.create_dataset(k, data=np.zeros(3, [("a", "f4"), ("b", "i4")])),
        "is not numeric",
    ),
    "complex": (lambda f, k: f.create_dataset(k, data=np.zeros(3, "c8")), "is not numeric"),
    "huge values": (lambda f, k: f.create_dataset(k, data=np.full(12, 3e38)), "above 1e+09"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("key", [*KEYS, "next_observations", "infos/qpos"])
def test_a_member_of_the_wrong_kind_is_one_sentence(key: str, change: str, tmp_path: Path) -> None:
    if change == "huge values" and key != "rewards":
        pytest.skip("of another shape than the others")
    path = write(tmp_path / "bad.hdf5", arrays(*FLAGS, successors=key != "infos/qpos"))
    make, said = CHANGES[change]
    with h5py.File(path, "a") as file:
        if key in file:
            del file[key]
        make(file, key)
    with pytest.raises(BenchError) as caught:
        read(path)
    sentence = one_sentence(caught.value)
    assert sentence.startswith(str(path))
    assert (said in sentence) or "shape" in sentence
    assert len(sentence) <= 500


def test_a_folder_or_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.hdf5")
    for path in (tmp_path, tmp_path / "pipe.hdf5"):
        with pytest.raises(BenchError, match="a folder or a pipe, not a file"):
            read(path)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_flipped_bytes_give_the_rows_or_one_sentence(data: st.DataObject, tmp_path: Path) -> None:
    path = write(tmp_path / "good.hdf5", arrays(*FLAGS))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        rows = read(path)
    except BenchError as error:
        one_sentence(error)
    else:
        assert len(rows.actions) == len(rows.rewards) == len(rows.terminals)
        assert np.isfinite(rows.observations).all()
