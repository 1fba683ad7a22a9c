"""Writes mujoco210.npz: what MuJoCo 2.1.0 makes of D4RL's models. README.md says how to run it."""

from __future__ import annotations

import ast
import ctypes
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

SHIM = r"""
#include <string.h>
#include "mujoco.h"
static mjModel* m; static mjData* d;
const char* load(const char* xml) {
  static char error[1000];
  m = mj_loadXML(xml, 0, error, 1000);
  if (m) d = mj_makeData(m);
  return m ? 0 : error;
}
#define SIZE(name) int size_##name() { return m->name; }
SIZE(nq) SIZE(nv) SIZE(nu) SIZE(nbody) SIZE(ngeom) SIZE(njnt)
#define FIELD(name) double* model_##name() { return m->name; }
FIELD(body_mass) FIELD(body_inertia) FIELD(body_ipos) FIELD(dof_armature) FIELD(dof_damping)
FIELD(dof_invweight0) FIELD(jnt_range) FIELD(actuator_ctrlrange) FIELD(qpos0)
FIELD(geom_pos) FIELD(geom_size) FIELD(geom_friction) FIELD(geom_solref) FIELD(geom_solimp)
double gear(int i) { return m->actuator_gear[6 * i]; }
double timestep() { return m->opt.timestep; }
#define STATE(name) double* data_##name() { return d->name; }
STATE(qpos) STATE(qvel) STATE(qacc)
int contacts() { return d->ncon; }
void reset(const double* qpos, const double* qvel) {
  mj_resetData(m, d);
  memcpy(d->qpos, qpos, 8 * m->nq);
  memcpy(d->qvel, qvel, 8 * m->nv);
  mj_forward(m, d);
}
void step(const double* ctrl, int times) {
  memcpy(d->ctrl, ctrl, 8 * m->nu);
  for (int i = 0; i < times; i++) mj_step(m, d);
}
"""
# name: (frame skip, torque at an action of 1, spread of the start, name of the maze)
ROBOTS = {"hopper": (4, 1.0, 0.005, ""), "walker2d": (4, 1.0, 0.005, "")}
ROBOTS |= {"half_cheetah": (5, 1.0, 0.1, ""), "Umaze": (5, 30.0, 0.1, "U_MAZE_TEST")}
ROBOTS |= {"Medium": (5, 30.0, 0.1, "BIG_MAZE_TEST"), "Large": (5, 30.0, 0.1, "HARDEST_MAZE_TEST")}
SHAPES = {  # rows and columns of a model's field
    "body_mass": ("nbody", 1),
    "body_inertia": ("nbody", 3),
    "body_ipos": ("nbody", 3),
    **dict.fromkeys(("dof_armature", "dof_damping", "dof_invweight0"), ("nv", 1)),
    "jnt_range": ("njnt", 2),
    "actuator_ctrlrange": ("nu", 2),
    "qpos0": ("nq", 1),
    **dict.fromkeys(("geom_pos", "geom_size", "geom_friction"), ("ngeom", 3)),
    "geom_solref": ("ngeom", 2),
    "geom_solimp": ("ngeom", 5),
}
EPISODES, STATES = 8, 6  # of which every fifth step is kept


def build(mujoco210: Path, folder: Path) -> ctypes.CDLL:
    """A library around MuJoCo 2.1.0's."""
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    binaries = mujoco210 / "bin"
    command = ["gcc", "-shared", "-fPIC", source, f"-I{mujoco210}/include", f"-L{binaries}"]
    command += ["-lmujoco210nogl", f"-Wl,-rpath,{binaries}", "-o", library]
    subprocess.run([str(word) for word in command], check=True)
    shim = ctypes.CDLL(str(library))
    for name in ("load", "gear", "timestep"):
        getattr(shim, name).restype = ctypes.c_char_p if name == "load" else ctypes.c_double
    return shim


def array(shim: ctypes.CDLL, function: str, *shape: int) -> np.ndarray:
    """A copy of one of the engine's arrays."""
    call = getattr(shim, function)
    call.restype = ctypes.POINTER(ctypes.c_double)
    return np.ctypeslib.as_array(call(), shape).copy()


def pointer(values: np.ndarray) -> ctypes.c_void_p:
    return values.ctypes.data_as(ctypes.c_void_p)


def d4rl_maze(d4rl: Path, name: str) -> str:
    """D4RL's ant in the maze that its source calls `name`, by the rules of its maze_env.py."""
    text = (d4rl / "maze_env.py").read_text()
    found = re.search(rf"^{name} = (\[\[.*?\]\])", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    rows = ast.literal_eval(re.sub(r"\b([RG])\b", r"'\1'", found[1]))
    tree = ElementTree.parse(d4rl / "assets/ant.xml")
    world = tree.find("worldbody")
    assert world is not None
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            if cell == 1:
                place = {"pos": f"{4 * j - 4} {4 * i - 4} 1", "size": "2 2 1", "type": "box"}
                ElementTree.SubElement(world, "geom", place, contype="1", conaffinity="1")
    return ElementTree.tostring(tree.getroot(), "unicode")


def record(shim: ctypes.CDLL, name: str) -> dict[str, np.ndarray]:
    """The model's numbers; accelerations without control, and what one environment step makes."""
    skip, torque, spread, maze = ROBOTS[name]
    sizes = {k: getattr(shim, f"size_{k}")() for k in ("nq", "nv", "nu", "nbody", "ngeom", "njnt")}
    nq, nv, nu = sizes["nq"], sizes["nv"], sizes["nu"]
    result = {
        k: array(shim, f"model_{k}", sizes[rows], columns).squeeze()
        for k, (rows, columns) in SHAPES.items()
    }
    result["gear"] = np.array([shim.gear(i) for i in range(nu)])
    result["timestep"] = np.array(shim.timestep())
    rng = np.random.default_rng(0)
    found: dict[str, list[np.ndarray]] = {}
    for episode in range(EPISODES):
        qpos = result["qpos0"] + rng.uniform(-spread, spread, nq)
        qvel = spread * rng.standard_normal(nv)
        if maze and episode % 2:  # against the wall
            qpos[0], qvel[0] = -0.5, -3.0
        shim.reset(pointer(qpos), pointer(qvel))
        for state in range(STATES):
            for _ in range(5 if state else 0):
                shim.step(pointer(torque * rng.uniform(-1, 1, nu)), skip)
            before = {"qpos": array(shim, "data_qpos", nq), "qvel": array(shim, "data_qvel", nv)}
            shim.reset(pointer(before["qpos"]), pointer(before["qvel"]))
            before |= {"qacc": array(shim, "data_qacc", nv), "contacts": np.array(shim.contacts())}
            before["action"] = rng.uniform(-1, 1, nu)
            shim.step(pointer(torque * before["action"]), skip)
            after = {"next_qpos": array(shim, "data_qpos", nq)}
            after["next_qvel"] = array(shim, "data_qvel", nv)
            for key, value in (before | after).items():
                found.setdefault(key, []).append(value)
    return result | {k: np.stack(v) for k, v in found.items()}


def main(mujoco210: Path, gym: Path, d4rl: Path) -> None:
    """The folders of MuJoCo 2.1.0, of Gym's XML files and of D4RL's locomotion package."""
    arrays = {}
    with tempfile.TemporaryDirectory() as scratch:
        shim = build(mujoco210.resolve(), Path(scratch))
        for name, (*_, maze) in ROBOTS.items():
            xml = Path(scratch) / f"{name}.xml"
            xml.write_text(d4rl_maze(d4rl, maze) if maze else (gym / xml.name).read_text())
            error = shim.load(str(xml).encode())
            assert error is None, error
            arrays |= {f"{name}/{k}": v for k, v in record(shim, name).items()}
    np.savez_compressed(Path(__file__).with_name("mujoco210.npz"), **arrays)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
