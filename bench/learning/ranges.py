"""Ranges and units of hyperparameters, for the annotations of a method's Config.

Outside its range a method is undefined or cannot train. The generated schema carries range and
unit, so that a suite is refused before any job starts, and a job's own settings are checked again.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

# Shares and probabilities.
Share = Annotated[float, Field(ge=0, le=1, description="share, from 0 to 1")]
Fraction = Annotated[float, Field(gt=0, le=1, description="share above 0, up to 1")]
Quantile = Annotated[float, Field(gt=0, lt=1, description="level between 0 and 1")]
Discount = Annotated[float, Field(ge=0, le=1, description="factor per step, from 0 to 1")]
# Steps of an optimiser and of a target network.
LearningRate = Annotated[float, Field(gt=0, le=1, description="step size per update")]
Polyak = Annotated[float, Field(gt=0, le=1, description="share of the new network per update")]
# Weights in a loss, and other numbers on a scale of their own.
Weight = Annotated[float, Field(ge=0, le=1e6, description="factor of a term in a loss")]
Positive = Annotated[float, Field(gt=0, le=1e9, description="a number above 0")]
Finite = Annotated[float, Field(ge=-1e9, le=1e9, description="a number of any sign")]
LogStd = Annotated[
    float, Field(ge=-50, le=10, description="logarithm of a standard deviation of actions")
]
# Counts.
Count = Annotated[int, Field(ge=1, le=10**9, description="how many, at least 1")]
CountFromZero = Annotated[int, Field(ge=0, le=10**9, description="how many, or 0")]
Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=16_384)], ...],
    Field(min_length=1, max_length=32, description="units of each hidden layer"),
]
