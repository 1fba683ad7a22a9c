"""What a suite says of the online phase, and what it may not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.projects import METHODS, MINIMAL, ROOT, one_sentence, suite_of, write_project

from bench.config.catalogue import Catalogue
from bench.config.types import Online, Settings
from bench.errors import BenchError

ONLINE = {"steps": 100, "every": 50, "episodes": 2}
FAMILIES = {f: {"source": "a file"} for f in ("locomotion", "pointmaze")}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    content = METHODS | {
        name: {"label": name, "reference": "a paper", "families": FAMILIES}
        for name in ("sac", "sac_iql", "cal_ql")
    }
    layers = {f: layer | {"fine_tuning": {"cosine_actor": False}}
              for f, layer in METHODS["iql"]["families"].items()}  # fmt: skip
    content["iql"] = METHODS["iql"] | {"families": layers}
    Path("config/methods.yaml").write_text(yaml.safe_dump(content))


def cell(method: str, task: str = "hopper-medium", **changes: Any) -> Settings:
    return Catalogue().settings(suite_of(**changes), method, task, (0,))


def test_a_suites_phase_reaches_every_run() -> None:
    settings = cell("iql", methods=["iql", "cal_ql"], online=ONLINE)
    assert settings.online == Online(**ONLINE)
    assert settings.online.buffer == 2_000_000  # the authors' replay_buffer_size
    assert settings.updates == 100


def test_a_phase_brings_its_sourced_settings() -> None:
    with_phase = cell("iql", methods=["iql"], online=ONLINE)
    assert with_phase.config["cosine_actor"] is False
    assert "cosine_actor" not in cell("iql").config
    own = [{"reason": "r", "config": {"cosine_actor": True}}]
    assert cell("iql", methods=["iql"], online=ONLINE, overrides=own).config["cosine_actor"] is True


def test_an_override_gives_a_phase_to_some() -> None:
    overrides = [
        {"reason": "r", "methods": ["iql"], "families": ["pointmaze"], "online": ONLINE},
    ]
    assert cell("iql", "pointmaze-large-stitch", overrides=overrides).online is not None
    assert cell("iql", overrides=overrides).online is None
    assert cell("bc", "pointmaze-large-stitch", overrides=overrides).online is None


def test_a_run_without_a_phase_does_not_mention_one() -> None:
    """So that the runs that were there before need not be repeated."""
    assert "online" not in cell("iql").model_dump()
    assert '"online"' not in cell("iql").model_dump_json()
    with_phase = cell("iql", methods=["iql"], online=ONLINE)
    assert Settings.model_validate_json(with_phase.model_dump_json()) == with_phase
    # A setting of none is one, not left out.
    none = [{"reason": "r", "methods": ["cal_ql"], "config": {"target_gap": None}}]
    text = cell("cal_ql", methods=["cal_ql"], overrides=none).model_dump_json()
    assert '"target_gap":null' in text


def test_sac_has_no_offline_phase() -> None:
    suite = suite_of(methods=["sac", "iql", "sac_iql"], online=ONLINE)
    assert [suite.updates_of(m) for m in suite.methods] == [0, 100, 0]


BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no phase for sac": (
        {"methods": ["sac"]},
        ["online: sac learns only from its own steps", "set `online`"],
    ),
    "no phase for sac with another setting": (
        {"methods": ["sac@polyak=0.1"]},
        ["online: sac@polyak=0.1 learns only from its own steps"],
    ),
    "a method without one": (
        {"methods": ["iql", "bc"], "online": ONLINE},
        ["online: bc cannot have an online phase", "override"],
    ),
    "sac_iql alone": (
        {"methods": ["sac_iql"], "online": ONLINE},
        ["methods: sac_iql starts from the runs of iql", "add iql"],
    ),
    "steps": (
        {"methods": ["iql"], "online": ONLINE | {"steps": 120}},
        ["online.steps: 120 is not a multiple of log_every=50"],
    ),
    "every": (
        {"methods": ["iql"], "overrides": [{"reason": "r", "online": ONLINE | {"every": 20}}]},
        ["overrides, online.every: 20 is not a multiple of log_every=50"],
    ),
    "key": (
        {"methods": ["iql"], "online": ONLINE | {"episode": 1}},
        ["online: unknown key 'episode'", "did you mean 'episodes'?"],
    ),
    "no steps": ({"methods": ["iql"], "online": ONLINE | {"steps": 0}}, ["online.steps"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_phase_is_refused(case: str) -> None:
    changes, expected = BAD[case]
    with pytest.raises(BenchError) as caught:
        suite_of(**changes)
    text = one_sentence(caught.value)
    for part in ("tiny.yaml", *expected):
        assert part in text


def test_an_unknown_fine_tuning_setting_is_refused() -> None:
    content = yaml.safe_load(Path("config/methods.yaml").read_text())
    content["iql"]["families"]["pointmaze"]["fine_tuning"] = {"cosine_actr": False}
    Path("config/methods.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(BenchError, match=r"pointmaze, fine_tuning, config: unknown .*cosine_actor"):
        Catalogue()


def test_a_rollout_longer_than_the_online_phase_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any job: else it would be found after the offline phase."""
    monkeypatch.chdir(ROOT)
    content = MINIMAL | {"methods": ["ppo"], "online": {"steps": 2000, "every": 500, "episodes": 1}}
    with pytest.raises(BenchError, match=r"ppo, config: horizon is 2,048 but .* 2,000 steps"):
        Catalogue().suite(content, "tiny.yaml")
    fits = [{"reason": "r", "config": {"horizon": 2000}}]
    Catalogue().suite(content | {"overrides": fits}, "tiny.yaml")
    for horizon, minibatches in ((40, 21), (63, 32)):  # some of one step: no deviation, only NaN
        one = [{"reason": "r", "config": {"horizon": horizon, "minibatches": minibatches}}]
        with pytest.raises(BenchError, match=rf"minibatches is {minibatches} of a rollout of"):
            Catalogue().suite(content | {"overrides": one}, "tiny.yaml")
    two = [{"reason": "r", "config": {"horizon": 40, "minibatches": 20}}]
    Catalogue().suite(content | {"overrides": two}, "tiny.yaml")
