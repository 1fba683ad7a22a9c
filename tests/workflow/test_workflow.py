"""The workflow through the real `snakemake`, on real MuJoCo, at a tiny size."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pypdfium2
import pytest
from helpers.paths import ROOT
from helpers.workflow_project import Project

from bench.config.catalogue import Catalogue
from bench.publishing import verification
from bench.records.layouts import open_results
from bench.report.markup import rst_captions

# Free text of a suite is shown to readers; no shell, template or script may read it.
HOSTILE = """x"'; touch OWNED; $(touch OWNED) `touch OWNED` # {rows} {wildcards} {{x}} <!-- <script>
touch OWNED"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"))
    project.suite["maps"] = {"tasks": ["pointmaze-large-stitch"], "methods": ["iql", "bc"]}
    project.suite["description"] = HOSTILE
    project.suite["overrides"][0]["reason"] = HOSTILE
    # So that what comes with the code has the same place when a copy of the code is used.
    (project.folder / "results").mkdir()
    (project.folder / "results/published").symlink_to(ROOT / "results/published")
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reports/tiny.pdf" in done.stdout + done.stderr
    assert re.search(r"\d+ of \d+ jobs, about", done.stdout)  # the lines of progress
    return project


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two of its methods collected and trained anew, up to their scores."""
    project = Project(tmp_path_factory.mktemp("repeated"))
    project.suite |= {"methods": ["iql", "bc"]}
    done = project.snakemake("results/tiny/scores.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_every_run_is_in_the_scores(project: Project) -> None:
    scores = pd.read_csv(project.folder / "results/tiny/scores.csv")
    suite = project.suite
    assert list(scores.columns) == [
        "suite", "task", "method", "seed", "phase", "step", "return_mean", "return_std", "score",
        "episodes",
    ]  # fmt: skip
    expected = pd.MultiIndex.from_product([suite["tasks"], suite["methods"], [0, 1, 2], [40, 60]])
    index = pd.MultiIndex.from_frame(scores[["task", "method", "seed", "step"]])
    assert set(index) == set(expected)
    assert len(scores) == len(expected)
    assert np.isfinite(scores[["return_mean", "score"]]).all(axis=None)


def test_scores_come_from_the_recorded_episodes(project: Project) -> None:
    """One score recomputed by hand from its episodes and D4RL's reference returns."""
    folder = project.folder / "results/tiny"
    run = folder / "runs/iql/hopper-medium-replay/0-2/evaluations.csv"
    episodes = pd.read_csv(run).query("seed == 1 and step == 60")
    assert len(episodes) == 2
    expected = 100 * (episodes["return"].mean() + 20.272305) / (3234.3 + 20.272305)
    rows = pd.read_csv(folder / "scores.csv").query(
        "task == 'hopper-medium-replay' and method == 'iql' and seed == 1 and step == 60"
    )
    assert rows.score.item() == pytest.approx(expected, abs=1e-4)


def test_no_text_of_a_suite_is_executed(project: Project) -> None:
    assert list(project.folder.rglob("OWNED")) == []
    page = (project.folder / "reports/tiny.html").read_text()
    assert "&lt;!-- &lt;script&gt;" in page
    assert "{rows} {wildcards} {{x}}" in page


def test_the_pdf_opens_and_no_page_is_blank(project: Project) -> None:
    document = pypdfium2.PdfDocument(project.folder / "reports/tiny.pdf")
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    assert project.suite["title"] in text
    for label in ("IQL", "TD3+BC", "10%BC"):
        assert label in text
    for page in document:
        pixels = page.render(scale=1.5).to_numpy()
        assert (pixels < 128).mean() > 0.001


def test_snakemakes_own_report_has_every_figure_and_table(project: Project) -> None:
    done = project.snakemake("--report", "report.html")
    assert done.returncode == 0, done.stderr
    text = (project.folder / "report.html").read_text()
    made = project.folder / "reports/tiny"
    figures = [path.stem for path in (made / "figures").glob("*.svg")]
    tables = [path.stem for path in (made / "tables").glob("*.csv")]
    assert len(figures) > 3
    assert len(tables) > 5
    captions = rst_captions(made / "report.json")
    assert set(captions) == set(figures)
    for caption in captions.values():
        title = caption.split("**")[1]
        assert f"<strong>{title}</strong>" in text
    for name in tables:
        assert f"Table <em>{name}</em>" in text


def test_repeating_does_nothing(project: Project) -> None:
    done = project.snakemake()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def test_one_setting_repeats_only_what_depends_on_it(project: Project) -> None:
    before = project.suite["overrides"]
    tasks = len(project.suite["tasks"])
    change = {"methods": ["td3_bc"], "config": {"alpha": 1.0}, "reason": "a test"}
    try:
        project.suite["overrides"] = [*before, change]
        planned = project.planned()
        assert planned["train"] == tasks
        assert set(planned) <= {"train", "statistics", "claims", "report", "all", "everything"}
        project.suite["overrides"] = [{**before[0], "reason": "another sentence"}]
        planned = project.planned()
        assert "train" not in planned
        assert planned["report"] == 1
    finally:
        project.suite["overrides"] = before
    assert "train" not in project.planned()


LAST = {"report", "everything"}
LABEL = ("config/methods.yaml", "label: TD3+BC", "label: TD3 and BC")
SETTINGS_SOURCE = (
    "config/methods.yaml",
    "sfujim/TD3_BC: main.py, utils.py",
    "the same, cited anew",
)
TASK_SOURCE = ("config/tasks.tsv", "d4rl/infos.py", "d4rl/elsewhere.py")
REFERENCE = ("config/tasks.tsv", "3234.3", "3235.3")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (SETTINGS_SOURCE, LAST),
        (TASK_SOURCE, LAST),
        (LABEL, LAST),
        (REFERENCE, {"statistics", "claims", *LAST}),
        (("config/published/table2.csv", "believed", "printed"), {"claims", *LAST}),
    ],
)
def test_what_is_read_late_repeats_no_training(
    project: Project, change: tuple[str, str, str], expected: set[str]
) -> None:
    path, old, new = project.folder / change[0], *change[1:]
    before = path.read_text()
    assert old in before
    try:
        path.write_text(before.replace(old, new))
        assert set(project.planned()) == expected
    finally:
        path.write_text(before)


def test_files_written_anew_with_the_same_content_repeat_nothing(project: Project) -> None:
    for path in (project.folder / "config").rglob("*.*"):
        path.write_bytes(path.read_bytes())
    assert not project.planned()


def test_a_comment_in_the_code_repeats_nothing(project: Project) -> None:
    copy = shutil.copytree(ROOT / "bench", project.folder / "bench")
    try:
        path = copy / "learning/learner.py"
        path.write_text(path.read_text() + "# A comment.\n")
        assert not project.planned()
    finally:
        shutil.rmtree(copy)


def test_a_record_has_its_task_s_row_beside_what_decides_the_run(project: Project) -> None:
    path = project.folder / "results/tiny/runs/iql/hopper-medium-replay/0-2/run.json"
    run = json.loads(path.read_text())
    assert "ref_min_score" not in run["settings"]["task"]
    assert run["task"]["ref_min_score"] == pytest.approx(-20.272305)
    assert run["task"]["dataset"] == "local/hopper/medium-replay-4k-v1"


def test_a_new_collection_and_training_give_the_same_bytes(
    project: Project, repeated: Project
) -> None:
    first, second = (p.folder / "results/tiny/scores.csv" for p in (project, repeated))
    lines = first.read_text().splitlines()
    of_both = [line for line in lines if line.split(",")[2] in ("method", "iql", "bc")]
    assert second.read_text().splitlines() == of_both


def test_what_ran_is_verified_and_every_changed_byte_is_found(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    folder, known, rng = Path("results/tiny"), Catalogue(), random.Random(0)
    assert verification.suite(folder, known) == []
    for path in sorted(folder.rglob("*.*")):
        if path.name.startswith("."):  # a lock
            continue
        content = path.read_bytes()
        place = rng.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert open_results(folder).refused or verification.suite(folder, known), path
        path.write_bytes(content)


def test_a_repeated_job_writes_a_finished_run_again_to_the_byte(project: Project) -> None:
    run = project.folder / "results/tiny/runs/bc/pointmaze-large-stitch/0-2"
    before = {path.name: path.read_bytes() for path in run.glob("[a-z]*")}  # not the lock
    record = str((run / "run.json").relative_to(project.folder))
    done = project.snakemake("--force", record)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name: path.read_bytes() for path in run.glob("[a-z]*")} == before


def test_maps_trace_their_runs_and_repeat_no_training(project: Project) -> None:
    maps = project.suite["maps"]
    try:
        project.suite["maps"] = maps | {"methods": [*maps["methods"], "bc10"]}
        planned = project.planned()
        assert planned["trace"] == 1
        assert "train" not in planned
    finally:
        project.suite["maps"] = maps
    assert len(list(project.folder.rglob("trace.safetensors"))) == 2
    figures = {path.stem for path in (project.folder / "reports/tiny/figures").glob("*.svg")}
    assert {"trajectories", "stitching"} <= figures


def test_a_wrong_name_stops_before_any_job(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite["tasks"] = ["hopper-medium-expret"]
    done = project.snakemake()
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "config/tiny.yaml: unknown task 'hopper-medium-expret'" in output
    assert "did you mean 'hopper-medium-expert'?" in output
    assert not (tmp_path / "data").exists()


def test_a_bad_dataset_stops_all_training_and_keeps_finished_runs(repeated: Project) -> None:
    runs = repeated.folder / "results/tiny/runs"
    kept = runs / "bc/pointmaze-large-stitch/0-2/run.json"
    finished = kept.read_bytes()
    table = repeated.folder / "config/tasks.tsv"
    row = "mine\tpointmaze\tbench.maze:PointMazeStitch-v0\tlocal/mine-v0\tnone\t0\t1\ttrue\tme\n"
    table.write_text(table.read_text() + row)
    repeated.suite |= {"tasks": ["pointmaze-large-stitch", "mine"], "methods": ["bc", "awac"]}
    assert repeated.planned()["train"] == 3
    done = repeated.run("bench run")
    assert done.returncode == 2
    assert "error: data/minari/local/mine-v0: no Minari dataset there" in done.stderr
    assert "Traceback" not in done.stderr
    assert kept.read_bytes() == finished
    assert not (runs / "awac").exists()
