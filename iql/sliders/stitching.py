"""Sweep by sweep, values cross from one short trajectory to the next in a grid world."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.report.interactive.scene import Axis, Control, Kind, Mark, Panel, Position, Scene
from bench.report.table import number
from iql.ideas.expectiles import exact
from iql.ideas.stitching import ARROWS, DISCOUNT, ENDS, GRID, MOVES, START, World

EXPECTILES = (0.5, 0.7, 0.9, 0.99, 0.999)
BEGIN = 0.9  # the expectile shown at first
SWEEPS = 20
TRAJECTORIES, LONGEST = 150, 5
SEED = 0
LONGEST_WALK = 50  # moves after which a policy has not arrived


def walks(world: World) -> list[list[tuple[int, int]]]:
    """Return random walks as (cell, move), each from a random cell and LONGEST moves at most."""
    rng = np.random.default_rng(SEED)
    begins = np.flatnonzero(~world.ends)
    found = []
    for _ in range(TRAJECTORIES):
        cell, walk = int(rng.choice(begins)), list[tuple[int, int]]()
        while len(walk) < LONGEST and not world.ends[cell]:
            move = int(rng.integers(len(MOVES)))
            walk.append((cell, move))
            cell = int(world.next[cell, move])
        found.append(walk)
    return found


def measure() -> dict[str, Any]:
    """Return V, the moves and the return from the start after each sweep of each expectile.

    Only moves of the data count, each as often as it was made; a cell without data has none.
    """
    world = World()
    data = walks(world)
    counts = np.zeros((len(world.cells), len(MOVES)))
    for walk in data:
        for cell, move in walk:
            counts[cell, move] += 1
    known = counts.sum(1) > 0
    solutions = []
    for expectile in EXPECTILES:
        v, sweeps = np.zeros(len(world.cells)), []
        for _ in range(SWEEPS + 1):
            q = world.q(v)
            moves = np.where(counts > 0, q.round(9), -np.inf).argmax(1)
            start, _ = walk_from_start(world, moves)
            sweeps.append({"v": v.tolist(), "moves": moves.tolist(), "start": start})
            v = np.zeros(len(v))
            for cell in np.flatnonzero(known).tolist():
                made = counts[cell] > 0
                v[cell] = exact(q[cell, made], counts[cell, made], expectile)
        solutions.append(sweeps)
    joined = np.where(counts > 0, 0.0, -np.inf)
    best = world.solve(lambda q: np.where(known, (q + joined).max(1), 0.0)) + joined
    attainable, length = walk_from_start(world, best.round(9).argmax(1))
    return {
        "expectiles": list(EXPECTILES),
        "known": known.tolist(),
        "solutions": solutions,
        "best": attainable,
        "best_length": length,
        "longest": max(map(len, data)),
        "rows": int(counts.sum()),
        "reach_goal": sum(_ends_in(world, walk, "G") for walk in data),
        "from_start_to_goal": sum(
            _ends_in(world, walk, "G") and world.start in dict(walk) for walk in data
        ),
    }


def _ends_in(world: World, walk: list[tuple[int, int]], letter: str) -> bool:
    row, column = world.cells[world.next[walk[-1]]]
    return GRID[row][column] == letter


def walk_from_start(world: World, moves: np.ndarray) -> tuple[float, int]:
    """Return the discounted return of always taking a cell's move, and how many moves it takes."""
    cell, earned, k = world.start, 0.0, 0
    for k in range(LONGEST_WALK):
        earned += DISCOUNT**k * world.rewards[cell, moves[cell]]
        cell = world.next[cell, moves[cell]]
        if world.ends[cell]:
            break
    return float(earned), k + 1


def scene(result: dict[str, Any]) -> Scene:
    """Return the figure: the expectile and the sweep."""
    sweeps = list(range(len(result["solutions"][0])))
    starts = [s["start"] for solution in result["solutions"] for s in solution]
    panels = (
        Panel(
            "Value (colour, number) and best move in the data",
            Axis("", -0.5, len(GRID[0]) - 0.5),
            Axis("", -0.5, len(GRID) - 0.5),
            map=True,
        ),
        Panel(
            "Return from the start",
            Axis("sweeps", 0, sweeps[-1]),
            Axis("return", min(0.0, *starts) - 0.05, max(result["best"], *starts) + 0.08),
            (Mark("line", "best", [0, sweeps[-1]], [result["best"]] * 2, "best of the data"),),
        ),
    )
    positions = tuple(
        Position(
            ((_map(result, solution[k]),), _returns([s["start"] for s in solution[: k + 1]])),
            _sentences(result, row, k),
        )
        for row, solution in enumerate(result["solutions"])
        for k in sweeps
    )
    return Scene(
        "Stitching, sweep by sweep",
        "How can a policy reach a goal that no trajectory reaches from the start?",
        "A grid world with a goal (+1), a ledge to fall from (−1), an exit (+0.1) and the start S. "
        f"The data are {TRAJECTORIES} random walks of at most {result['longest']} moves "
        f"({result['rows']:,} in all); the best path from S takes {result['best_length']}. A "
        "sweep sets V in every cell to the expectile of Q over the moves that the data made there.",
        (
            Control(
                "Expectile τ",
                tuple(f"{t:g}" for t in result["expectiles"]),
                result["expectiles"].index(BEGIN),
            ),
            Control("Sweeps", tuple(map(str, sweeps)), 6),
        ),
        panels,
        positions,
    )


def _returns(starts: list[float]) -> tuple[Mark, ...]:
    sweeps = list(range(len(starts)))
    kind: Kind = "line" if sweeps[-1] else "points"
    return (
        Mark(kind, "iql", sweeps, starts, "policy after each sweep"),
        Mark("points", "here", sweeps[-1:], starts[-1:]),
    )


def _map(result: dict[str, Any], solution: dict[str, Any]) -> Mark:
    letters = [letter for line in GRID for letter in line]
    places = [(c, r) for r, line in enumerate(GRID) for c, _ in enumerate(line)]
    text, value = [], []
    for letter, v, move, known in zip(
        letters, solution["v"], solution["moves"], result["known"], strict=True
    ):
        end = ENDS.get(letter)
        value.append(end if end is not None else v if known else None)
        start = "S " if letter == "S" else ""
        text.append(
            f"{end:+g}".replace("-", "−")
            if end is not None
            else f"{start}{ARROWS[move]}\n{number(v, 2)}"
            if known
            else f"{start}no\ndata"
        )
    return Mark("cells", "iql", [x for x, _ in places], [y for _, y in places], "", value, text)


def _sentences(result: dict[str, Any], row: int, k: int) -> tuple[str, ...]:
    solution, best = result["solutions"][row], result["best"]
    now, last = solution[k]["start"], solution[-1]["start"]
    start = START[0] * len(GRID[0]) + START[1]
    reached = sum(abs(v) > 0 for v in solution[k]["v"])
    known = sum(result["known"])
    trajectories = result["from_start_to_goal"]
    none = "None" if trajectories == 0 else f"{trajectories:,}"
    arrival = next((n for n, s in enumerate(solution) if s["start"] >= best - 1e-9), None)
    if now >= best - 1e-9:
        verdict = f"the best that the data’s moves allow ({number(best, 2)})"
    else:
        verdict = f"where the data’s moves allow {number(best, 2)}"
    if arrival is None:
        outlook = (
            f"At this expectile the policy does not get there in {len(solution) - 1} sweeps; "
            f"it ends at {number(last, 2)}"
        )
    else:
        outlook = f"At this expectile the best return is first reached after {arrival} sweeps"
    return (
        f"{none} of the {TRAJECTORIES} trajectories leads from the start to the goal; "
        f"{result['reach_goal'] - trajectories} reach it from elsewhere.",
        f"After {k} sweep{'s' * (k != 1)} at τ = {result['expectiles'][row]:g}, {reached} of "
        f"{known} cells with data have a value other than 0, and V at the start is "
        f"{number(solution[k]['v'][start], 2)}. The policy earns {number(now, 2)} from the start, "
        f"{verdict}. {outlook}.",
    )
