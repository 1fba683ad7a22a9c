"""Servers that lie, drip or fall silent: given up with a sentence, whatever they send."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import pytest
from helpers.http_host import Host, nothing_left, refusal, source

from bench.data import fetch_d4rl, http_answers


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
