"""The curves of a running job: a beginning of those of the finished one, at every moment."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest
import yaml
from helpers.projects import MINIMAL, write_project
from helpers.training_jobs import DATASET, place_data, random_data, settings

from bench.cli import watching
from bench.config.catalogue import Catalogue
from bench.errors import BenchError
from bench.jobs import status
from bench.jobs.trackers import Tracked, by_step, load
from bench.paths import TRANSITIONS, RunFolder
from bench.progress import FOLDER
from bench.records.curves import Curves, finished_curves, last_return, live_curves
from bench.records.layouts import open_results
from bench.records.stored_run import FolderRun
from bench.training import loop
from bench.training.job_process import StopRequest
from bench.training.train import train

RUN = RunFolder(Path("results/tiny/runs/iql/hopper-medium/0-2"))


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    place_data(tmp_path, random_data())
    monkeypatch.setattr("bench.training.train.prepare_process", lambda *_: None)
    monkeypatch.setattr(StopRequest, "on_signals", StopRequest)
    suite = MINIMAL | {"methods": ["iql"], "updates": 40, "log_every": 10}
    suite["evaluation"] = {"every": 20, "episodes": 2}
    Path("tiny.yaml").write_text(yaml.safe_dump(suite))


def curves() -> Curves:
    return finished_curves(FolderRun(RUN.path)) if RUN.record.exists() else live_curves(RUN)


def run(**changes: Any) -> None:
    """Train 40 updates, logged every 10 and evaluated every 20, in this process."""
    given = {"seeds": [0, 1, 2], "updates": 40, "evaluation": {"every": 20, "episodes": 2}}
    cell = settings(**given | changes)
    train(cell, TRANSITIONS / DATASET, RUN.path, "cpu", 1, 1000.0)


def watched(monkeypatch: pytest.MonkeyPatch, stop_at: int = 1000) -> list[Curves]:
    """The curves as a watcher sees them after each log point and evaluation; ends after some."""
    seen: list[Curves] = []
    pause = loop.Work._pause

    def watch(work: loop.Work) -> None:
        if len(seen) == stop_at:
            work.stop.set()
        pause(work)
        seen.append(curves())

    monkeypatch.setattr(loop.Work, "_pause", watch)
    return seen


def begins(part: Curves, whole: Curves) -> bool:
    return all(whole[seed][: len(scalars)] == scalars for seed, scalars in part.items())


def test_every_moment_is_a_beginning_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched(monkeypatch)
    run()
    end = curves()
    assert not RUN.live.exists()
    assert len(seen) == 6  # four log points and two evaluations
    sizes = [len(part.get(0, ())) for part in seen]
    assert sizes == sorted(set(sizes))
    assert all(begins(part, end) for part in seen)
    assert seen[-1] == end
    assert last_return(seen[2]) == last_return(seen[3])
    step, phase, value = last_return(end) or (0, "", 0.0)
    returns = [v for s in range(3) for at, tag, v in end[s] if (at, tag) == (40, "offline/return")]
    assert (step, phase, value) == (40, "offline", pytest.approx(sum(returns) / 3))


def test_a_resumed_run_goes_on_in_the_same_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        seen = watched(patch, stop_at=2)
        with pytest.raises(SystemExit):
            run()
    before = curves()
    assert len(before[0]) > len(seen[-1][0])
    with open(RUN.live, "a") as file:
        file.write('{"phase": "offline", "st')  # cut by a kill
    seen = watched(monkeypatch)
    run()
    assert begins(before, seen[0])
    assert all(begins(part, curves()) for part in seen)
    assert seen[-1] == curves()
    assert not RUN.live.exists()


def test_a_run_with_other_settings_begins_anew() -> None:
    RUN.path.mkdir(parents=True)
    RUN.live.write_text('{"phase": "offline", "step": 10, "seed": 0, "loss": 7}\n')
    assert curves() == {0: [(10, "offline/loss", 7.0)]}
    run()
    assert "offline/loss" not in {tag for _, tag, _ in curves()[0]}


def test_a_full_disk_ends_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.training.live.open", full, raising=False)
    run()
    assert RUN.record.exists()


# --- who watches ----------------------------------------------------------------------


@pytest.fixture
def running() -> None:
    """A job at update 20 of 40 that has been evaluated once, as files say."""
    RUN.path.mkdir(parents=True)
    at: dict[str, Any] = {"phase": "offline"}
    rows = [at | {"step": n, "seed": s, "actor_loss": 0.5} for n in (10, 20) for s in range(3)]
    rows += [at | {"step": 20, "seed": s, "return": 40 + s} for s in range(3)]
    RUN.live.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    FOLDER.mkdir(parents=True)


@pytest.mark.usefixtures("running")
def test_status_has_the_newest_score() -> None:
    catalogue = Catalogue()
    suite = catalogue.read_suite(Path("tiny.yaml"))
    cell = catalogue.settings(suite, "iql", "hopper-medium", (0, 1, 2))
    report = {"unit": "updates", "done": 20, "total": 40, "rate": 5.0}
    live = {"tiny/iql/hopper-medium/0-2": report}
    job = status.job_of(cell, live, catalogue.tasks["hopper-medium"])
    [line] = [line for line in status.lines([job]) if line.startswith("iql ")]
    assert line.endswith("0:04 left; score 41.0 at offline step 20")


@pytest.mark.usefixtures("running")
def test_the_page_draws_running_jobs_and_reloads(capsys: pytest.CaptureFixture[str]) -> None:
    watching.curves(Path("tiny.yaml"))
    page = Path("reports/tiny-live.html").read_text()
    assert "hopper-medium: score" in page
    assert '"y":[41.0]' in page
    assert 'http-equiv="refresh"' not in page
    assert Path("reports/plotly.min.js").stat().st_size > 1e6
    assert "reports/tiny-live.html: 1 curves" in capsys.readouterr().out


@pytest.mark.usefixtures("running")
def test_a_tracker_is_given_each_value_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, Any]] = []
    fake: Any = ModuleType("trackio")
    fake.init = lambda **about: calls.append(("init", about))
    fake.log = lambda values, step: calls.append(("log", (step, values)))
    fake.finish = lambda: calls.append(("finish", None))
    monkeypatch.setitem(sys.modules, "trackio", fake)
    catalogue = Catalogue()
    tracked = Tracked(load("trackio"), catalogue.read_suite(Path("tiny.yaml")), catalogue)
    assert tracked.update(open_results(Path("results/tiny"))) == 9
    assert calls[0][1]["name"] == "iql/hopper-medium/0"
    assert calls[0][1]["config"]["updates"] == 40
    values = {"offline/actor_loss": 0.5, "offline/return": 40.0}
    assert calls[1:4] == [("log", (10, {"offline/actor_loss": 0.5})), ("log", (20, values)),
                          ("finish", None)]  # fmt: skip
    assert tracked.update(open_results(Path("results/tiny"))) == 0
    again = Tracked(load("trackio"), catalogue.read_suite(Path("tiny.yaml")), catalogue)
    assert again.update(open_results(Path("results/tiny"))) == 0
    assert len(calls) == 12
    RUN.live.write_text(RUN.live.read_text().replace("0.5", "0.25").replace("40", "44"))
    assert again.update(open_results(Path("results/tiny"))) == 3  # the first seed's run is another


def test_steps_of_an_online_phase_follow_the_offline_ones() -> None:
    scalars = [(20, "offline/loss", 1.0), (5, "online/loss", 2.0), (10, "offline/loss", 3.0)]
    assert [step for step, _ in by_step(scalars)] == [10, 20, 25]


def test_a_tracker_that_is_not_installed_is_one_sentence() -> None:
    with pytest.raises(BenchError, match=r"wandb is not installed; run `pip install wandb`"):
        watching.track("wandb", Path("tiny.yaml"))
