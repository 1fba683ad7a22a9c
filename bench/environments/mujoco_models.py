"""MuJoCo models, compiled once per process and converted to the physics behind D4RL's data."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np


class SharedModel:
    """Mixin for Gymnasium's MuJoCo environments: those with the same XML share one model.

    Compiling takes up to 50 ms, mostly for textures, and an evaluation makes 100
    environments. Their individual state is in `MjData`.
    """

    fullpath: str
    model_of: Callable[[str], mujoco.MjModel] = staticmethod(
        functools.cache(mujoco.MjModel.from_xml_string)
    )

    def _initialize_simulation(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        model = self.model_of(Path(self.fullpath).read_text(encoding="utf-8"))
        return model, mujoco.MjData(model)


def as_mujoco_2(spec: mujoco.MjSpec) -> mujoco.MjModel:
    """Compile `spec` as MuJoCo 2.0 and 2.1.0 did, for an engine that adds margins (>= 3.5).

    Two rules have changed since. Before 2.1.1 a capsule had the mass and inertia of a cylinder one
    radius shorter. A contact's margin was the larger of its two geoms' margins and is now their
    sum, so halving a margin that all geoms share gives the same contacts.
    """
    model = _compile(spec)
    if np.ptp(model.geom_margin) > 0:
        raise ValueError("geom margins differ; halving reproduces the old rule for equal ones only")
    model.geom_margin /= 2
    cylinders = spec.copy()
    for geom in cylinders.geoms:
        if geom.type == mujoco.mjtGeom.mjGEOM_CAPSULE:
            _to_cylinder(geom)
    weighed = _compile(cylinders)
    for name in ("body_mass", "body_inertia", "body_ipos", "body_iquat"):
        getattr(model, name)[:] = getattr(weighed, name)
    mujoco.mj_setConst(model, mujoco.MjData(model))  # recomputes what depends on the masses
    return model


def _to_cylinder(geom: mujoco.MjsGeom) -> None:
    geom.type = mujoco.mjtGeom.mjGEOM_CYLINDER
    extra = geom.size[0] / 2  # at each end of the capsule's straight part
    if np.isnan(geom.fromto[0]):
        geom.size[1] += extra
    else:
        ends = np.array(geom.fromto).reshape(2, 3)
        axis = ends[1] - ends[0]
        along = axis / np.sqrt(np.square(axis).sum())  # np.linalg.norm rounds by processor
        geom.fromto = np.concatenate([ends[0] - extra * along, ends[1] + extra * along])


def _compile(spec: mujoco.MjSpec) -> mujoco.MjModel:
    with warnings.catch_warnings():
        # Caused by Gymnasium's own HalfCheetah model; the user cannot fix it.
        warnings.filterwarnings("ignore", message=".*settotalmass")
        return spec.compile()
