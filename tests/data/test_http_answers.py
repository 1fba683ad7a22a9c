"""Servers that lie, drip or fall silent: given up with a sentence, whatever they send."""

from __future__ import annotations

import functools
import multiprocessing
import os
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from helpers.http_host import Host, nothing_left, refusal, source
from helpers.loopback_server import LoopbackServer

from bench.data import fetch_d4rl, fetch_minari, http_answers
from bench.errors import BenchError
from bench.jobs.watch import alive


def test_a_length_that_is_no_number_is_refused(host: Host) -> None:
    host.stated = "lots"
    assert "states a length of 'lots'" in refusal(source(host.url))
    assert nothing_left()


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_answers, "SLOWEST", 0.4)
    host.drips = True
    assert "sends fewer than 16,384 bytes in 0.4 s" in refusal(source(host.url))
    assert len(host.asked) == 1


def test_an_answer_that_never_begins_is_given_up(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        while not host.released.wait(0.05):
            request.wfile.write(b"H")

    monkeypatch.setattr(fetch_d4rl, "TIMEOUT", 0.2)
    monkeypatch.setattr(host, "answer", drip)
    assert "does not answer in 0.4 s" in refusal(source(host.url))


@pytest.mark.parametrize(
    "address",
    [
        "xx",
        "ftp://x/y",
        "http://",
        "https://me:secret@x/y",
        "https://x/y?token=secret",
        "http://a b/",
    ],
)
def test_a_mirror_that_is_no_address_is_refused_without_repeating_it(
    host: Host, address: str
) -> None:
    text = refusal(source(host.url), base_url=address)
    assert text.startswith("D4RL_BASE_URL: not an address")
    assert "secret" not in text


def test_a_host_name_that_cannot_be_is_a_sentence(host: Host) -> None:
    assert "does not answer" in refusal(source(host.url), base_url="http://a..b")


def test_what_a_server_says_steers_no_terminal(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.statuses, host.reason = [404], "\x1b]0;mine\x07 " + "x" * 1000
    assert "\\x1b]0;mine" in refusal(source(host.url))
    shown = capsys.readouterr().out
    assert "\\x1b]0;mine" in shown
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 500


# --- clients of other libraries -------------------------------------------------------


def test_a_client_whose_download_does_not_grow_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_answers, "PATIENCE", 0.4)
    with pytest.raises(BenchError, match=r"^fewer than 262,144 bytes in 0\.4 s$"):
        http_answers.impatiently(lambda: time.sleep(60), tmp_path)


def test_a_client_whose_download_grows_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download() -> None:
        for _ in range(5):
            with open(tmp_path / "data", "ab") as file:
                file.write(bytes(range(256)) * 2048)
            time.sleep(0.1)

    monkeypatch.setattr(http_answers, "PATIENCE", 0.3)
    http_answers.impatiently(download, tmp_path)


def wait_for_ever(note: Path) -> None:
    note.write_text(str(os.getpid()))
    time.sleep(60)


def test_a_client_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    call = functools.partial(wait_for_ever, note)
    parent = multiprocessing.get_context("fork").Process(
        target=http_answers.impatiently, args=(call, tmp_path)
    )
    parent.start()
    while not (note.exists() and note.read_text()):
        time.sleep(0.01)
    assert alive(int(note.read_text()))
    parent.kill()
    parent.join()
    deadline = time.monotonic() + 5
    while alive(int(note.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_hub_that_says_nothing_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent(LoopbackServer):
        def answer(self, request: BaseHTTPRequestHandler) -> None:
            self.released.wait(30)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetch_minari, "TIMEOUT", 0.2)
    monkeypatch.delenv(fetch_minari.REMOTE, raising=False)
    server = Silent()
    monkeypatch.setenv(fetch_minari.HUB, server.address)
    with server.serving(), pytest.raises(BenchError, match=r"did not give it \(timed out\); fix"):
        fetch_minari.fetch("mujoco/hopper/medium-v0")
    monkeypatch.setenv(fetch_minari.HUB, "https://me:secret@here")
    with pytest.raises(BenchError, match="HF_ENDPOINT: not an address") as caught:
        fetch_minari.fetch("mujoco/hopper/medium-v0")
    assert "secret" not in str(caught.value)
