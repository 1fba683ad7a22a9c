"""Our models against MuJoCo 2.1.0's of D4RL's files, recorded in golden/mujoco210.npz."""

from __future__ import annotations

import re
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.envs.mujoco import mujoco_env
from helpers.paths import ROOT, TESTS

from bench.environments import antmaze, locomotion, mujoco_models
from bench.maze_plans import PLANS

RECORDED = np.load(TESTS / "golden/mujoco210.npz")
ASSETS = Path(mujoco_env.__file__).parent / "assets"
ROBOTS = {"hopper": locomotion.Hopper, "walker2d": locomotion.Walker2d}
ROBOTS |= {"half_cheetah": locomotion.HalfCheetah}
FRAME_SKIP = {"hopper": 4, "walker2d": 4, "half_cheetah": 5}
NAMES = [*ROBOTS, *PLANS]
SAME = (
    *("body_mass", "body_inertia", "body_ipos"),
    *("dof_armature", "dof_damping", "dof_invweight0", "jnt_range", "qpos0"),
    *("geom_pos", "geom_size", "geom_friction", "geom_solref", "geom_solimp"),
    "actuator_ctrlrange",
)


def model_of(name: str) -> mujoco.MjModel:
    if name in PLANS:
        return antmaze.model(name)
    return locomotion.Hopper.model_of((ASSETS / f"{name}.xml").read_text())


def recorded(name: str, key: str) -> np.ndarray:
    return RECORDED[f"{name}/{key}"]


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_the_recorded_one(name: str) -> None:
    model = model_of(name)
    for key in SAME:
        np.testing.assert_allclose(getattr(model, key), recorded(name, key), atol=1e-12)
    np.testing.assert_array_equal(model.actuator_gear[:, 0], recorded(name, "gear"))
    assert model.opt.timestep == recorded(name, "timestep")


def accelerations(model: mujoco.MjModel, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Without control, in the recorded states, and how many contacts there are."""
    data = mujoco.MjData(model)
    found, contacts = [], []
    for qpos, qvel in zip(recorded(name, "qpos"), recorded(name, "qvel"), strict=True):
        mujoco.mj_resetData(model, data)
        data.qpos[:], data.qvel[:] = qpos, qvel
        mujoco.mj_forward(model, data)
        found.append(data.qacc.copy())
        contacts.append(data.ncon)
    return np.array(found), np.array(contacts)


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The largest error of each row, by the row's largest value."""
    return np.abs(ours - theirs).max(axis=1) / (1 + np.abs(theirs).max(axis=1))


@pytest.mark.parametrize("name", NAMES)
def test_forces_are_those_of_mujoco_2(name: str) -> None:
    ours, contacts = accelerations(model_of(name), name)
    np.testing.assert_array_equal(contacts, recorded(name, "contacts"))
    assert contacts.max() >= 2
    assert relative_error(ours, recorded(name, "qacc")).max() < 1e-10


@pytest.mark.parametrize("name", ROBOTS)
def test_the_new_rules_would_be_noticed(name: str) -> None:
    new, _ = accelerations(mujoco.MjModel.from_xml_path(str(ASSETS / f"{name}.xml")), name)
    assert np.median(relative_error(new, recorded(name, "qacc"))) > 1e-3


@pytest.mark.parametrize("name", ROBOTS)
def test_an_environment_step_is_that_of_mujoco_2(name: str) -> None:
    env = ROBOTS[name]()
    kept = [recorded(name, k) for k in ("qpos", "qvel", "action", "next_qpos", "next_qvel")]
    for qpos, qvel, action, next_qpos, next_qvel in zip(*kept, strict=True):
        mujoco.mj_resetData(env.model, env.data)
        env.set_state(qpos, qvel)
        env.step(action)
        np.testing.assert_allclose(env.data.qpos, next_qpos, atol=1e-9)
        np.testing.assert_allclose(env.data.qvel, next_qvel, atol=1e-7)
    env.close()


@pytest.mark.parametrize("maze", PLANS)
def test_an_ants_step_is_that_of_mujoco_2(maze: str) -> None:
    """Not to rounding: Runge-Kutta turns a free body by another rule since."""
    env = gymnasium.make(f"bench.antmaze:AntMaze{maze}-v2", disable_env_checker=True).unwrapped
    assert isinstance(env, antmaze.AntMaze)
    env.reset(seed=0)
    kept = [recorded(maze, k) for k in ("qpos", "qvel", "action", "next_qpos")]
    errors = []
    for qpos, qvel, action, next_qpos in zip(*kept, strict=True):
        mujoco.mj_resetData(env.model, env.data)
        env.data.qpos[:], env.data.qvel[:] = qpos, qvel
        observation, *_ = env.step(action)
        errors.append(np.abs(observation[:15] - next_qpos).max())
    assert np.median(errors) < 1e-5
    assert np.quantile(errors, 0.9) < 1e-3


# --- the two rules, by hand -----------------------------------------------------------

CAPSULES = """<mujoco><compiler angle="radian"/><worldbody><geom type="plane" size="1 1 1" {0}/>
<body pos="0 0 {1}"><freejoint/><geom type="capsule" size=".1 .3" density="50" {0}/></body>
<body pos="3 0 1"><freejoint/>
<geom type="capsule" size=".1" fromto="0 0 0 .36 0 .48" density="50" {0}/>
</body></worldbody></mujoco>"""


def test_a_capsule_weighs_as_much_as_a_cylinder_one_radius_shorter() -> None:
    model = mujoco_models.as_mujoco_2(mujoco.MjSpec.from_string(CAPSULES.format("", 1)))
    radius, length = 0.1, 0.8 - 0.1
    mass = 50 * np.pi * radius**2 * length
    across = mass * (3 * radius**2 + length**2) / 12
    for body in (1, 2):  # given by its half, and by its ends
        np.testing.assert_allclose(model.body_mass[body], mass)
        principal = [across, across, mass * radius**2 / 2]
        np.testing.assert_allclose(model.body_inertia[body], principal)
    np.testing.assert_allclose(model.body_ipos[2], [0.18, 0, 0.24])
    np.testing.assert_allclose(model.geom_size[1], [0.1, 0.3, 0])  # what collides is as it was


@pytest.mark.parametrize(("height", "touches"), [(0.4049, True), (0.4051, False)])
def test_a_contact_has_one_geoms_margin(height: float, touches: bool) -> None:
    xml = CAPSULES.format('margin=".005"', height)
    model = mujoco_models.as_mujoco_2(mujoco.MjSpec.from_string(xml))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    assert data.ncon == touches
    assert not touches or data.contact[0].includemargin == 0.005


def test_unequal_margins_are_refused() -> None:
    xml = CAPSULES.format('margin=".005"', 1).replace('margin=".005"', "", 1)
    with pytest.raises(ValueError, match="margin"):
        mujoco_models.as_mujoco_2(mujoco.MjSpec.from_string(xml))


def test_the_page_on_environments_names_tests_that_exist() -> None:
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", (ROOT / "docs/environments.md").read_text())
    assert len(named) > 20
    for file, test in named:
        (path,) = TESTS.rglob(file)
        assert f"def {test}(" in path.read_text(), f"{file}::{test}"
