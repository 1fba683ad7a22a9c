"""What counts as other source of a run, and what does not, in a small project."""

from __future__ import annotations

import re

import pytest

from bench.records.source_hash import Tree, changed, tree_hash

IQL = "iql.iql"
PROJECT = {
    "bench/__init__.py": "",
    "bench/train.py": '''"""The run."""
from bench import methods, nets, off_policy, on_policy
from bench.engine import run, warm as warm_up
from bench.errors import BenchError

def train(settings: str, online: bool = False) -> None:
    """Train."""
    kind = on_policy if online else off_policy
    if not settings:
        raise BenchError(f"{settings}: empty; give some.")
    print(f"training {settings}")
    net = nets.MLP(nets.WIDTH)
    warm_up(net)
    kind.begin(run(methods.load(settings), net))
''',
    "bench/engine.py": """import numpy as np
from bench.nets import MLP

def warm(net: MLP) -> None:
    net(np.zeros(3))

def run(method, net, rate=3e-4):
    for step in range(10):
        method.update(net, rate * step)
    return net

def profile(net):
    return np.mean(net.times)
""",
    "bench/nets.py": """import torch

WIDTH = 64

class MLP(torch.nn.Module):
    def __init__(self, width):
        self.layer = torch.nn.Linear(width, width)
""",
    "bench/off_policy.py": "import torch\n\ndef begin(net):\n    return torch.exp(net)\n",
    "bench/on_policy.py": "import torch\n\ndef begin(net):\n    return torch.log(net)\n",
    "bench/maze.py": """import gymnasium

class Maze(gymnasium.Env):
    goal = (1, 2)

gymnasium.register("Maze-v0", entry_point="bench.maze:Maze", max_episode_steps=600)
""",
    "bench/methods.py": 'METHODS = {"iql": "iql.iql"}\n\ndef load(name): return METHODS[name]\n',
    "bench/errors.py": "class BenchError(Exception):\n    pass\n",
    "iql/iql.py": """from bench.nets import WIDTH
from baselines.bc import act

def loss(difference, expectile=0.7):
    return expectile * difference + WIDTH

def update(net, rate):
    net.descend(loss(rate))
    net.track()
""",
    "baselines/bc.py": "import torch\n\ndef act(net):\n    return torch.tanh(net)\n",
}
Edit = tuple[str, str, str]  # file, old text, new text


def edited(*edits: Edit, files: dict[str, str] | None = None) -> Tree:
    """The small project after some edits, with further files."""
    texts = PROJECT | (files or {})
    for file, old, new in edits:
        assert old in texts[file], f"{file}: {old}"
        texts[file] = texts[file].replace(old, new)
    return Tree(texts)


def moved(*modules: tuple[str, str]) -> Tree:
    """Modules get other names, wherever they are named."""
    texts = dict(PROJECT)
    for old, new in modules:
        package, _, name = new.rpartition(".")
        for file, text in texts.items():
            short = old.removeprefix("bench.")
            if re.search(rf"from bench import .*\b{short}\b", text):
                text = re.sub(rf"\b{short}, ", "", text, count=1)
                text = f"from {package} import {name} as {short}\n{text}"
            texts[file] = re.sub(rf"\b{re.escape(old)}\b", new, text)
        texts[f"{new.replace('.', '/')}.py"] = texts.pop(f"{old.replace('.', '/')}.py")
    return Tree(texts)


SAME = {
    "comment": edited(("bench/nets.py", "WIDTH = 64", "# One comment.\nWIDTH = 64  # another")),
    "docstring": edited(("bench/train.py", '"""Train."""', '"""Run the updates."""')),
    "docstring of a module": edited(("bench/train.py", '"""The run."""\n', "")),
    "error": edited(("bench/train.py", 'f"{settings}: empty; give some."', '"Nothing to train."')),
    "print": edited(("bench/train.py", "training {settings}", "{settings} begins")),
    "annotation": edited(("bench/train.py", "(settings: str, ", "(settings, ")),
    "order of imports": edited(
        (
            "iql/iql.py",
            "from bench.nets import WIDTH\nfrom baselines.bc import act\n",
            "from baselines.bc import act\nfrom bench.nets import WIDTH\n",
        )
    ),
    "import of a module instead of a name": edited(
        ("iql/iql.py", "from bench.nets import WIDTH", "import bench.nets"),
        ("iql/iql.py", "+ WIDTH", "+ bench.nets.WIDTH"),
    ),
    "import by another name": edited(
        ("bench/train.py", "warm as warm_up", "warm as begin"),
        ("bench/train.py", "warm_up(", "begin("),
    ),
    "library by another name": edited(
        ("bench/engine.py", "import numpy as np", "from numpy import zeros, mean"),
        ("bench/engine.py", "np.zeros", "zeros"),
        ("bench/engine.py", "np.mean", "mean"),
    ),
    "local variable with the name of a module": edited(
        ("bench/engine.py", "import numpy", "from bench import nets as step\nimport numpy")
    ),
    "order of definitions": edited(
        ("bench/nets.py", "WIDTH = 64\n", ""),
        ("bench/nets.py", "width, width)\n", "width, width)\n\nWIDTH = 64\n"),
    ),
    "modules moved": moved(("bench.nets", "bench.learning.nets"), ("bench.engine", "bench.record")),
    "environment moved": moved(("bench.maze", "bench.environments.stitch")),
    "training moved": moved(("bench.train", "bench.training.train")),
    "definition moved": edited(
        ("bench/nets.py", "WIDTH = 64\n", ""),
        ("iql/iql.py", "bench.nets", "bench.sizes"),
        ("bench/train.py", "nets.WIDTH", "sizes.WIDTH"),
        ("bench/train.py", "from bench import ", "from bench import sizes, "),
        files={"bench/sizes.py": "import torch\n\nWIDTH = 64\n"},
    ),
    "method added": edited(("bench/methods.py", '"iql.iql"', '"iql.iql", "new": "iql.new"')),
    "what no run uses": edited(("bench/engine.py", "np.mean(net.times)", "np.max(net.times)")),
    "what no run uses has a local variable called range": edited(
        ("bench/engine.py", "return np.mean", "range = np\n    return range.mean")
    ),
    "type checker's import": edited(
        ("iql/iql.py", "def loss", "if TYPE_CHECKING:\n    from iql.other import X\n\ndef loss"),
        files={"iql/other.py": "import torch\n\nprint(torch.cuda)\n"},
    ),
}  # fmt: skip
OTHER = {
    "constant": (("bench/nets.py", "WIDTH = 64", "WIDTH = 65"),),
    "operator": (("iql/iql.py", "* difference +", "* difference -"),),
    "default": (("bench/engine.py", "rate=3e-4", "rate=1e-3"),),
    "order of calls": (
        ("iql/iql.py", "    net.track()\n", ""),
        ("iql/iql.py", "    net.descend", "    net.track()\n    net.descend"),
    ),
    "name of a function": (("iql/iql.py", "loss(", "value_loss("),),
    "another function": (("bench/off_policy.py", "torch.exp", "torch.expm1"),),
    "part of a class": (("bench/nets.py", "Linear(width, width)", "Linear(width, 2)"),),
    "condition of an error": (("bench/train.py", "if not settings", "if settings"),),
    "setting of an environment": (("bench/maze.py", "steps=600", "steps=9"),),
    "environment": (("bench/maze.py", "goal = (1, 2)", "goal = (1, 3)"),),
    "another package": (("baselines/bc.py", "tanh", "sin"),),
    "which library": (("bench/off_policy.py", "import torch", "import numpy as torch"),),
    "which kind of phase": (
        (
            "bench/train.py",
            "= on_policy if online else off_policy",
            "= off_policy if online else on_policy",
        ),
    ),
    "which of two with one name": (("bench/train.py", "kind.begin", "off_policy.begin"),),
}  # fmt: skip


@pytest.mark.parametrize("tree", SAME.values(), ids=SAME)
def test_what_does_not_count(tree: Tree) -> None:
    assert tree.texts != PROJECT
    assert changed(Tree(PROJECT), tree, IQL) == []
    assert tree_hash(tree, IQL) == tree_hash(Tree(PROJECT), IQL)


@pytest.mark.parametrize("edits", OTHER.values(), ids=OTHER)
def test_what_counts(edits: tuple[Edit, ...]) -> None:
    tree = edited(*edits)
    assert tree_hash(tree, IQL) != tree_hash(Tree(PROJECT), IQL)
    assert changed(Tree(PROJECT), tree, IQL) == [edits[0][0]]


def test_of_two_definitions_with_one_name_it_counts_which_is_imported() -> None:
    """Both are used, and the call reads the same."""
    line = "from bench.on_policy import begin\non_policy.begin(off_policy.begin(begin(1)))\n"
    one = edited(("bench/train.py", "from bench.errors", f"{line}from bench.errors"))
    text = one.texts["bench/train.py"].replace("bench.on_policy import", "bench.off_policy import")
    other = Tree({**one.texts, "bench/train.py": text})
    assert tree_hash(one, IQL) != tree_hash(other, IQL)
    assert changed(one, other, IQL) == ["bench/train.py"]


def test_a_definition_that_is_gone_is_named_with_its_file() -> None:
    tree = edited(("iql/iql.py", "from baselines.bc import act\n", ""))
    assert changed(Tree(PROJECT), tree, IQL) == ["removed in baselines/bc.py"]


def test_a_function_that_imports_is_followed() -> None:
    late = ("iql/iql.py", "    net.track()", "    from baselines.late import f\n    net.track(f())")
    one, other = (
        edited(late, files={"baselines/late.py": f"import torch\ndef f(): return {value}\n"})
        for value in (1, 2)
    )
    assert changed(one, other, IQL) == ["baselines/late.py"]


def test_a_changed_definition_that_has_moved_is_not_gone() -> None:
    sizes = {"bench/sizes.py": "import torch\n\nWIDTH = 65\n"}
    tree = edited(
        ("bench/nets.py", "WIDTH = 64\n", ""),
        ("bench/train.py", "nets.WIDTH", "sizes.WIDTH"),
        ("bench/train.py", "import methods", "import sizes, methods"),
        ("iql/iql.py", "bench.nets", "bench.sizes"),
        files=sizes,
    )
    assert changed(Tree(PROJECT), tree, IQL) == ["bench/sizes.py"]


def test_what_an_import_does_counts() -> None:
    line = ("bench/nets.py", "import torch", "import torch\nimport bench.setup")
    one, other = (
        edited(line, files={"bench/setup.py": f"import torch\n\ntorch.set_num_threads({n})\n"})
        for n in (1, 2)
    )
    assert changed(one, other, IQL) == ["bench/setup.py"]


def test_a_definition_is_followed_through_a_package_that_passes_it_on() -> None:
    files = {"bench/learning/__init__.py": "from bench.learning.loss import f\n"}
    use = ("bench/train.py", "kind.begin(", "from bench.learning import f\n    kind.begin(f(), ")
    one, other = (
        edited(
            use, files=files | {"bench/learning/loss.py": f"import torch\ndef f(): return {n}\n"}
        )
        for n in (1, 2)
    )
    assert changed(one, other, IQL) == ["bench/learning/loss.py"]
