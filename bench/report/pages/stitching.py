"""Page 3: one maze, its data and what was learned of it, which shows why stitching works."""

from __future__ import annotations

from functools import partial

from bench.data.transitions import Transitions
from bench.report import plotted
from bench.report.figures.mazes import Trace, stitching
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import Figure, Section
from bench.report.sections.mazes import PANELS, traces_of


def section(inputs: ReportInputs) -> Section | None:
    """Show data, values and policies in one maze; None where no run of the suite was traced."""
    task, traces = traced(inputs)
    if not traces:
        return None
    folder = inputs.card_folders.get(task)
    rows = None
    if folder is not None and (folder / "observations.npy").exists():
        rows = Transitions.load(folder)
    draw = partial(stitching, inputs.mazes[task], rows, traces)
    arrivals = [
        f"{plain(label)} arrives in {trace.arrived.sum()} of {len(trace.arrived)} episodes"
        for label, trace in traces.items()
    ]
    data = f" {_data(inputs, task)}" if rows is not None else ""
    caption = CAPTION.format(task=plain(task), data=data, arrivals=" and ".join(arrivals))
    numbers = plotted.maze(inputs.mazes[task], traces)
    figure = Figure("stitching", "What is learned of a maze", caption, draw, numbers, shaded=True)
    return Section("Stitching", "", (figure,))


CAPTION = (
    "The maze of {task}.{data} Colour: state value, mean over seeds (quantile bins, a separate "
    "scale per method; white: no data). Lines: up to five episodes of each seed’s policy, rolled "
    "out again; a cross marks where one ended short of the goal. {arrivals}."
)


def traced(inputs: ReportInputs) -> tuple[str, dict[str, Trace]]:
    """Return the first mapped task with traces, and these by label; "" without any."""
    for task in inputs.suite.maps.tasks if inputs.suite.maps else ():
        if found := traces_of(task, inputs):
            return task, dict(list(found.items())[:PANELS])
    return "", {}


def _data(inputs: ReportInputs, task: str) -> str:
    """Say how many trajectories of the data connect start and goal."""
    card = inputs.cards.get(task, {})
    crossing = card.get("proof", {}).get("from_start_to_goal")
    if crossing is None:
        return "Left: trajectories in the data."
    return (
        f"Left: of {card['episodes']:,} trajectories in the data, {crossing:,} lead from the start "
        "to the goal."
    )
