"""Write docs/parity.md from what the golden tests measure: python tests/golden/parity.py"""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

if __name__ == "__main__":
    import torch
    from helpers.golden.parity import PAGE, page

    torch.set_num_threads(1)
    PAGE.write_text(page())
