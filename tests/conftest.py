"""Shared by all tests: one thread, and this checkout's code.

torch is imported in functions: the process that hands the tests to the others needs none.
"""

from __future__ import annotations

import gc
import os
import sys

import pytest
from helpers.paths import ROOT

# Processes that tests start in other folders run this checkout, not an installed one.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(":")
# The files that take most of the time begin, the longest first, so that none of them ends alone
# on one of the cores.
LONG = (
    "test_contract.py",
    "test_workflow.py",
    "test_finetune_workflow.py",
    "test_faults_workflow.py",
    "test_online_phase.py",
    "test_train.py",
    "test_real_data.py",
    "test_faults.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine has not got or this call has not asked for."""
    import torch

    place = {name: index for index, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONG)))
    card = torch.cuda.is_available()
    for item in items:
        if not card and item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device, and there is none"))
        if item.get_closest_marker("cluster") and "cluster" not in config.option.markexpr:
            item.add_marker(pytest.mark.skip(reason="starts SLURM: `make test-cluster`"))


full_collections = 0


def pytest_collection_finish() -> None:
    """Let no collection of garbage look through what stays to the end: modules, tests, caches."""
    global full_collections
    # What is imported from here on may be written by a test, and anew within a second.
    sys.dont_write_bytecode = True
    gc.collect()
    gc.freeze()
    full_collections = gc.get_stats()[2]["collections"]


def pytest_runtest_logfinish() -> None:
    """Do so again after a test that made much; a compiler keeps millions of objects."""
    if gc.get_stats()[2]["collections"] != full_collections:
        pytest_collection_finish()


@pytest.fixture(autouse=True)
def _alike_in_any_order() -> None:
    """One thread, the smallest numbers too, and torch's own generator as it was for the others.

    A test that trains in this process leaves it without the smallest numbers.
    """
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(False)
    torch.manual_seed(0)
