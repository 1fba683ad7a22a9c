"""Downloads over loopback: resumed, verified, and never half-written under a file's own name."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.http_host import CONTENT, NAME, PART, PATH, Host, nothing_left, refusal, source

from bench.cli import main
from bench.config import d4rl_files
from bench.data import fetch_d4rl
from bench.errors import BenchError

PAGE = b"<!DOCTYPE html><html><body>The archive has moved.</body></html>"


# --- downloads ------------------------------------------------------------------------


def test_a_file_arrives_whole_and_is_not_asked_for_again(host: Host) -> None:
    assert fetch_d4rl.fetch(source(host.url)) == PATH
    assert PATH.read_bytes() == CONTENT
    assert os.listdir("data/d4rl") == [NAME]
    fetch_d4rl.fetch(source(host.url))
    assert host.asked == [(f"/gym_mujoco_v2/{NAME}", None)]


def test_a_connection_that_breaks_is_resumed_where_it_broke(host: Host) -> None:
    host.breaks = [300_000, 1, 200_000]
    fetch_d4rl.fetch(source(host.url))
    assert PATH.read_bytes() == CONTENT
    ranges = [r for _, r in host.asked]
    assert ranges == [None, "bytes=300000-", "bytes=300001-", "bytes=500001-"]


def test_a_fetch_that_was_killed_is_resumed_by_the_next(host: Host) -> None:
    PART.parent.mkdir(parents=True)
    PART.write_bytes(CONTENT[:777_777])
    fetch_d4rl.fetch(source(host.url))
    assert PATH.read_bytes() == CONTENT
    assert [r for _, r in host.asked] == ["bytes=777777-"]
    assert not PART.exists()


def test_what_came_before_the_last_attempt_broke_is_kept(host: Host) -> None:
    host.breaks = [10_000] * fetch_d4rl.ATTEMPTS
    text = refusal(source(host.url))
    assert f"broke off at 40,000 of {len(CONTENT):,} bytes" in text
    assert PART.read_bytes() == CONTENT[:40_000]
    fetch_d4rl.fetch(source(host.url))
    assert PATH.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_gives_the_whole_again(host: Host) -> None:
    host.ranges = False
    host.breaks = [300_000]
    fetch_d4rl.fetch(source(host.url))
    assert PATH.read_bytes() == CONTENT
    assert [r for _, r in host.asked] == [None, "bytes=300000-"]


@pytest.mark.parametrize("stale", [b"x" * 500_000, CONTENT[:500] + b"x" * 99, CONTENT + b"more"])
def test_a_partial_file_of_something_else_is_begun_anew(host: Host, stale: bytes) -> None:
    PART.parent.mkdir(parents=True)
    PART.write_bytes(stale)
    fetch_d4rl.fetch(source(host.url))
    assert PATH.read_bytes() == CONTENT


def test_a_server_in_trouble_is_asked_again(host: Host) -> None:
    host.statuses = [503, 429]
    fetch_d4rl.fetch(source(host.url))
    assert PATH.read_bytes() == CONTENT


def test_a_server_that_falls_silent_is_asked_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_d4rl, "TIMEOUT", 0.3)
    host.stalls = 1
    fetch_d4rl.fetch(source(host.url))
    assert PATH.read_bytes() == CONTENT
    assert len(host.asked) == 2
    assert host.asked[1][1] is not None  # goes on


def test_the_next_address_is_tried_and_goes_on(host: Host) -> None:
    other = Host()  # nobody answers there
    other.server.server_close()
    PART.parent.mkdir(parents=True)
    PART.write_bytes(CONTENT[:1000])
    fetch_d4rl.fetch(source(other.url, host.url))
    assert PATH.read_bytes() == CONTENT
    assert host.asked == [(f"/gym_mujoco_v2/{NAME}", "bytes=1000-")]


def test_a_mirror_of_ones_own_replaces_the_addresses(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = source(
        f"http://nowhere.invalid/offline_rl/gym_mujoco_v2/{NAME}", "http://x.invalid/x"
    )
    base = host.url.rsplit("/", 2)[0]
    fetch_d4rl.fetch(nowhere, base_url=f"{base}/")
    PATH.unlink()
    monkeypatch.setenv(fetch_d4rl.BASE_URL, base)
    fetch_d4rl.fetch(nowhere)
    assert PATH.read_bytes() == CONTENT
    assert [p for p, _ in host.asked] == [f"/gym_mujoco_v2/{NAME}"] * 2


# --- what is not the file -------------------------------------------------------------


def test_an_html_page_is_refused_by_its_size(host: Host) -> None:
    host.content = PAGE
    text = refusal(source(host.url))
    assert f"offers {len(PAGE)} bytes instead of {len(CONTENT):,}" in text
    assert nothing_left()
    assert len(host.asked) == 1


@pytest.mark.parametrize("length", [True, False])
def test_an_html_page_of_the_right_size_is_refused_too(host: Host, length: bool) -> None:
    host.content, host.length = PAGE.ljust(len(CONTENT)), length
    assert "not an HDF5 file" in refusal(source(host.url))
    assert nothing_left()


def test_another_content_of_the_same_size_is_refused(host: Host) -> None:
    host.content = CONTENT[:-1] + b"x"
    text = refusal(source(host.url))
    assert f"{host.url} does not have the sha256 of hopper-medium-v2" in text
    assert nothing_left()


def test_a_body_without_end_is_cut(host: Host) -> None:
    host.content, host.length = CONTENT * 2, False
    assert "sends more than" in refusal(source(host.url))
    assert nothing_left()


def test_the_instruction_names_file_addresses_and_option(host: Host) -> None:
    host.statuses = [404]
    other = Host()
    other.server.server_close()
    text = refusal(source(host.url, other.url))
    expected = [str(PATH), host.url, "404", other.url, "does not answer", "--from FOLDER"]
    for part in expected:
        assert part in text
    assert nothing_left()


def test_a_file_without_a_published_hash_is_said_to_be_unverified(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_d4rl.fetch(source(host.url, sha256=None))
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert f"{PATH}: UNVERIFIED" in (shown := capsys.readouterr().out)
    assert digest in shown


def test_without_size_and_hash_a_broken_connection_is_still_noticed(host: Host) -> None:
    host.breaks = [300_000]
    fetch_d4rl.fetch(source(host.url, sha256=None, bytes=None))
    assert PATH.read_bytes() == CONTENT


def test_a_wrong_file_that_is_there_is_named_and_left_alone(host: Host) -> None:
    PATH.parent.mkdir(parents=True)
    PATH.write_bytes(CONTENT[:-1])
    with pytest.raises(BenchError, match=r"^data/d4rl/hopper_medium-v2\.hdf5: has .*; delete it"):
        fetch_d4rl.fetch(source(host.url))
    assert PATH.read_bytes() == CONTENT[:-1]
    assert host.asked == []


def test_two_processes_do_not_write_one_file(host: Host) -> None:
    PART.parent.mkdir(parents=True)
    with open(PART, "wb") as other:
        other.write(CONTENT[:100])
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "another process is fetching it" in refusal(source(host.url))
    assert PART.read_bytes() == CONTENT[:100]


def test_a_full_disk_keeps_what_came(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Any, chunk: bytes) -> None:
        if file.tell() > 500_000:
            raise BenchError(f"{file.name}: cannot be written (No space left on device).")
        os.write(file.fileno(), chunk)

    monkeypatch.setattr(fetch_d4rl, "_write", full)
    assert "cannot be written" in refusal(source(host.url))
    assert CONTENT.startswith(PART.read_bytes())
    assert PART.stat().st_size > 500_000


# --- without a network ----------------------------------------------------------------


@pytest.mark.parametrize("linked", [True, False])
def test_a_folder_takes_the_place_of_the_network(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    def refused(*paths: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    if not linked:
        monkeypatch.setattr(os, "link", refused)
    (tmp_path / "usb/deeper").mkdir(parents=True)
    (tmp_path / "usb/deeper" / NAME).write_bytes(CONTENT)
    fetch_d4rl.fetch(source(host.url), local=tmp_path / "usb")
    assert PATH.read_bytes() == CONTENT
    assert os.listdir("data/d4rl") == [NAME]
    assert (PATH.stat().st_nlink == 2) == linked
    assert host.asked == []


def test_a_folder_without_the_file_or_with_a_wrong_one(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "usb"
    folder.mkdir()
    text = refusal(source(host.url), local=folder)
    assert f"{folder}: {NAME} not found" in text
    (folder / NAME).write_bytes(CONTENT[::-1])
    assert f"{folder / NAME}: is not an HDF5 file" in refusal(source(host.url), local=folder)
    assert nothing_left()


# --- the command line ------------------------------------------------------------------


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", "fetch", *arguments])
    try:
        main.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_verb_says_what_it_fetches(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(d4rl_files, "read_sources", lambda: {"hopper-medium-v2": source(host.url)})
    assert call(monkeypatch, "hopper-medium-v2") == 0
    shown = capsys.readouterr().out
    assert "1 files, 1 to fetch" in shown
    assert f"{PATH}: complete" in shown
    for arguments, expected in (
        ([], "error: fetch: nothing to fetch"),
        (
            ["hopper-medium-v3"],
            "unknown dataset 'hopper-medium-v3'; did you mean 'hopper-medium-v2'",
        ),
    ):
        assert call(monkeypatch, *arguments) == 2
        assert expected in capsys.readouterr().err
