"""CQL's two recipes for AntMaze: which suites run which, in the settings that they resolve to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT

from bench.claims.ledger import read
from bench.config.catalogue import Catalogue
from bench.records.layouts import open_results

# young-geng/CQL, issue 2: its options, and the defaults that it leaves as they are.
RECIPE: dict[str, Any] = {
    "rewards": "centred_times_10",  # --reward_scale=10.0 --reward_bias=-5.0
    "min_q_weight": 5.0,  # --cql.cql_min_q_weight=5.0
    "target_gap": 1.0,  # --cql.cql_lagrange=True --cql.cql_target_action_gap=0.2, times the weight
    "max_target_backup": True,  # --cql.cql_max_target_backup=True
    "orthogonal": True,  # --orthogonal_init=True
    "policy_learning_rate": 1e-4,  # --cql.policy_lr=1e-4
    "learning_rate": 3e-4,  # --cql.qf_lr=3e-4
    "clip_gap": -200.0,  # --cql.cql_clip_diff_min=-200
    "policy_hidden": [256, 256],  # --policy_arch='256-256'
    "hidden": [256, 256, 256],  # --qf_arch='256-256-256'
    "log_std_scaling": [0.0, -1.0],  # --policy_log_std_multiplier=0.0; model.py's offset
    "warm_start": 40_000,  # --bc_epochs=40, of 1,000 updates
    "initial_log_multiplier": 1.0,  # conservative_sac.py
    "samples": 10,  # conservative_sac.py, cql_n_actions
    "discount": 0.99,  # conservative_sac.py
    "polyak": 0.005,  # conservative_sac.py, soft_target_update_rate
    "backup_entropy": False,  # conservative_sac.py
    "log_std_min": -20.0,  # model.py
    "action_limit": 0.999,  # conservative_sac_main.py, clip_action
}
# aviralkumar2907/CQL: README.md, d4rl/examples/cql_antmaze_new.py. Suites of another size set
# widths, rates, weights of the Lagrange and shares of imitation themselves.
AUTHORS: dict[str, Any] = {
    "rewards": "centred_times_4",
    "min_q_weight": 5.0,
    "max_target_backup": False,
    "orthogonal": False,
    "clip_gap": None,
    "log_std_scaling": None,
    "initial_log_multiplier": 0.0,
    "log_std_min": -5.0,
    "action_limit": 1.0,
    "backup_entropy": False,
}
SCALED = ("min_q_weight", "target_gap", "hidden", "policy_hidden", "learning_rate")
SCALED += ("policy_learning_rate", "warm_start", "polyak")


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.chdir(ROOT)
    return Catalogue()


def resolved(catalogue: Catalogue, name: str, method: str, family: str) -> list[dict[str, Any]]:
    """The settings of a method on each of a suite's tasks of a family, defaults included."""
    suite = catalogue.read_suite(Path(f"config/{name}.yaml"))
    fields = catalogue.schemas[method]["properties"].items()
    default = {key: field["default"] for key, field in fields}
    found = []
    for task in suite.tasks:
        if catalogue.tasks[task].family == family:
            cell = catalogue.settings(suite, method, task, suite.seeds)
            found.append(default | cell.config | {"rewards": cell.rewards})
    assert found
    return found


@pytest.mark.parametrize("suite", ["paper", "paper-finetune", "extended"])
def test_cql_on_d4rls_antmaze_is_the_recipe(suite: str, catalogue: Catalogue) -> None:
    for settings in resolved(catalogue, suite, "cql", "antmaze"):
        assert settings == RECIPE


def test_the_presets_hold_both(catalogue: Catalogue) -> None:
    [authors] = resolved(catalogue, "presets", "cql", "pointmaze")
    assert {key: authors[key] for key in AUTHORS} == AUTHORS
    [recipe] = resolved(catalogue, "presets", "cql_antmaze", "pointmaze")
    own = {key: value for key, value in RECIPE.items() if key not in SCALED}
    assert {key: recipe[key] for key in own} == own
    layer = catalogue.methods["cql_antmaze"].families["pointmaze"]
    assert layer.config == catalogue.methods["cql"].families["antmaze"].config


@pytest.mark.parametrize("suite", ["local", "finetune", "baselines", "presets"])
def test_a_published_suite_still_gives_the_settings_of_its_runs(
    suite: str, catalogue: Catalogue
) -> None:
    """What ran is in its record; the YAML must not silently mean something else now."""
    runs = open_results(Path("results/published") / suite).runs
    seen = 0
    for run in runs.values():
        record = run.record()
        was = record["settings"]
        if was["method"] not in ("cql", "cql_antmaze"):
            continue
        now = resolved(catalogue, suite, was["method"], was["task"]["family"])
        assert record["config"] | {"rewards": was["rewards"]} in now
        seen += 1
    assert seen


def test_claims_about_cql_are_about_the_method_with_the_recipe(catalogue: Catalogue) -> None:
    claims = read(catalogue).claims
    parts = [claim.model_dump() for claim in claims]
    named = {m for claim in parts for key in ("methods", "against") for m in claim.get(key, ())}
    named |= {claim[key] for claim in parts for key in ("method", "rival") if key in claim}
    assert [name for name in sorted(named) if name.startswith("cql")] == ["cql"]


def test_the_recipe_is_told_where_the_paper_has_cells(catalogue: Catalogue) -> None:
    families = catalogue.methods["cql"].families
    assert [name for name, layer in families.items() if layer.published] == ["antmaze"]
    assert "believed" in (families["antmaze"].published or "")
