"""The positional arguments of the verbs, as their help calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import Positional, arg

Method = Annotated[str, Positional, arg(metavar="METHOD")]
Task = Annotated[str, Positional, arg(metavar="TASK")]
Dataset = Annotated[str, Positional, arg(metavar="DATASET")]
Datasets = Annotated[tuple[str, ...], Positional, arg(metavar="[DATASET ...]")]
Suite = Annotated[str, Positional, arg(metavar="SUITE")]
Robot = Annotated[str, Positional, arg(metavar="ROBOT")]
Idea = Annotated[str, Positional, arg(metavar="IDEA")]
Slider = Annotated[str, Positional, arg(metavar="FIGURE")]
File = Annotated[Path, Positional, arg(metavar="FILE")]
Folder = Annotated[Path, Positional, arg(metavar="FOLDER")]
Forwarded = tyro.conf.UseAppendAction[tuple[str, ...]]
