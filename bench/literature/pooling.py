"""Random-effects estimates of differences, by statsmodels, and the rule that decides a cell.

The between-source variance is Paule and Mandel's (1982). The interval of the pooled difference is
Hartung and Knapp's (2001), its standard error never below the classical one, as Roever, Knapp and
Friede (2015) advise for few studies. The prediction interval is Higgins, Thompson and
Spiegelhalter's (2009), with t of k - 2 degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

Between = Literal["pm", "dl"]
LEVEL = 0.95
LEAST = 3  # reproductions below which no cell is decided
CLOSE, NEAR = 5.0, 10.0  # points of normalised score

WITHIN_5, WITHIN_10 = "within 5", "within 10"
DOES_NOT, NOISY = "does not", "too noisy to say"
VERDICTS = (WITHIN_5, WITHIN_10, DOES_NOT, NOISY)


@dataclass(frozen=True)
class Pooled:
    """A pooled difference of k reproductions from a published value, in points.

    `low` and `high` bound its 95% interval, `next_low` and `next_high` the prediction interval of
    the difference that a further code would have with infinitely many seeds. `between_sd` is the
    standard deviation between sources, `i2` Higgins's share of it in the whole variation, in
    percent, and `q` Cochran's statistic. What k does not allow is nan: `between_sd`, `i2` and `q`
    need k = 2, a prediction interval k = 3.
    """

    k: int
    value: float
    error: float
    low: float
    high: float
    between_sd: float
    i2: float
    q: float
    next_low: float
    next_high: float
    weights: tuple[float, ...]  # in percent, by reproduction


def pool(
    effects: Sequence[float],
    variances: Sequence[float],
    between: Between = "pm",
    floor: bool = True,
    target: float = 0.0,
    level: float = LEVEL,
) -> Pooled:
    """Pool (k,) differences with their variances; raise ValueError without any.

    Args:
        effects: differences in points.
        variances: their squared standard errors, all positive.
        between: estimator of the between-source variance: Paule-Mandel or DerSimonian-Laird.
        floor: keep Hartung and Knapp's standard error at or above the classical one.
        target: squared standard error of what the effects are differences from; all share it.
        level: of the intervals.
    """
    if not len(effects):
        raise ValueError("nothing to pool; give at least one difference")
    effect, variance = np.asarray(effects, float), np.asarray(variances, float)
    count = len(effect)
    if count == 1:
        error = math.sqrt(variance[0] + target)
        reach = float(stats.norm.ppf((1 + level) / 2)) * error
        nan = math.nan
        value = float(effect[0])
        low, high = value - reach, value + reach
        return Pooled(1, value, error, low, high, nan, nan, nan, nan, nan, (100.0,))
    # Its iteration for Paule and Mandel approaches from one side and answers 0 once rounding passes
    # the root, so its tolerance must stay at the default; tests hold it against metafor.
    with np.errstate(invalid="ignore", divide="ignore"):  # of statistics that are not used here
        found = combine_effects(effect, variance, method_re=between)
        if found.tau2 < 0:  # DerSimonian and Laird's estimate is truncated at 0, as the other's is
            found = combine_effects(effect, variance, method_re="pm")
    knapp, classical = math.sqrt(found.var_hksj_re), float(found.sd_eff_w_re)
    error = math.sqrt((max(knapp, classical) if floor else knapp) ** 2 + target)
    value = float(found.mean_effect_re)
    reach = float(stats.t.ppf((1 + level) / 2, count - 1)) * error
    spread = math.nan
    if count >= LEAST:
        spread = float(stats.t.ppf((1 + level) / 2, count - 2))
        spread *= math.sqrt(found.tau2 + error**2)
    return Pooled(
        k=count,
        value=value,
        error=error,
        low=value - reach,
        high=value + reach,
        between_sd=math.sqrt(found.tau2),
        i2=max(0.0, 100 * float(found.i2)) if found.q > 0 else 0.0,
        q=float(found.q),
        next_low=value - spread,
        next_high=value + spread,
        weights=tuple((100 * np.asarray(found.weights_rel_re)).tolist()),
    )


RULE = (
    f"Fixed before the estimates were made: with fewer than {LEAST} independent reproductions a "
    f"cell is {NOISY}. Otherwise it reproduces within {CLOSE:g} (or {NEAR:g}) points if the 95% "
    f"interval of the pooled difference lies wholly inside ±{CLOSE:g} (±{NEAR:g}); it does not "
    f"reproduce if the interval lies wholly beyond {CLOSE:g} points on one side and is not inside "
    f"±{NEAR:g}; and it is {NOISY} if the interval allows both."
)


def verdict(pooled: Pooled | None, least: int = LEAST) -> str:
    """Return one of VERDICTS by RULE; None stands for a cell without a reproduction."""
    if pooled is None or pooled.k < least:
        return NOISY
    low, high = pooled.low, pooled.high
    for margin, name in ((CLOSE, WITHIN_5), (NEAR, WITHIN_10)):
        if -margin < low and high < margin:
            return name
    return DOES_NOT if low > CLOSE or high < -CLOSE else NOISY
