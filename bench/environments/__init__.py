"""Provides the project's Gymnasium environments."""

import os

# Nothing is rendered. MuJoCo loads a renderer when it is imported, and fails if the one that a
# shell's MUJOCO_GL names is not installed.
os.environ["MUJOCO_GL"] = "disable"
