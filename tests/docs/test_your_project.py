"""The page on a user's project, followed to the letter outside the checkout."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.paths import ROOT
from helpers.warm_jobs import printed

PAGE = (ROOT / "docs/your-project.md").read_text()
# In the page's order: what it writes or appends to a file, and commands.
STEP = re.compile(
    r"^(?:(Write|Append to) `([\w/.-]+)`[^`]*?:\n\n)?```(\w+)\n(.*?)```", re.MULTILINE | re.DOTALL
)


def test_the_page_is_followed(tmp_path: Path) -> None:
    folder, said = tmp_path, []
    for verb, name, language, block in STEP.findall(PAGE):
        path = folder / name
        if language == "sh":
            said.append(printed(folder, "bash", "-ec", block))
            folder = tmp_path / "my-project"
        elif language == "python":
            assert (folder / "methods/my_method.py").read_text() == block
        else:
            assert path.exists() == (verb == "Append to")
            path.write_text((path.read_text() if path.exists() else "") + block)
    first, shown, narrow = said
    assert "3 training jobs" in first
    assert len(re.findall(r"^yes ", first, re.MULTILINE)) == 7
    assert "dataset: mine/hopper/first-v0" in shown
    assert "observations: standardised  # methods.yaml, my_method, locomotion: why" in shown
    assert "6 training jobs" in narrow
    assert re.search(r"^train +6$", narrow, re.MULTILINE)
    assert "runs/my_method@learning_rate=0.01/example/0-4/run.json" in narrow
    assert not (folder / "results").exists()
