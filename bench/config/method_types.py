"""The type of an entry of config/methods.yaml, and of its layers by family."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bench.config.types import Layer
from bench.config.validation import Strict


class FamilyLayer(Layer):
    """A method's layer for one family of tasks."""

    environments: dict[str, dict[str, Any]] = Field(
        default={}, description="further fields of Config for env_ids that start with the key"
    )
    fine_tuning: dict[str, Any] = Field(
        default={}, description="further fields of Config for runs with an online phase"
    )
    source: str = Field(min_length=1, description="where the values come from")
    published: str | None = Field(
        default=None, min_length=1, description="which recipe the paper's scores come from"
    )


OWN_DEFAULTS = FamilyLayer(source="the method's own defaults")


class Method(Strict):
    """One entry of config/methods.yaml."""

    label: str = Field(description="name in tables and figures")
    reference: str = Field(description="paper")
    paper_minutes: float | None = Field(
        default=None,
        gt=0,
        le=10**6,
        description="runtime in Table 1 of the IQL paper: 1M updates, GTX 1080",
    )
    module: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
        description="a module of the project's folder, such as lab.td7; by default methods.NAME",
    )
    online_only: bool = Field(
        default=False, description="of a project's own: it learns from its own steps alone"
    )
    families: dict[str, FamilyLayer] = Field(
        default={},
        description="layers by family; if empty, the method's own defaults in every family",
    )

    def layer(self, family: str) -> FamilyLayer | None:
        """Return the settings for a family; None if only other families have settings."""
        return self.families.get(family) if self.families else OWN_DEFAULTS

    @property
    def first(self) -> FamilyLayer:
        """The settings for the family listed first."""
        return next(iter(self.families.values()), OWN_DEFAULTS)
