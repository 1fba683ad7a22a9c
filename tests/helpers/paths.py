"""Where the repository and its tests are, and the import path of processes that need both."""

import os
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
PYTHONPATH = os.pathsep.join([str(TESTS), str(ROOT)])
