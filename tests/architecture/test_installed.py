"""What is installed elsewhere is whole: every package, every template."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from helpers.code import FILES, ROOTS, label
from helpers.paths import ROOT


def test_a_wheel_has_every_module_and_template(tmp_path: Path) -> None:
    source = tmp_path / "source"  # building writes beside the code
    ignored = shutil.ignore_patterns("__pycache__")
    for root in ROOTS:
        shutil.copytree(ROOT / root, source / root, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(source)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    templates = [
        path
        for root in ROOTS
        for path in (ROOT / root).rglob("*")
        if path.suffix in (".typ", ".j2", ".yaml", ".json", ".css", ".js", ".cpp")
    ]
    assert len(templates) >= 3
    assert {label(path) for path in [*FILES, *templates]} <= held
