"""The page on a project of one's own, followed to the letter outside the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from helpers.paths import ROOT

from bench.cli.project import new

PAGE = (ROOT / "docs/your-project.md").read_text()
MARK = "=== the next verb"
# In the page's order: what it writes or appends to a file, and commands.
STEP = re.compile(
    r"^(?:(Write|Append to) `([\w/.-]+)`[^`]*?:\n\n)?```(\w+)\n(.*?)```", re.MULTILINE | re.DOTALL
)


def test_the_page_is_followed(tmp_path: Path) -> None:
    steps = STEP.findall(PAGE)
    lines = [
        line for *_, language, block in steps if language == "sh" for line in block.splitlines()
    ]
    made, entered, *rest = [line.partition("#")[0].split() for line in lines]
    assert (made, entered) == (["python", "-m", "bench", "new", "my-project"], ["cd", "my-project"])
    project = tmp_path / "my-project"
    new(project)
    for verb, name, language, block in steps:
        path = project / name
        if language == "python":
            assert (project / "methods/my_method.py").read_text() == block
        elif language != "sh":
            assert path.exists() == (verb == "Append to")
            path.write_text((path.read_text() if path.exists() else "") + block)
    verbs = [words[3:] for words in rest if words[:3] == ["python", "-m", "bench"]]
    said = printed(project, "-c", in_one_process(verbs))
    first, checked, shown, narrow = said.split(f"{MARK}\n")[1:]
    assert "3 training jobs" in first
    assert len(re.findall(r"^yes ", checked, re.MULTILINE)) == 7
    assert "dataset: mine/hopper/first-v0" in shown
    assert "observations: standardised  # methods.yaml, my_method, locomotion: why" in shown
    assert "6 training jobs" in narrow
    (dry,) = [words for words in rest if words[0] == "snakemake"]
    planned = printed(project, "-m", *dry)
    assert re.search(r"^train +6$", planned, re.MULTILINE)
    assert "runs/my_method@learning_rate=0.01/example/0-4/run.json" in planned
    assert not (project / "results").exists()


def in_one_process(verbs: list[list[str]]) -> str:
    """Return a script that runs the verbs one after another, as `python -m bench VERB` does."""
    return (
        "import sys\nfrom bench.cli.main import main\n"
        f"for sys.argv[1:] in {verbs}:\n    print({MARK!r})\n    main()\n"
    )


def printed(folder: Path, *arguments: str) -> str:
    """Return what Python prints in the folder."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
