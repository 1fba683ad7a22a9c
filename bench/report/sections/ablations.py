"""Ablations: the methods of a suite that differ in one setting."""

from __future__ import annotations

from functools import partial

from bench.config.catalogue import Catalogue
from bench.config.registry import base_of, settings_of
from bench.config.types import Suite
from bench.report.figures.ablations import Ablation, ablation_panels
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import Figure, Section
from bench.report.sections.settings import defaults


def section(inputs: ReportInputs) -> Section | None:
    """Plot scores against each setting that is varied; None where the suite varies none."""
    catalogue = inputs.catalogue
    found = ablations(inputs.suite, catalogue)
    if not found:
        return None
    bases = dict.fromkeys(catalogue.methods[a.base].label for a in found)
    caption = CAPTION.format(plain(" and ".join(bases)))
    draw = partial(ablation_panels, inputs.summary, found, catalogue)
    title = "One setting at a time"
    figure = Figure("ablations", "Ablations", caption, draw, inputs.summary)
    return Section("Ablations", title, (figure,))


CAPTION = (
    "{} with one setting changed: score at the last evaluation, mean over seeds with 95% CI "
    "(omitted below three seeds), on this suite’s data. The ring marks the unmodified "
    "method; all other settings are those listed below."
)


def ablations(suite: Suite, catalogue: Catalogue) -> list[Ablation]:
    """Return an ablation for each task and each numeric setting that the suite's methods vary."""
    varied = dict.fromkeys(_key(m) for m in suite.methods if len(settings_of(m)) == 1)
    found = []
    for base, setting in varied:
        alike = [m for m in suite.methods if m == base or (base, setting) == _key(m)]
        for task in suite.tasks:
            default = defaults(base, catalogue)[setting]
            values = {
                m: catalogue.settings(suite, m, task, suite.seeds).config.get(setting, default)
                for m in (*alike, base)
            }
            if all(type(value) in (int, float) for value in values.values()):
                ordered = dict(sorted((float(values[m]), m) for m in alike))
                found.append(Ablation(task, base, setting, ordered, float(values[base])))
    return found


def _key(method: str) -> tuple[str, str]:
    """Return the method behind a name, and the setting that it varies."""
    return base_of(method), "@".join(settings_of(method))
