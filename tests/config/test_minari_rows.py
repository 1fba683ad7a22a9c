"""The rows of config/tasks.tsv for datasets of Minari's hub, none of which is downloaded here."""

from __future__ import annotations

import re

import pytest
from helpers.paths import ROOT

from bench.config.catalogue import Catalogue
from bench.environments import vector


def names() -> dict[str, str]:
    """Dataset -> task, for every row that Minari's hub provides."""
    tasks = Catalogue(ROOT / "config/tasks.tsv", ROOT / "config/methods.yaml").tasks
    return {t.dataset: name for name, t in tasks.items() if t.recipe == "minari"}


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dataset", ["antmaze/umaze-v1", "pointmaze/open-dense-v2"])
def test_mazes_score_the_share_of_steps_at_the_goal(dataset: str) -> None:
    row = Catalogue().tasks[names()[f"D4RL/{dataset}"]]
    env = vector.make(row.env_id)
    parts = vector.observation_parts(env, "here")
    assert list(parts) == ["achieved_goal", "desired_goal", "observation"]
    assert env.spec is not None
    assert (row.ref_min_score, row.ref_max_score) == (0, env.spec.max_episode_steps)
    env.close()


def test_the_documented_names_have_their_rows() -> None:
    """The table of config/README.md: names, and how many rows they have."""
    text = (ROOT / "config/README.md").read_text()
    found = re.findall(r"^\| `((?:D4RL|mujoco)/[^`]+)` \| (\d+) \|", text, re.MULTILINE)
    counts = {name.partition("{")[0]: int(count) for name, count in found}
    held = names()
    assert sum(counts.values()) == len(held) == 26
    for prefix, count in counts.items():
        assert sum(dataset.startswith(prefix) for dataset in held) == count, prefix
