"""The registry: a method is a module that defines Config, init, update and act.

Names are strings, so that looking at the registry imports no method and no torch.
"""

from __future__ import annotations

import importlib
from types import ModuleType

OFFLINE = {
    "iql": "iql.iql",
    "bc": "baselines.bc",
    "bc10": "baselines.bc10",
    "td3_bc": "baselines.td3_bc",
}
ONLINE = {"ppo": "baselines.ppo"}
# What an update costs, relative to cloning; long jobs start first, so that none ends alone.
COST = {"iql": 4, "td3_bc": 3, "bc": 1, "bc10": 1}
METHODS = {**OFFLINE, **ONLINE}


def load(name: str) -> ModuleType:
    """The module of a registered method."""
    return importlib.import_module(METHODS[name])
