"""What a project adds to ours: tasks, settings and methods, each refused where it clashes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from helpers.own_project import begin, forget
from helpers.projects import one_sentence

from bench.config import registry
from bench.config.catalogue import Catalogue
from bench.config.task_table import read_tasks
from bench.config.types import Suite
from bench.errors import BenchError
from bench.paths import SHIPPED, shipped, suite_file

METHOD = Path("methods/my_method.py")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, the current folder."""
    return begin(tmp_path / "project", monkeypatch)


def refused(settings: str = "") -> str:
    """The sentence with which the suite is refused."""
    if settings:
        Path("methods.yaml").write_text(settings)
    with pytest.raises(BenchError) as failure:
        Catalogue().read_suite(Path("suite.yaml"))
    return one_sentence(failure.value)


@pytest.mark.usefixtures("project")
def test_its_suite_has_its_task_its_method_and_ours() -> None:
    catalogue = Catalogue()
    suite = catalogue.read_suite(Path("suite.yaml"))
    assert suite.methods == ("iql", "bc", "my_method")
    cell = catalogue.settings(suite, "my_method", "example", (0,))
    assert cell.config == {"hidden": [64, 64], "learning_rate": 1e-3}
    assert cell.task.dataset == "mine/hopper/example-20k-v0"
    assert {"example", "hopper-medium-v2"} <= set(catalogue.tasks)
    assert Suite.model_validate(suite.model_dump(mode="json")) == suite  # as the workflow passes it


@pytest.mark.usefixtures("project")
def test_what_it_lacks_is_read_where_the_code_is() -> None:
    assert Catalogue().read_suite(Path("config/quick.yaml")).suite == "quick"
    assert shipped(Path("config/tasks.tsv")) == SHIPPED / "config/tasks.tsv"
    assert shipped(Path("suite.yaml")) == Path("suite.yaml")
    assert shipped(Path("config/absent.yaml")) == Path("config/absent.yaml")
    with pytest.raises(BenchError, match=r"^config/absent.yaml: file not found"):
        Catalogue().read_suite(Path("config/absent.yaml"))


@pytest.mark.usefixtures("project")
def test_a_report_names_the_file_of_its_suite() -> None:
    Path("narrow.yaml").touch()
    found = {name: str(suite_file(name)) for name in ("quick", "narrow", "first")}
    assert found == {"quick": "config/quick.yaml", "narrow": "narrow.yaml", "first": "suite.yaml"}


@pytest.mark.usefixtures("project")
def test_a_task_of_our_name_is_refused_with_both_files() -> None:
    table = Path("tasks.tsv")
    table.write_text(table.read_text().replace("example\t", "hopper-medium\t"))
    with pytest.raises(BenchError) as failure:
        read_tasks()
    assert one_sentence(failure.value) == (
        "tasks.tsv: task 'hopper-medium' is in config/tasks.tsv too; rename or remove one."
    )
    row = table.read_text().splitlines()[-1].replace("hopper-medium\t", "twice\t")
    table.write_text(table.read_text().replace("hopper-medium\t", "twice\t") + row + "\n")
    with pytest.raises(BenchError, match=r"^tasks.tsv: task 'twice' is given twice"):
        read_tasks()


@pytest.mark.usefixtures("project")
def test_settings_of_its_own_are_checked_like_ours() -> None:
    entry = {"label": "Mine", "reference": "me", "families": {"locomotion": {"source": "me"}}}
    assert "methods.yaml: method 'iql' is in config/methods.yaml too" in refused(
        yaml.safe_dump({"iql": entry})
    )
    assert "methods.yaml: unknown method 'my_methid'; did you mean 'my_method'?" in refused(
        yaml.safe_dump({"my_methid": entry})
    )
    entry["families"] = {"locomotion": {"source": "me", "config": {"hiden": [8]}}}
    said = refused(yaml.safe_dump({"my_method": entry}))
    assert "methods.yaml, my_method, families, locomotion, config" in said
    assert "did you mean 'hidden'?" in said
    entry["families"] = {"flying": {"source": "me"}}
    assert "unknown family 'flying'" in refused(yaml.safe_dump({"my_method": entry}))
    entry["families"] = {"locomotion": {"source": "me", "observations": "standardised"}}
    Path("methods.yaml").write_text(yaml.safe_dump({"my_method": entry}))
    catalogue = Catalogue()
    suite = catalogue.read_suite(Path("suite.yaml"))
    assert catalogue.methods["my_method"].label == "Mine"
    origins = catalogue.origins(suite, "my_method", "example", "suite.yaml")
    assert origins["task"] == "tasks.tsv"
    assert origins["observations"] == "methods.yaml, my_method, locomotion: me"


@pytest.mark.usefixtures("project")
def test_a_setting_that_its_method_lacks_is_refused_before_anything_runs() -> None:
    suite = Path("suite.yaml")
    suite.write_text(suite.read_text().replace("my_method]", "my_method@wdith=3]"))
    assert "suite.yaml, methods, my_method@wdith=3, config: unknown my_method setting" in refused()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def act(", "def acts(", "my_method.py: act is missing"),
        ("class Config:", "class Settings:", "cannot be imported (NameError"),
        ("def init(", "def init(:", "my_method.py: not valid Python (invalid syntax"),
        ("from bench.learning.streams", "from bench.learnt.streams", "No module named"),
    ],
)
def test_a_method_that_cannot_be_used_is_a_sentence(old: str, new: str, said: str) -> None:
    text = METHOD.read_text()
    assert old in text
    METHOD.write_text(text.replace(old, new).replace("annotations", "division"))
    assert said in refused()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ["../my_method", "methods.my_method", "os", "my-method", "absent"])
def test_only_a_file_in_methods_is_a_method(name: str) -> None:
    Path("my_method.py").write_text("raise SystemExit")
    assert registry.own_file(name) is None
    assert not registry.is_known(name)


@pytest.mark.usefixtures("project")
def test_a_method_is_read_before_it_is_executed() -> None:
    METHOD.write_text("raise RuntimeError('executed')\ndef explore(): pass\n")
    assert registry.known()[-1] == "my_method"
    assert registry.entry_of("my_method").fine_tunes
    assert Catalogue().methods.keys() == registry.METHODS.keys()
    assert "RuntimeError: executed" in refused()


NAMED = {"label": "Mine", "reference": "me"}


@pytest.mark.usefixtures("project")
def test_a_method_may_be_a_module_elsewhere_in_the_folder() -> None:
    Path("lab/agents").mkdir(parents=True)
    METHOD.rename("lab/agents/td7.py")
    named = {"my_method": NAMED | {"module": "lab.agents.td7"}}
    Path("methods.yaml").write_text(yaml.safe_dump(named))
    catalogue = Catalogue()
    suite = catalogue.read_suite(Path("suite.yaml"))
    assert catalogue.methods["my_method"].label == "Mine"
    assert catalogue.settings(suite, "my_method", "example", (0,)).config["hidden"] == [64, 64]
    assert registry.known()[-1] == "my_method"
    assert registry.load("my_method").__file__ == str(Path("lab/agents/td7.py").resolve())
    METHOD.write_text("")
    assert "methods.yaml, my_method, module: methods/my_method.py is there too" in refused()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("name", "key", "value", "said"),
    [
        ("td7", "module", "lab.td7", "no file of this folder is lab.td7"),
        ("td7", "module", "os", "no file of this folder is os"),
        ("td7", "module", "../lab", "methods.yaml, td7: module: '../lab' does not fit"),
        ("td7", "module", "/x.py", "methods.yaml, td7: module: '/x.py' does not fit"),
        ("td7", "online_only", True, "unknown method 'td7'"),
        ("my_method", "online_only", True, "explore is missing; a method that methods.yaml calls"),
    ],
)
def test_a_module_that_is_no_file_of_the_folder_is_refused(
    name: str, key: str, value: object, said: str
) -> None:
    assert said in refused(yaml.safe_dump({name: NAMED | {key: value}}))


@pytest.mark.usefixtures("project")
def test_a_method_may_learn_from_its_own_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    METHOD.write_text("from baselines.sac import Config, State, act, explore, init, update\n")
    Path("methods.yaml").write_text(yaml.safe_dump({"my_method": NAMED | {"online_only": True}}))
    with pytest.raises(BenchError, match="my_method learns only from its own steps, but example"):
        Catalogue().read_suite(Path("suite.yaml"))
    raw = yaml.safe_load(Path("suite.yaml").read_text())
    raw |= {"methods": ["iql", "my_method"], "online": {"steps": 500, "every": 500, "episodes": 2}}
    raw |= {"baseline": "iql", "overrides": []}
    catalogue = Catalogue()
    suite = catalogue.suite(raw, "suite.yaml")
    cell = catalogue.settings(suite, "my_method", "example", (0,))
    assert (cell.updates, suite.updates_of("my_method"), suite.updates_of("iql")) == (0, 0, 2000)
    forget(monkeypatch)
    METHOD.write_text(METHOD.read_text().replace("explore", "collect").replace("sac", "ppo"))
    Path("methods.yaml").write_text(yaml.safe_dump({"my_method": NAMED}))
    assert "collect: a method that learns on-policy sees no data; write" in refused()
