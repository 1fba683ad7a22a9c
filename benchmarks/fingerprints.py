"""Print a fingerprint of the first 1,000 rows that each robot collects on this machine.

Usage: python benchmarks/fingerprints.py [>> behaviors/fingerprints.csv]

`behaviors/fingerprints.csv` keeps those of every processor seen. Exit status 1 if one of this
machine's differs from them.
"""

from __future__ import annotations

import platform
import sys

import pandas as pd
import torch

from bench.collection.fingerprint import COLLECTED, FINGERPRINTS, fingerprint
from bench.records.machine import machine


def main() -> int:
    """Print this machine's rows of the table."""
    table = pd.read_csv(FINGERPRINTS)
    instructions = torch.backends.cpu.get_cpu_capability()
    differ = False
    for recipe in COLLECTED:
        found = fingerprint(recipe)
        libc = "-".join(platform.libc_ver())
        print(recipe, found, machine()["cpu"], instructions, libc, sep=",")
        differ |= found not in set(table[table["recipe"] == recipe]["sha256"])
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
