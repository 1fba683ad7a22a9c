"""The command-line verbs for a project of one's own: new, check."""

from __future__ import annotations

import shutil

from bench.cli.arguments import Folder
from bench.errors import BenchError
from bench.paths import SHIPPED

TEMPLATE = SHIPPED / "workflow/project"


def new(folder: Folder) -> None:
    """Make a project of your own: a suite, a table of tasks, a method, and a Snakefile.

    The project runs as it is. Data, results and reports stay in its folder.

    Args:
        folder: the folder to make.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BenchError(f"{folder}: exists and is not empty; name a new folder.")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TEMPLATE, folder, ignore=ignored, dirs_exist_ok=True)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        print(path)
    print(f"Next: cd {folder} && snakemake --cores all")
