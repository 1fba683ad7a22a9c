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
    "awac": "baselines.awac",
    "onestep": "baselines.onestep",
    "cql": "baselines.cql",
    "cql_antmaze": "baselines.cql",
    "cal_ql": "baselines.cal_ql",
    "bcq": "baselines.bcq",
    "bear": "baselines.bear",
    "awr": "baselines.awr",
    "dt": "baselines.dt",
}
# IQL with one difference of a port: in its module, or in its entry of config/methods.yaml.
VARIANTS = {
    "iql_old_v": "iql.variants.old_v",
    "iql_joint": "iql.variants.joint",
    "iql_online_q": "iql.variants.online_q",
    "iql_deterministic": "iql.variants.deterministic",
    "iql_raw_rewards": "iql.iql",
    "iql_standardised": "iql.iql",
    "iql_wide_std": "iql.iql",
    "iql_constant_rate": "iql.iql",
}
ONLINE = {"sac": "baselines.sac", "sac_iql": "baselines.sac"}
ONLINE |= {"ppo": "baselines.ppo", "ppo_iql": "baselines.ppo"}
# Those that can have an online phase: their module has `explore`. The methods of ONLINE have no
# other: they see what they do themselves, and no data.
FINE_TUNED = ("iql", "awac", "cql", "cql_antmaze", "cal_ql", *ONLINE)
# A method that begins from the networks of another one's run, by its `adopt`.
START = {"sac_iql": "iql", "ppo_iql": "iql"}
# What an update costs, relative to cloning; long jobs start first, so that none ends alone.
COST = {"iql": 4, "td3_bc": 3, "awac": 20, "onestep": 30, "bc": 1, "bc10": 1, "awr": 1, "dt": 50}
COST |= {"cql": 75, "cql_antmaze": 75, "bcq": 15, "bear": 22}
COST |= {"cal_ql": 80, "sac": 5, "sac_iql": 5, "ppo": 1, "ppo_iql": 1}  # PPO's: a step's share
COST |= dict.fromkeys(VARIANTS, COST["iql"])
METHODS = {**OFFLINE, **VARIANTS, **ONLINE}


def base_of(name: str) -> str:
    """The registered method: of `iql@expectile=0.5`, IQL with one other setting, it is `iql`."""
    return name.partition("@")[0]


def setting_of(name: str) -> tuple[str, str]:
    """The setting that follows the @ of a method's name, and its value; else empty."""
    setting, _, value = name.partition("@")[2].partition("=")
    return setting, value


def load(name: str) -> ModuleType:
    """The module of a registered method."""
    return importlib.import_module(METHODS[base_of(name)])


# The paper's ideas as experiments, in the order of their report: iql/ideas/NAME.py.
IDEAS = ("losses", "expectiles", "support", "stitching", "overestimation", "shift")
