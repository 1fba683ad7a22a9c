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
METHODS = {**OFFLINE, **ONLINE}


def load(name: str) -> ModuleType:
    """The module of a registered method."""
    return importlib.import_module(METHODS[name])
