"""Render benchmark.json as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bench.speed.derived import CELL, NOT_RUN, Record, _seeds, _way, fastest, find, libraries
from bench.speed.prediction import (
    PAPER_SEEDS,
    PAPER_TASKS,
    PAPER_UPDATES,
    RATE,
    paper_hours,
    prediction,
)
from bench.speed.products import LIBRARIES
from bench.speed.reference import GFLOPS, best_library


def render(content: dict[str, Any]) -> str:
    """Return the Markdown page of a benchmark's content."""
    machine, versions = content["machine"], content["versions"]
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB memory"
    sections = [
        f"# Speed\n\n{where}, {machine['platform']}; torch {versions['torch']}; "
        f"{content['date'][:10]}.",
        f"Medians of {content['rounds']} rounds of {content['round_seconds']:g} s. Rates are "
        "totals of one single-threaded process a core, all at once, in seed-updates a second: "
        "gradient updates times seeds. An update is the mean one of a run of 1,000,000; a layer "
        "has `width` units, a batch 256 rows (DT's 64 windows of 20 steps).",
        _headline(content),
        _updates(content["updates"]),
        _sources(content.get("sources")),
        _prediction(content["updates"]),
        _peer(content["peer"]),
        _xla(content.get("xla")),
        _libraries(content),
        _around(content["around"]),
        _scale(content["scale"]),
        _plan(content["updates"], machine["cores"]),
        _failures(content),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a table whose first `left` columns are text and the rest numbers."""
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def _value(record: Record | None, key: str, form: str = ",.0f") -> str:
    """Return a formatted number, or why there is none."""
    if record and key in record:
        return format(record[key], form)
    return "failed" if record and "failed" in record else NOT_RUN


def _headline(content: dict[str, Any]) -> str:
    rows = []
    for ratio in content["ratios"]:
        note = f" ({ratio['ours']}; d3rlpy {ratio['peer']})" if "ratio" in ratio else ""
        rows.append((ratio["what"] + note, _value(ratio, "ratio", ".2f")))
    shares = [
        (cell["gflops_ratio_to_iql"], cell)
        for cell in content["updates"] or []
        if cell["executor"] == "compiled" and "gflops_ratio_to_iql" in cell
    ]
    low, cell = min(shares, key=lambda pair: pair[0], default=(None, None))
    what = "lowest GFLOP/s of a method over IQL's in the same compiled cell"
    if cell:
        what += f" ({cell['method']}, width {cell['width']}, {_seeds(cell['seeds'])})"
    rows.append((what, f"{low:.2f}" if low else NOT_RUN))
    gemm, unit = content["gemm"] or {}, "gflops_per_second"
    rows += [
        ("float32 matrix products, GFLOP/s", _value(gemm.get("float32"), unit)),
        ("the same at the end of the run", _value(gemm.get("float32_at_the_end"), unit)),
        ("the same with factors in bfloat16", _value(gemm.get("bfloat16"), unit)),
        *(
            (f"the same by {library} instead of torch", _value(gemm.get(library), unit))
            for library in LIBRARIES
            if library != "torch"
        ),
    ]
    return "## Headline\n\n" + _markdown(("what", "value"), rows)


def _updates(cells: list[Record] | None) -> str:
    if not cells:
        return "## Updates\n\nnot run"
    rows = []
    for method, width, seeds in dict.fromkeys((c["method"], c["width"], c["seeds"]) for c in cells):
        here = {
            executor: find(cells, method=method, width=width, seeds=seeds, executor=executor)
            for executor in ("eager", "recorded", "compiled")
        }
        best = fastest(cell for cell in here.values() if cell)
        rows.append(
            (
                method,
                str(width),
                str(seeds),
                *(_value(cell, RATE) for cell in here.values()),
                _value(best, "gflops_per_second"),
                _value(best, "share_of_gemm_rate", ".0%"),
                _value(best, "gflops_ratio_to_iql", ".2f"),
                _value(best, "peak_memory_megabytes"),
                _value(here["compiled"], "compile_seconds"),
            )
        )
    header = ["method", "width", "seeds", "eager", "recorded", "compiled", "GFLOP/s"]
    header += ["of GEMM rate", "over IQL's", "memory, MB", "compile, s"]
    return (
        "## Updates\n\nGFLOP/s counts matrix products alone. It, what follows from it, and the "
        "peak memory of a process are those of the fastest executor. `compile` is from an empty "
        "cache, one job per core; the first also prepare the compiler's headers. Eager: IQL "
        "alone.\n\n" + _markdown(header, rows)
    )


def _prediction(cells: list[Record] | None) -> str:
    title = "## What IQL predicts"
    sentence, header, rows = prediction(cells or [], "compiled")
    if not rows:
        return f"{title}\n\n{NOT_RUN}"
    return (
        f"{title}\n\nTime of a compiled update over that of its matrix products at IQL's GFLOP/s, "
        f"by width and seeds. {sentence}\n\n{_markdown(header, rows)}"
    )


def _peer(cells: list[Record] | None) -> str:
    if not cells:
        return "## d3rlpy's IQL\n\nnot run"
    rows = [
        (f"width {c['width']}, {_way(c)}", _value(c, RATE), _value(c, "peak_memory_megabytes"))
        for c in cells
    ]
    versions: Record = next((c["versions"] for c in cells if "versions" in c), {})
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    header = ("what", "updates a second", "memory, MB")
    return f"## d3rlpy's IQL\n\n{named}\n\n" + _markdown(header, rows)


def _xla(part: Record | None) -> str:
    title = "## The same updates by XLA"
    if not part:
        return f"{title}\n\n{NOT_RUN}"
    library = best_library(part["products"])
    named = f"the fastest is {library[0]} with {library[1]:,.0f}" if library else NOT_RUN
    rates = ", ".join(f"{k} {_value(v, GFLOPS)}" for k, v in part["products"].items())
    rows = [
        (
            f"{cell['width']}",
            f"{cell['seeds']}",
            *(_value(cell[name], RATE) for name in ("recorded", "compiled", "xla")),
            _value(cell, "over_xla", ".2f"),
            _value(cell, "share_of_fastest_library", ".0%"),
            _value(cell, "xla_share_of_fastest_library", ".0%"),
        )
        for cell in part["cells"]
    ]
    header = ["width", "seeds", "recorded", "compiled", "XLA", "ours over XLA's"]
    table = _markdown([*header, "ours of the bound", "XLA's of the bound"], rows, left=0)
    return (
        f"{title}\n\n[`benchmarks/jax_iql.py`](../../../benchmarks/jax_iql.py) and our executors "
        "in turns on one core, in seed-updates a second; a ratio is the median of the rounds'. "
        f"GFLOP/s of square products: {rates}; {named}, which bounds the rates.\n\n{table}"
    )


def _libraries(content: dict[str, Any]) -> str:
    version, chosen = libraries(content)
    if not chosen:
        return f"## Library of each product\n\n{NOT_RUN}"
    lines = [f"- {library}: {', '.join(kinds)}" for library, kinds in chosen.items()]
    of = f" OpenBLAS is {version}." if version else ""
    return (
        "## Library of each product\n\nChosen by measurement on this processor, for rows x inner x "
        f"columns, with rows (n) or columns (t) of each factor contiguous.{of}\n\n"
        + "\n".join(lines)
    )


def _around(found: list[Record] | None) -> str:
    if not found:
        return "## Around the updates\n\nnot run"
    rows = []
    for record in found:
        unit = record["unit"]
        text = _value(record, unit, ".2f" if unit == "seconds" else ",.0f")
        rows.append((record["what"], unit.replace("_", " "), text))
    header = ("what", "unit", "value")
    note = "One process unless said; memory that two share is counted once."
    return f"## Around the updates\n\n{note}\n\n" + _markdown(header, rows, left=2)


def _sources(cells: list[Record] | None) -> str:
    if not cells:
        return "## At the sources' sizes\n\nnot run"
    rows = []
    for cell in cells:
        layers = "; ".join(f"{k} {_layers(v)}" for k, v in cell["sizes"].items())
        named = (cell["method"], layers, f"{cell['batch_size']:,}", str(cell["seeds"]))
        rows.append((*named, _value(cell, RATE, ",.1f"), _value(cell, "peak_memory_megabytes")))
    header = ("method", "layers", "batch", "seeds", "seed-updates/s", "memory, MB")
    note = "Compiled. Methods whose source has other layers or batches than the cells above."
    return f"## At the sources' sizes\n\n{note}\n\n" + _markdown(header, rows, left=2)


def _layers(units: int | list[int]) -> str:
    return " × ".join(map(str, units)) if isinstance(units, list) else str(units)


def _scale(axes: dict[str, list[Record]] | None) -> str:
    if not axes:
        return "## Scale\n\nnot run"
    rows = []
    for axis, cells in axes.items():
        for cell in cells:
            rows.append(
                (
                    axis,
                    *(f"{cell[key]:,}" for key in ("width", "seeds", "rows", "jobs")),
                    _value(cell, RATE),
                    _value(cell, "share_of_gemm_rate", ".0%"),
                    _value(cell, "peak_memory_megabytes"),
                )
            )
    header = ["varied", "width", "seeds", "rows", "processes", "seed-updates/s", "of GEMM rate"]
    table = _markdown([*header, "memory, MB"], rows)
    return f"## Scale\n\nIQL, compiled.\n\n![scale](scale.png)\n\n{table}"


def _plan(cells: list[Record] | None, cores: int) -> str:
    """Return the section on how long the paper's suite would take on this machine."""
    rows = [
        (method, f"{hours:,.0f}", f"{hours * cores:,.0f}", NOT_RUN)
        for method, hours in paper_hours(cells or []).items()
    ]
    if not rows:
        return f"## The paper's suite\n\n{NOT_RUN}"
    header = ("method", "hours on this machine", "core-hours", "GPU-hours")
    return (
        f"## The paper's suite\n\nA calculation, not a run: {PAPER_TASKS} tasks, {PAPER_SEEDS} "
        f"seeds and {PAPER_UPDATES:,} updates at the best rate above of the methods whose sources "
        "have layers of 256 and batches of 256, without evaluation. No GPU has been measured."
        "\n\n" + _markdown(header, rows)
    )


def _failures(content: dict[str, Any]) -> str:
    """Return the reasons for `failed`, and for `not run` where a measurement was tried."""
    found: list[str] = []

    def look(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key in ("failed", "not_run"):
                if key in value:
                    cell = (f"{k} {value[k]}" for k in CELL if k in value)
                    label = value.get("what") or ", ".join(cell) or name
                    found.append(f"- {label} ({key.replace('_', ' ')}): {value[key]}")
            for key, inner in value.items():
                look(inner, f"{name}, {key}" if name else key)
        elif isinstance(value, list):
            for inner in value:
                look(inner, name)

    look(content, "")
    return "## Not measured\n\n" + "\n".join(dict.fromkeys(found)) if found else ""
