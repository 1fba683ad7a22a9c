"""MuJoCo models: compiled once a process, and read as the engine behind D4RL's data read them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np


class SharedModel:
    """Mixin for Gymnasium's MuJoCo environments: all that load the same text share one model.

    Compiling takes up to 50 ms, most of it for textures, and an evaluation makes 100
    environments. What differs between them is in `MjData`.
    """

    fullpath: str
    model_of: Callable[[str], mujoco.MjModel] = staticmethod(
        functools.cache(mujoco.MjModel.from_xml_string)
    )

    def _initialize_simulation(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        model = self.model_of(Path(self.fullpath).read_text())
        return model, mujoco.MjData(model)


def as_mujoco_2(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """What MuJoCo 2.0 and 2.1.0 make of `spec`, for an engine that adds up margins (>= 3.5).

    Two of their rules have changed since. Until 2.1.1 a capsule weighed as much as a cylinder
    one radius shorter. And a contact's margin was the larger of its two geoms', now it is
    their sum: halves of a margin that all geoms share give the same contacts.
    """
    model = _compile(spec)
    if np.ptp(model.geom_margin) > 0:
        raise ValueError("geoms differ in margin: halving makes no sum the larger of the two")
    model.geom_margin /= 2
    cylinders = spec.copy()
    for geom in cylinders.geoms:
        if geom.type == mujoco.mjtGeom.mjGEOM_CAPSULE:
            _to_cylinder(geom)
    weighed = _compile(cylinders)
    for name in ("body_mass", "body_inertia", "body_ipos", "body_iquat"):
        getattr(model, name)[:] = getattr(weighed, name)
    mujoco.mj_setConst(model, mujoco.MjData(model))  # what follows from masses
    return model


def _to_cylinder(geom: mujoco.MjsGeom) -> None:
    geom.type = mujoco.mjtGeom.mjGEOM_CYLINDER
    extra = geom.size[0] / 2  # at either end of the capsule's straight part
    if np.isnan(geom.fromto[0]):
        geom.size[1] += extra
    else:
        ends = np.array(geom.fromto).reshape(2, 3)
        along = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
        geom.fromto = np.concatenate([ends[0] - extra * along, ends[1] + extra * along])


def _compile(spec: mujoco.MjSpec) -> mujoco.MjModel:
    with warnings.catch_warnings():
        # Of Gymnasium's own HalfCheetah model: nothing that a user could mend.
        warnings.filterwarnings("ignore", message=".*settotalmass")
        return spec.compile()
