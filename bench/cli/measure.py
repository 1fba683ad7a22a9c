"""The command-line verbs that measure more than a suite: speed, precision, coverage, ideas."""

from __future__ import annotations

from pathlib import Path

from bench.cli.arguments import Idea, Slider
from bench.cli.ranges import at_least
from bench.config.catalogue import Catalogue
from bench.config.registry import OFFLINE
from bench.config.types import resolved
from bench.errors import BenchError
from bench.paths import COVERAGE, REPORTS, RESULTS, TRANSITIONS, default_suite
from bench.speed.cells import PARTS


def benchmark(
    methods: tuple[str, ...] = OFFLINE,
    parts: tuple[str, ...] = PARTS,
    rounds: int = 5,
    seconds: float = 0.5,
    peer: str | None = None,
    xla: str | None = None,
    device: str = "cpu",
    out: Path = RESULTS / "benchmark",
) -> None:
    """Measure how fast this machine trains; write a table, a figure, and every round as JSON.

    Args:
        methods: names of offline methods.
        parts: any of gemm, updates, sources, peer, xla, around and scale.
        rounds: repetitions, of which the median is reported.
        seconds: length of a round.
        peer: a Python interpreter with d3rlpy installed, to measure its IQL too.
        xla: a Python interpreter with JAX installed, to measure XLA on the same core.
        device: cpu; or cuda or cuda:N for one GPU, which writes card.json alone within ten minutes
            and reads none of the options above.
        out: folder for benchmark.json, table.md and scale.png.
    """
    if device != "cpu":
        from bench.speed import card

        card.run(device, out)
        print(out / card.FILE)
        return
    at_least(1, rounds=rounds)
    at_least(0.001, seconds=seconds)
    from bench.speed.session import run

    content = run(methods, parts, rounds, seconds, peer, xla, out)
    figure = ", scale.png, scale.svg" if content["scale"] else ""
    print(f"{out}/: benchmark.json, table.md{figure}")


def online_cost(
    methods: tuple[str, ...] = (),
    tasks: tuple[str, ...] = (),
    configfile: Path = Path("config/finetune.yaml"),
    steps: int = 1_000,
    rounds: int = 3,
) -> None:
    """Measure a suite's online phases: updates alone, environments alone, and both together.

    Args:
        methods: methods of the suite; all by default.
        tasks: tasks of the suite; all by default.
        configfile: the suite.
        steps: environment steps per measurement, rounded up to whole rollouts.
        rounds: measurements of each part, of which the fastest is reported.
    """
    at_least(1, steps=steps, rounds=rounds)
    from bench.speed.online_cost import measure

    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    head = ("method/task", "updates", "environments", "both", "ratio")
    print("{:40}{:>14}{:>14}{:>14}{:>8}".format(*head))
    for method in methods or suite.methods:
        catalogue.enter(method, "--methods")
        for task in tasks or suite.tasks:
            cell = catalogue.settings(suite, method, task, suite.blocks()[0], str(configfile))
            if cell.online is None:
                raise BenchError(f"{configfile}: {method} has no online phase on {task}; set one.")
            data = TRANSITIONS / resolved(catalogue.task(task), suite).transitions
            parts = measure(cell, data, steps, rounds)
            ratio = parts[2] / (parts[0] + parts[1])
            shown = "".join(f"{part * 1e3:11.3f} ms" for part in parts)
            print(f"{method + '/' + task:40}{shown}{ratio:8.2f}", flush=True)


def precision(
    tasks: tuple[str, ...],
    configfile: Path | None = None,
    method: str = "iql",
    seeds: int = 10,
    out: Path = RESULTS / "precision",
) -> None:
    """Train the same seeds with matrix products in float32 and bfloat16 and compare the scores.

    Finished runs are reused.

    Args:
        tasks: rows of config/tasks.tsv, with their data under data/transitions.
        configfile: the suite whose settings apply, by default the project's or quick.
        method: name of a method.
        seeds: number of seeds N; seeds 0 to N - 1 are trained as one block.
        out: folder for precision.csv and precision.json.
    """
    at_least(1, seeds=seeds)
    from bench.speed.precision import cells_of, compare, train, write

    configfile = configfile or default_suite()
    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    cells = cells_of(tasks, suite, catalogue, method, seeds, str(configfile))
    table = compare(cells, train(cells), catalogue.tasks)
    write(table, cells, out)
    print(table.to_string(index=False))


def coverage(
    simulations: int = 2000, bootstrap: int = 2000, seeds: tuple[int, ...] = (3, 5, 10)
) -> None:
    """Simulate how often the reports' 95% intervals contain the truth; print and write a table.

    Args:
        simulations: synthetic experiments per row.
        bootstrap: bootstrap resamples per experiment.
        seeds: numbers of seeds per experiment to simulate.
    """
    at_least(1, simulations=simulations, bootstrap=bootstrap)
    from bench.statistics.frames import write_csv
    from bench.statistics.interval_coverage import simulate

    frame = simulate(simulations, bootstrap, seeds)
    write_csv(frame, COVERAGE)
    print(frame.round(3).to_string(index=False))
    print(f"{COVERAGE}: error is the standard error of the simulation")


def idea(name: Idea) -> None:
    """Measure one of the paper's ideas as a small experiment; write results/ideas/NAME.json.

    Args:
        name: losses, expectiles, support, stitching, overestimation, shift or regularised.
    """
    import torch

    from bench.report import ideas as report

    torch.set_num_threads(1)
    print(report.measure(name))


def slider(name: Slider) -> None:
    """Compute every position of a figure with sliders; write results/ideas/sliders/NAME.json.

    Args:
        name: losses, expectiles, stitching, overestimation, support or shift.
    """
    import torch

    from bench.report.interactive import page

    torch.set_num_threads(1)
    print(page.measure(name))


def ideas(out: Path = REPORTS / "ideas.pdf") -> None:
    """Typeset the experiments on the paper's ideas, and write the page of figures with sliders.

    Args:
        out: the PDF; the page is written next to it as HTML, and so is a folder with figures.
    """
    from bench.report import ideas as report
    from bench.report.interactive import page

    report.build(out)
    page.build(out.with_suffix(".html"))
    print(out, out.with_suffix(".html"), sep="\n")
