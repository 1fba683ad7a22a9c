"""Numbers derived from a benchmark's records: rates per core, ratios, the fastest cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bench.speed import reference
from bench.speed.prediction import RATE

NOT_RUN = "not run"


CELL = ("method", "width", "seeds", "executor", "threads", "jobs", "rows")


Record = dict[str, Any]


def derive(content: dict[str, Any]) -> None:
    """Add to `content` what follows from several measurements: work, shares of the rate, ratios."""
    work = (content.get("work") or {}).get("flops_per_seed_update", {})
    of_core = core_rate(content)
    updates = content["updates"] or []
    scaled = [cell for axis in (content["scale"] or {}).values() for cell in axis]
    for cell in (c for c in [*updates, *scaled] if RATE in c and c["method"] in work):
        flops = work[cell["method"]][str(cell["width"])]
        cell["flops_per_seed_update"] = flops
        cell["gflops_per_second"] = flops * cell[RATE] / 1e9
        if of_core:
            cell["share_of_gemm_rate"] = cell["gflops_per_second"] / (of_core * cell["jobs"])
    for cell in (c for c in updates if "gflops_per_second" in c):
        iql = find(updates, method="iql", **{k: cell[k] for k in ("width", "seeds", "executor")})
        if iql and "gflops_per_second" in iql:
            cell["gflops_ratio_to_iql"] = cell["gflops_per_second"] / iql["gflops_per_second"]
    if content.get("xla"):
        reference.derive(content["xla"], work.get(reference.SCALED, {}))
    content["ratios"] = [
        peer_ratio(content, 256, None),
        peer_ratio(content, 64, 5),
        peer_ratio(content, 64, 10),
    ]


def core_rate(content: dict[str, Any]) -> float | None:
    """Return GFLOP/s of the fastest library's products per core while all cores are busy.

    The start and end of the run count alike, because a rate lowered by another program is no bound.
    """
    rates = {k: v for k, v in (content["gemm"] or {}).items() if k != "bfloat16"}
    found = reference.best_library(rates)
    return found[1] / content["machine"]["cores"] if found else None


def libraries(content: dict[str, Any]) -> tuple[str | None, dict[str, list[str]]]:
    """Return OpenBLAS' version, if it was used, and the kinds of products by their library.

    A kind is rows x inner x columns with the layouts of both factors (bench.training.products).
    """
    beside = (content.get("xla") or {}).get("cells", [])
    cells = [*(content["updates"] or []), *(c[e] for c in beside for e in reference.EXECUTORS)]
    found = [cell["products"] for cell in cells if "products" in cell]
    chosen: dict[str, set[str]] = {}
    for record in found:
        for kind, library in record["chosen"].items():
            chosen.setdefault(library, set()).add(kind)
    version = next((record["openblas"] for record in found if record["openblas"]), None)
    return version, {library: sorted(kinds) for library, kinds in sorted(chosen.items())}


def find(cells: Iterable[Record], **wanted: Any) -> Record | None:
    """Return the first cell with these values, or None."""
    matches = (c for c in cells if all(c[k] == v for k, v in wanted.items()))
    return next(matches, None)


def fastest(cells: Iterable[Record]) -> Record | None:
    """Return the fastest measured cell, or None."""
    return max((c for c in cells if RATE in c), key=lambda c: float(c[RATE]), default=None)


def peer_ratio(content: dict[str, Any], width: int, seeds: int | None) -> Record:
    """Return the ratio of our fastest IQL (any block if `seeds` is None) to d3rlpy's fastest."""
    ours = fastest(
        c
        for c in content["updates"] or []
        if (c["method"], c["width"]) == ("iql", width) and seeds in (None, c["seeds"])
    )
    peer = fastest(c for c in content["peer"] or [] if c["width"] == width)
    block = f"{seeds} seeds a job" if seeds else "best block"
    record: Record = {"what": f"IQL over d3rlpy's, width {width}, {block}"}
    if ours and peer:
        record |= {
            "ratio": ours[RATE] / peer[RATE],
            "ours": f"{ours['executor']}, {_seeds(ours['seeds'])} a job",
            "peer": _way(peer),
        }
    return record


def _seeds(count: int) -> str:
    return f"{count} seed" + "s" * (count > 1)


def _way(peer: Record) -> str:
    return "one process with all threads" if peer["threads"] > 1 else "one process a core"
