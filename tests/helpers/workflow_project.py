"""A project in a temporary folder, in which snakemake runs a tiny suite end to end."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import yaml

from helpers import warm_jobs
from helpers.paths import ROOT

TINY = ROOT / "tests/suites/tiny.yaml"


class Project:
    """A directory that looks like a checkout, with its own data, results and reports."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("behaviors", "workflow", "Snakefile"):
            (folder / name).symlink_to(ROOT / name)
        shutil.copytree(ROOT / "config", folder / "config", symlinks=True)
        self.suite = yaml.safe_load(TINY.read_text())

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m MODULE ARGUMENTS` on the tiny suite, in this project."""
        path = self.folder / "config/tiny.yaml"
        path.write_text(yaml.safe_dump(self.suite, sort_keys=False))
        command = ["python", "-m", *module.split(), "--configfile", "config/tiny.yaml"]
        variables = os.environ | warm_jobs.environment()
        return subprocess.run(
            [*command, "--cores", "2", *arguments],
            cwd=self.folder,
            text=True,
            capture_output=True,
            env=variables,
            check=False,
        )

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("snakemake", *arguments)

    def planned(self) -> dict[str, int]:
        """Rule -> number of jobs that a run would start now."""
        output = self.snakemake("--dry-run", "--quiet", "reason").stdout
        counts = {}
        for line in output.splitlines():
            words = line.split()
            if len(words) == 2 and words[1].isdigit() and words[0].isidentifier():
                counts[words[0]] = int(words[1])
        counts.pop("total", None)
        return counts
