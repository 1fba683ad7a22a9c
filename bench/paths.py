"""Names of folders and files, in one place."""

from __future__ import annotations


def block_name(seeds: tuple[int, ...]) -> str:
    """`0-4` for a run of consecutive seeds, else `0_2_5`."""
    if len(seeds) > 1 and seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return "_".join(map(str, seeds))
