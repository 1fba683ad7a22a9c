"""The command-line verbs for a finished policy: score, render, export."""

from __future__ import annotations

from pathlib import Path

from bench.cli.arguments import Folder
from bench.cli.results import suite_of
from bench.config.catalogue import Catalogue
from bench.errors import BenchError


def score(
    run: Folder,
    episodes: int = 100,
    task: str | None = None,
    env_id: str | None = None,
    out: Path | None = None,
) -> None:
    """Score the policies of a finished run again, and write a CSV with a row per episode.

    Args:
        run: the run's folder, such as results/quick/runs/iql/hopper-medium-replay/0-4.
        episodes: episodes per seed.
        task: row of config/tasks.tsv whose environment and reference returns apply, by default
            the run's own.
        env_id: another environment or version instead, such as Hopper-v5; returns are not
            normalised then.
        out: the CSV, by default score.csv in the run's folder.
    """
    import torch

    from bench.policies import finished, scoring
    from bench.statistics.frames import write_csv

    torch.set_num_threads(1)
    policy = finished.load(run)
    catalogue = Catalogue()
    row = None if env_id else catalogue.task(task or policy.settings.task.task)
    place = env_id or (row.env_id if row else "")
    if row is not None and not row.scored:
        raise BenchError(f"score: {row.task} has no environment; give --env-id.")
    rows = scoring.score(policy, place, episodes)
    path = out or run / "score.csv"
    write_csv(rows, path)
    print(f"{policy.settings.method} on {place}: {scoring.summary(rows, row)}")
    print(f"{path}: {len(rows)} episodes")


def render(
    run: Folder,
    seed: int | None = None,
    episode: int = 0,
    count: int = 8,
    env_id: str | None = None,
    out: Path | None = None,
    moving: Path | None = None,
) -> None:
    """Draw an episode of a finished run as a strip of frames, and as a moving picture if asked.

    Args:
        run: the run's folder.
        seed: training seed, by default the first that did not diverge.
        episode: number of the episode, as in `score`.
        count: frames of the strip.
        env_id: another environment or version than the task's.
        out: the strip, by default episode.png in the run's folder.
        moving: a .gif or .mp4 to write besides.
    """
    import torch

    from bench.policies import drawing, finished

    if count < 1 or episode < 0:
        raise BenchError(f"render: count {count}, episode {episode}; give at least 1, and 0.")
    torch.set_num_threads(1)
    first = finished.load(run).seeds[0] if seed is None else seed
    policy = finished.load(run, first)
    used = drawing.backend()
    # Not the environment that the record names: its module would be imported.
    place = env_id or Catalogue().task(policy.settings.task.task).env_id
    played = drawing.play(policy, place, episode)
    path = out or run / "episode.png"
    drawing.write_strip(drawing.frames(played, count), path)
    steps = len(played.states) - 1
    what = f"seed {first}, episode {episode}, {steps} steps, return {played.total:.2f}"
    print(f"{path}: {what} (drawn by {used})")
    if moving is not None:
        most = min(drawing.MOST, len(played.states))
        drawing.write_moving(drawing.frames(played, most), moving)
        print(f"{moving}: {most} frames")


def export(run: Folder, seed: int | None = None, out: Path | None = None) -> None:
    """Export the mean action of one seed, with its scales, as TorchScript or ONNX.

    It maps raw observations (B, obs) to actions (B, act) in the environment's units.

    Args:
        run: the run's folder.
        seed: training seed, by default the first that did not diverge.
        out: a .pt (TorchScript) or .onnx file, by default policy.pt in the run's folder.
    """
    from bench.policies import exporting, finished

    first = finished.load(run).seeds[0] if seed is None else seed
    path = out or run / "policy.pt"
    exporting.export(finished.load(run, first), path)
    print(f"{path}: seed {first}")


def strips(configfile: Path | None = None, suite: str | None = None) -> None:
    """Draw an episode of the best and of the worst method on each task, for the report.

    Args:
        configfile: the suite, by default the project's suite.yaml or quick.
        suite: the suite as JSON; the workflow passes this.
    """
    import torch

    from bench.policies.strips import draw

    torch.set_num_threads(1)
    catalogue = Catalogue()
    chosen = suite_of(catalogue, configfile, suite)
    found = draw(chosen, catalogue)
    print(f"{len(found['strips'])} strips drawn")
    for task, why in found["missing"].items():
        print(f"{task}: {why}")
