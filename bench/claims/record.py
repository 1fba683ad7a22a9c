"""Verdicts of the published record: what reproductions by others say of a claim.

They stand in a file of their own, beside the verdicts of this suite's runs and never mixed with
them: a claim has one verdict from each.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from bench.config.validation import Strict, validate
from bench.errors import BenchError, unknown
from bench.files import read_json_list
from bench.paths import RECORD_VERDICTS, shipped

VERDICTS = RECORD_VERDICTS


class RecordVerdict(Strict):
    """One entry of the file: the verdict of the published record on one claim."""

    id: str = Field(description="a claim of config/claims.yaml")
    verdict: Literal["reproduced", "not reproduced", "inconclusive"]
    wording: str = Field(min_length=1, description="the verdict as the record's rule words it")
    measured: float | None = Field(description="the claim's quantity over the sources")
    ci: tuple[float, float] | None = Field(description="its 95% interval")
    reason: str = Field(default="", description="what decides, or what would change the verdict")
    sources: tuple[str, ...] = Field(min_length=1, description="keys of the published sources")
    seeds: int | None = Field(default=None, gt=0, description="seeds over all sources, if known")

    @model_validator(mode="after")
    def _ordered(self) -> RecordVerdict:
        if self.ci is not None and not self.ci[0] <= self.ci[1]:
            raise ValueError("ci: the lower end is above the upper one; correct the order")
        if self.verdict != "inconclusive" and self.measured is None:
            raise ValueError("measured: a decided verdict needs its number; give it")
        return self


def read(claims: Collection[str], path: Path = VERDICTS) -> dict[str, RecordVerdict]:
    """Return the record's verdicts by claim, empty without the file.

    Raise BenchError if an entry is malformed, names no claim of `claims`, or occurs twice.
    """
    path = shipped(path)
    if not path.exists():
        return {}
    found: dict[str, RecordVerdict] = {}
    for number, raw in enumerate(read_json_list(path), start=1):
        entry = validate(RecordVerdict, raw, f"{path}, entry {number}")
        if entry.id not in claims:
            raise unknown(f"{path}, entry {number}", "claim", entry.id, claims)
        if entry.id in found:
            raise BenchError(f"{path}: claim '{entry.id}' is given twice; remove one.")
        found[entry.id] = entry
    return found
