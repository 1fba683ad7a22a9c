"""Download or copy datasets of Minari's hub, and check them.

A dataset appears under data/minari only after its check, so one found there is complete. Minari
publishes no checksums; the check covers the dataset's name, counts and readability.
"""

from __future__ import annotations

import http.client
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import minari

from bench.data.fetch_d4rl import TIMEOUT, out_of_reach, sha256
from bench.data.hdf5_gate import dataset as dataset_at
from bench.data.hdf5_gate import group, names, opened
from bench.data.http_answers import Refused, check_address, impatiently, within
from bench.errors import BenchError
from bench.files import read_json, replace_folder, write_json
from bench.paths import MINARI, public

RECIPE = "minari"
REMOTE = "MINARI_REMOTE"  # minari's own environment variable: hf://NAME or gcp://BUCKET
DEFAULT_REMOTE = "hf://farama-minari"
HUB = "HF_ENDPOINT"  # huggingface_hub's own environment variable
DEFAULT_HUB = "https://huggingface.co"
DATA, METADATA = Path("data/main_data.hdf5"), Path("data/metadata.json")


def fetch(dataset: str, local: Path | None = None) -> Path:
    """Put the checked dataset at `data/minari/<dataset>` and return that folder.

    `local` is a folder that holds it at any depth, such as a copied MINARI_DATASETS_PATH.
    Raises BenchError where the dataset cannot be had or fails the check.
    """
    folder = MINARI / dataset
    if (folder / DATA).exists() and (folder / METADATA).exists():
        if problem := fault(folder, dataset):
            raise BenchError(f"{folder}: {problem}; delete it and fetch it again.")
        return folder
    MINARI.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=MINARI, prefix=".fetching-") as scratch:
        staging = Path(scratch) / dataset
        if local is not None:
            found = _copy(dataset, local, staging)
            place, source = str(found), public(found)
        else:
            place = source = _download(dataset, Path(scratch))
        if problem := fault(staging, dataset):
            raise BenchError(f"{place}: {problem}; download it again.")
        digest = sha256(staging / DATA)
        origin = {"recipe": RECIPE, "source": source, "source_sha256": digest}
        content = read_json(staging / METADATA)
        write_json(staging / METADATA, content | origin | {"source_verified": False})
        replace_folder(staging, folder)
    print(f"{folder}: UNVERIFIED, Minari publishes no sha256; {DATA.name} has {digest}")
    return folder


def fault(folder: Path, dataset: str) -> str | None:
    """Return what is wrong with a folder that should hold `dataset`, or None."""
    try:
        metadata = read_json(folder / METADATA)
    except BenchError:
        return f"{METADATA} is not a JSON object"
    if metadata.get("dataset_id") != dataset:
        return f"{METADATA} names {metadata.get('dataset_id')}, not {dataset}"
    if metadata.get("data_format", "hdf5") != "hdf5":
        return f"its format is {metadata['data_format']}, but only hdf5 is supported"
    try:
        steps = episode_lengths(folder / DATA)
    except BenchError as error:
        return f"{DATA} cannot be read ({error})"
    for what, count in (("episodes", len(steps)), ("steps", sum(steps))):
        expected = metadata.get(f"total_{what}")
        if count != expected:
            return f"{DATA} holds {count} {what} but {METADATA} says {expected}"
    return None


def episode_lengths(path: Path) -> list[int]:
    """Return the steps of each episode of a Minari file; raise BenchError where it is damaged."""
    lengths = []
    with opened(path, "download it again") as file:
        for name in names(file):
            if name.startswith("episode_"):
                rewards = dataset_at(group(file, name, path), "rewards", path)
                if rewards is None or rewards.ndim != 1:
                    raise BenchError(f"{path}, {name}: no rewards of shape (T,); fix the data.")
                lengths.append(len(rewards))
    return lengths


def _copy(dataset: str, local: Path, staging: Path) -> Path:
    """Copy the folder below `local` whose metadata names `dataset`; return that folder."""
    for path in sorted(local.rglob(METADATA.name)):
        try:
            name = read_json(path).get("dataset_id")
        except (OSError, BenchError):
            continue  # an unrelated file of that name
        if name == dataset:
            try:
                shutil.copytree(path.parents[1], staging)
            except (OSError, shutil.Error) as error:
                raise BenchError(f"{path.parents[1]}: cannot be copied ({error}).") from None
            return path.parents[1]
    raise BenchError(
        f"{local}: no Minari dataset {dataset} there; run `minari download {dataset}` on a machine "
        "with a network and copy its folder MINARI_DATASETS_PATH here."
    )


def _check_reach() -> None:
    """Raise an error where the hub cannot be reached: its client would try for minutes."""
    hub = check_address(os.environ.get(HUB, DEFAULT_HUB), HUB)
    try:
        with within(2 * TIMEOUT, "does not answer"):
            urllib.request.urlopen(
                urllib.request.Request(hub, method="HEAD"), timeout=TIMEOUT
            ).close()
    except (OSError, http.client.HTTPException) as error:
        silent = isinstance(error, TimeoutError)
        if silent or (isinstance(error, urllib.error.URLError) and out_of_reach(error)):
            raise


def _download(dataset: str, root: Path) -> str:
    """Download the dataset below `root` with minari; return where it came from."""
    remote = os.environ.get(REMOTE, DEFAULT_REMOTE)

    def download() -> None:
        os.environ["MINARI_DATASETS_PATH"] = str(root.resolve())
        minari.download_dataset(dataset)

    try:
        if remote.startswith("hf://"):
            _check_reach()
        impatiently(download, root)
    except (OSError, UnicodeError, BenchError, Refused) as error:
        reason = str(error).rstrip(".")
        raise BenchError(
            f"{MINARI / dataset}: {remote} did not give it ({reason}); "
            f"fix the network or {REMOTE}, or run `minari download {dataset}` elsewhere and "
            f"`python -m bench fetch {dataset} --from FOLDER` here."
        ) from None
    return f"{remote}/{dataset}"
