"""Seeds derived from a training seed, one per purpose."""

from __future__ import annotations

import zlib

import numpy as np


def derive(seed: int, purpose: str) -> int:
    """Return a 63-bit seed for `purpose`, independent across seeds and purposes."""
    entropy = [seed, zlib.crc32(purpose.encode())]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
