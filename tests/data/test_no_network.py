"""Without a network a fetch fails once, in a sentence, and nothing tries it again."""

from __future__ import annotations

import errno
import re
import socket
import time
import urllib.error
from pathlib import Path
from typing import Any, NoReturn

import pytest
from helpers.http_host import Host, source
from helpers.projects import one_sentence
from helpers.workflow_project import Project

from bench.config.d4rl_files import TABLE
from bench.data import fetch_d4rl, fetch_minari
from bench.errors import BenchError

TWO = ("http://one.invalid/gym_mujoco_v2/hopper.hdf5", "http://two.invalid/gym_mujoco_v2/h.hdf5")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(fetch_d4rl.BASE_URL, raising=False)


def never(*_: Any) -> NoReturn:
    raise AssertionError("waited to try again")


@pytest.mark.parametrize(
    "reason",
    [
        socket.gaierror(-2, "Name or service not known"),
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        TimeoutError("timed out"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
    ],
    ids=lambda reason: type(reason).__name__,
)
def test_each_address_is_asked_once(reason: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def no_network(request: Any, timeout: float) -> NoReturn:
        assert timeout * len(TWO) < 60
        asked.append(request.full_url)
        raise urllib.error.URLError(reason)

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setattr(time, "sleep", never)
    with pytest.raises(BenchError, match="no address gave the file") as caught:
        fetch_d4rl.fetch(source(*TWO))
    one_sentence(caught.value)
    assert asked == list(TWO)
    with pytest.raises(BenchError, match="hf://farama-minari did not give it") as caught:
        fetch_minari.fetch("mujoco/hopper/medium-v0")
    one_sentence(caught.value)
    assert asked[2:] == ["https://huggingface.co"]


def test_the_workflow_does_not_try_it_again(tmp_path: Path) -> None:
    closed = Host()
    closed.server.server_close()
    project = Project(tmp_path)
    table = tmp_path / TABLE
    table.write_text(re.sub(r"https?://\S+/(\w+)/(hopper_medium-v2)", rf"{closed.address}/\1/\2",
                            table.read_text()))  # fmt: skip
    project.suite |= {"tasks": ["hopper-medium-v2"], "methods": ["bc"]}
    done = project.snakemake("--retries", "5")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert len(re.findall(r"Error in rule fetch\b", said)) == 1
    [log] = (tmp_path / "logs/fetch").iterdir()
    assert "no address gave the file" in log.read_text()
    assert "Trying to restart" not in said
