"""The test of a claim in words, such as `IQL - 2 x CQL > 0`; methods are named as `{iql}`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bench.claims.ledger import (
    Claim,
    CostClaim,
    DataClaim,
    IdeaClaim,
    RunClaim,
    SettingClaim,
    TableClaim,
)
from bench.config.catalogue import Catalogue
from bench.config.method_names import label_of
from bench.config.registry import base_of, settings_of

SHOWN = 3  # departures that a text names
REFERENCE = re.compile(r"\{([^{}]+)\}")
REPLICATED = (
    "tasks on which {} is in the paper\N{RIGHT SINGLE QUOTATION MARK}s replication interval"
)
GOALS = {
    "paper": "the paper\N{RIGHT SINGLE QUOTATION MARK}s score",
    "corl": "CORL\N{RIGHT SINGLE QUOTATION MARK}s score",
}


def reference(method: str) -> str:
    """Return what stands for a method's label in claims.json, which a new label leaves as it is."""
    return f"{{{method}}}"


def labelled(content: Any, catalogue: Catalogue) -> Any:
    """Return entries of claims.json with each reference to a method replaced by its label."""
    if isinstance(content, str):
        return REFERENCE.sub(lambda found: _label(found[1], catalogue) or found[0], content)
    if isinstance(content, Mapping):
        return {key: labelled(value, catalogue) for key, value in content.items()}
    if isinstance(content, list):
        return [labelled(value, catalogue) for value in content]
    return content


def _label(name: str, catalogue: Catalogue) -> str | None:
    if name in catalogue.methods:
        return catalogue.methods[name].label
    entry = catalogue.methods.get(base_of(name))
    return label_of(entry.label, name) if entry and settings_of(name) else None


def rule_text(claim: Claim) -> str:
    """Return the test in words."""
    ratio = isinstance(claim, CostClaim)
    if isinstance(claim, RunClaim):
        subject = _of_runs(claim)
    elif isinstance(claim, CostClaim):
        subject = f"an update of {reference(claim.method)} / {reference(claim.rival)}"
    elif isinstance(claim, TableClaim):
        subject = f"total of {reference(claim.method)} / {reference(claim.rival)}, Table 1,"
    elif isinstance(claim, SettingClaim):
        subject = f"{claim.setting} of {reference(claim.method)}"
    elif isinstance(claim, IdeaClaim):
        subject = f"{_words(claim.value)} ({claim.idea})"
    else:
        assert isinstance(claim, DataClaim)
        subject = f"trajectories {_words(claim.value)}"
    return f"{subject} {_bound(claim, ratio)}"


def _of_runs(claim: RunClaim) -> str:
    label = f"{claim.factor:g} \N{MULTIPLICATION SIGN} " if claim.factor != 1 else ""
    ours = " or ".join(map(reference, claim.methods))
    others = [reference(m) for m in claim.against]
    rival = f"each of {', '.join(others)}" if len(others) > 1 else "".join(others)
    if claim.quantity == "improvement":
        return f"P({ours} > {rival})"
    if claim.quantity == "replicated":
        return REPLICATED.format(ours)
    subject = f"{ours} \N{MINUS SIGN} {label}{rival}" if rival else ours
    by = f"{claim.by:,}" if claim.by else ""
    return (
        subject
        + {
            "score": "",
            "change": f", online{f' at step {by}' if by else ''} \N{MINUS SIGN} offline,",
            "online": ", after the online phase,",
            "reached": f", at online step {by},",
            "peak": f", best evaluation of {by} online steps,",
            "steps": ", online steps to 90%,",
            "regret": ", failed online episodes in %,",
        }[claim.quantity]
    )


def _bound(claim: Claim, ratio: bool) -> str:
    test = claim.test
    if test.above is not None:
        return f"> {plain(test.above)}"
    if test.below is not None:
        return f"< {plain(test.below)}"
    assert test.within is not None
    middle = GOALS[test.of] if isinstance(test.of, str) else plain(test.of or 0.0)
    sign = "a factor of " if ratio else "\N{PLUS-MINUS SIGN}"
    return f"within {sign}{plain(test.within)} of {middle}"


def _words(key: str) -> str:
    return key.replace("_", " ")


def plain(value: float) -> str:
    """Return a number in short form, with a true minus sign."""
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def first(texts: Sequence[str]) -> str:
    """Return the first texts and the number of further ones."""
    more = len(texts) - SHOWN
    return "; ".join(texts[:SHOWN]) + (f"; and {more} more departures" if more > 0 else "")


def some(names: Sequence[str]) -> str:
    """Return the first name and the number of further ones."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
