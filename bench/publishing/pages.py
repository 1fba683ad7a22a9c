"""The numbers that the README and the documentation quote, against the published results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# The checks are tests, so that a page and its check are changed together.
CHECKS = (Path("tests/docs/test_readme.py"), Path("tests/docs/test_results_pages.py"))


def findings() -> list[str]:
    """Run the checks in a process of their own; return a sentence for each that fails."""
    missing = [path for path in CHECKS if not path.exists()]
    if missing:
        return [f"{missing[0]}: file not found; run this in a checkout of the project."]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--tb=line"]
    done = subprocess.run(
        [*command, *map(str, CHECKS)], capture_output=True, text=True, check=False
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode and not failed:
        failed = [(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]]
    remedy = "correct the page, or restore the results that it quotes from git"
    return [f"{' '.join(line.split())}; {remedy}." for line in failed]
