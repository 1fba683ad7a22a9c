"""The energy meter on counters made by hand, and on a library that stands in for NVIDIA's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bench.training.energy import Meter, driver

LIBRARY = """
static unsigned long long used = 5000;
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    *device = (void *)7;
    return uuid[4] == 'x';  /* after GPU- */
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *energy) {
    *energy = used;
    used += 2500;
    return device != (void *)7;
}
"""


def package(root: Path, name: str, count: int) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "energy_uj").write_text(f"{count}\n")
    (folder / "max_energy_range_uj").write_text("10000000\n")
    return folder


def test_packages_are_summed_and_a_counter_may_begin_again(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 9_000_000)
    package(tmp_path, "intel-rapl:1", 100)
    package(tmp_path, "intel-rapl:0:0", 1)  # a part of package 0
    meter = Meter(rapl=tmp_path)
    package(tmp_path, "intel-rapl:0", 1_000_000)  # 2 J later: it wraps at 10 J
    meter()
    package(tmp_path, "intel-rapl:1", 500_100)
    package(tmp_path, "intel-rapl:0:0", 7_000_000)
    assert meter.joules() == {"cpu": 2.5, "gpu": None}


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert Meter(rapl=tmp_path).joules() == {"cpu": None, "gpu": None}
    (tmp_path / "intel-rapl:0").mkdir()
    assert Meter(rapl=tmp_path).joules()["cpu"] is None
    assert Meter("card", tmp_path, str(tmp_path / "absent.so")).joules()["gpu"] is None


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_a_card_is_asked_by_its_uuid_through_nvidias_library(tmp_path: Path) -> None:
    (tmp_path / "nvml.c").write_text(LIBRARY)
    path = tmp_path / "nvml.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, tmp_path / "nvml.c"], check=True)
    assert Meter("00-11", tmp_path, str(path)).joules() == {"cpu": None, "gpu": 2.5}
    assert Meter("xx-11", tmp_path, str(path)).joules()["gpu"] is None  # no such card


def test_the_driver_is_named_where_there_is_one(tmp_path: Path) -> None:
    assert driver(tmp_path / "absent") is None
    text = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23 2025\nGCC 12\n"
    (tmp_path / "version").write_text(text)
    assert driver(tmp_path / "version") == "570.86.15"
