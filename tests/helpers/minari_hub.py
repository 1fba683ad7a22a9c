"""A small dataset under Minari's own name, and a stand-in for the Hugging Face hub on loopback."""

from __future__ import annotations

import hashlib
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from minari import create_dataset_from_buffers
from minari.data_collector import EpisodeBuffer

from helpers.loopback_server import LoopbackServer

DATASET = "mujoco/hopper/medium-v0"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def make_dataset(root: Path, steps: int = 300) -> Path:
    """Random actions in Hopper-v5, in float64 as Minari's own; returns the folder."""
    root.mkdir(parents=True, exist_ok=True)
    env = gymnasium.make("Hopper-v5", max_episode_steps=50)
    env.action_space.seed(0)
    episodes, left = [], steps
    while left:
        observations, actions, rewards, ended = [env.reset(seed=left)[0]], [], [], False
        while left and not ended:
            actions.append(env.action_space.sample())
            observation, reward, terminated, truncated, _ = env.step(actions[-1])
            observations.append(observation)
            rewards.append(float(reward))
            ended, left = terminated or truncated, left - 1
        flags = np.zeros((2, len(rewards)), dtype=bool)
        flags[0 if terminated else 1, -1] = True
        episodes.append(
            EpisodeBuffer(
                observations=np.array(observations),
                actions=np.array(actions),
                rewards=np.array(rewards),
                terminations=flags[0],
                truncations=flags[1],
            )
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        about = dict.fromkeys(("algorithm_name", "author", "author_email", "description"), "a test")
        create_dataset_from_buffers(DATASET, episodes, env=env, eval_env=env, **about)
    env.close()
    return root / DATASET


class Hub(LoopbackServer):
    """Answers what huggingface_hub asks of one repository of datasets, `farama-minari/mujoco`."""

    REPO = "farama-minari/mujoco"
    protocol = "HTTP/1.1"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        names = {"datasets": [DATASET], "namespaces": ["mujoco/hopper"]}
        self.files["namespace_metadata.json"] = json.dumps(names).encode()
        self.files["hopper/namespace_metadata.json"] = b"{}"
        self.asked: list[str] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        self.asked.append(f"{request.command} {request.path}")
        about = {"id": self.REPO, "sha": COMMIT, "siblings": [{"rfilename": f} for f in self.files]}
        content: bytes | None = None
        if path == "/api/datasets":
            content = json.dumps([about]).encode()
        elif path.startswith(f"/api/datasets/{self.REPO}/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": _etag(data)}
                for name, data in self.files.items()
            ]
            content = json.dumps(tree).encode()
        elif path.startswith(f"/api/datasets/{self.REPO}"):
            content = json.dumps(about).encode()
        elif path.startswith(f"/datasets/{self.REPO}/resolve/"):
            name = path.removeprefix(f"/datasets/{self.REPO}/resolve/").partition("/")[2]
            content = self.files.get(name)
        request.send_response(404 if content is None else 200)
        if content is None:
            request.send_header("X-Error-Code", "EntryNotFound")
            content = b"{}"
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.send_header("ETag", f'"{_etag(content)}"')
        request.send_header("X-Repo-Commit", COMMIT)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content)


def _etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
