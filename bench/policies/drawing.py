"""Draw an episode of a finished policy, without a screen, by EGL or OSMesa."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import imageio.v3 as imageio
import mujoco
import numpy as np
import torch
from gymnasium.envs.mujoco.mujoco_rendering import MujocoRenderer

from bench.environments import vector
from bench.errors import BenchError
from bench.policies.finished import Policy
from bench.policies.scoring import check_fits
from bench.seeds import derive

BACKENDS = ("egl", "osmesa")
WIDTH, HEIGHT = 240, 176  # pixels of a frame: multiples of 16, as MP4 wants them
INNER = ("ant_env", "point_env", "robot_env")  # where gymnasium-robotics keeps its simulator
FPS = 25  # of a moving picture
MOST = 250  # its frames


@dataclass(frozen=True)
class Episode:
    """The states of an episode's simulator, and its return."""

    env: gymnasium.Env
    states: list[tuple[np.ndarray, np.ndarray]]  # positions and velocities of each step
    total: float


def backend() -> str:
    """Choose a way to draw without a screen; raise BenchError if there is none.

    MUJOCO_GL is disabled for everything else (bench.environments).
    """
    reasons = []
    for name in BACKENDS:
        os.environ["MUJOCO_GL"] = name
        os.environ.pop("PYOPENGL_PLATFORM", None)
        try:
            context = importlib.import_module(f"mujoco.{name}").GLContext(8, 8)
            context.make_current()
            context.free()
            return name
        except Exception as error:  # drivers fail in ways of their own
            reasons.append(f"{name}: {' '.join(str(error).split()) or type(error).__name__}")
    os.environ["MUJOCO_GL"] = "disable"
    raise BenchError(
        f"render: nothing here draws without a screen ({'; '.join(reasons)}); install EGL or "
        "OSMesa, on Debian and Ubuntu `apt install libegl1 libosmesa6`."
    )


def play(policy: Policy, env_id: str, episode: int) -> Episode:
    """Play one episode of the policy's only seed, numbered as in bench.policies.scoring."""
    check_fits(policy, env_id)
    env = vector.make(env_id)
    simulator = _simulator(env)
    (seed,) = policy.seeds
    act = policy.actor(1, f"episode {episode}")
    reset = derive(seed, f"score {episode}") % 2**31
    observation, _ = env.reset(seed=reset, options={"goal_seed": seed})
    states, total, reward, ended = [_state(simulator)], 0.0, 0.0, False
    while not ended:
        seen = torch.from_numpy(np.asarray(observation, dtype=np.float32))[None, None]
        action = act(seen, torch.full((1, 1), reward))[0, 0].clamp(-1, 1).numpy()
        observation, given, terminated, truncated, _ = env.step(action)
        reward, ended = float(given), terminated or truncated
        total += reward
        states.append(_state(simulator))
    return Episode(env, states, total)


def frames(episode: Episode, count: int) -> list[np.ndarray]:
    """Draw `count` moments, evenly spaced from the first to the last: (HEIGHT, WIDTH, 3) each."""
    simulator = _simulator(episode.env)
    # A processor draws the default quality five times as slowly.
    simulator.model.vis.quality.offsamples, simulator.model.vis.quality.shadowsize = 0, 256
    own = getattr(episode.env.unwrapped, "mujoco_renderer", None)
    camera = getattr(own, "default_cam_config", None)
    renderer = MujocoRenderer(
        simulator.model, simulator.data, default_cam_config=camera, width=WIDTH, height=HEIGHT
    )
    drawn = []
    for index in np.linspace(0, len(episode.states) - 1, count).round().astype(int):
        simulator.data.qpos[:], simulator.data.qvel[:] = episode.states[index]
        mujoco.mj_forward(simulator.model, simulator.data)
        drawn.append(np.array(renderer.render("rgb_array")))
    renderer.close()
    return drawn


def write_strip(pictures: list[np.ndarray], out: Path) -> None:
    """Write frames side by side as a PNG."""
    out.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(out, np.concatenate(pictures, axis=1), extension=".png")


def write_moving(pictures: list[np.ndarray], out: Path) -> None:
    """Write frames as a GIF or MP4, by the suffix of `out`; raise BenchError at another."""
    if out.suffix == ".gif":
        imageio.imwrite(out, np.stack(pictures), duration=1000 / FPS, loop=0)
        return
    if out.suffix != ".mp4":
        raise BenchError(f"{out}: neither a .gif nor an .mp4; name one of those.")
    try:
        imageio.imwrite(out, np.stack(pictures), fps=FPS, plugin="FFMPEG")
    except ImportError:
        raise BenchError(
            f"{out}: an MP4 needs `pip install imageio-ffmpeg`; a .gif needs nothing."
        ) from None


def _simulator(env: gymnasium.Env) -> Any:
    """Return what holds the environment's MuJoCo model and data; raise BenchError without."""
    base = env.unwrapped
    for place in (base, *(getattr(base, name, None) for name in INNER)):
        if isinstance(getattr(place, "model", None), mujoco.MjModel):
            return place
    name = env.spec.id if env.spec else type(base).__name__
    raise BenchError(f"render: {name} is not simulated by MuJoCo, so that there is no picture.")


def _state(simulator: Any) -> tuple[np.ndarray, np.ndarray]:
    return simulator.data.qpos.copy(), simulator.data.qvel.copy()
