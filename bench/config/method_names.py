"""Names of methods in suites: a registered name, or NAME@setting=value, once or several times.

A name becomes a folder and part of a command, so it holds no character that means anything
there, and each method has one spelling: `0.50` and `0.5` would be two folders of one method.
"""

from __future__ import annotations

import json
import math
import re

from bench.config.registry import base_of, settings_of

ITEM = r"-?[A-Za-z0-9_][A-Za-z0-9_.+-]*"
METHOD = rf"[a-z0-9_]+(@[a-z_]+=({ITEM}|\[{ITEM}(,{ITEM})*\]))*"


def value_of(text: str) -> object:
    """Return the value after the = of a name: a finite number, true, false, a list, else text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if not isinstance(value, float) or math.isfinite(value) else text


def label_of(base: str, name: str) -> str:
    """Return how a method is called whose base is called `base`: IQL, expectile 0.5."""
    named = (f"{setting.replace('_', ' ')} {value}" for setting, value in settings_of(name).items())
    return ", ".join([base, *named])


def check_method_name(name: str) -> str:
    """Return `name`; raise ValueError with the remedy if a folder cannot have this name."""
    if not re.fullmatch(METHOD, name) or len(name) > 100:
        raise ValueError(
            f"{name[:60]!r} is not a method's name; write NAME or NAME@setting=value, where the "
            "value is a number, a word, or a list such as [64,64]"
        )
    for text in settings_of(name).values():
        if (short := _spelling(value_of(text))) != text:
            raise ValueError(f"{name!r}: write the value as {short}")
    pairs = sorted(settings_of(name).items())
    ordered = "@".join([base_of(name), *(f"{setting}={value}" for setting, value in pairs)])
    if ordered != name:
        raise ValueError(f"{name!r}: name each setting once and in order: {ordered}")
    return name


def _spelling(value: object) -> str:
    """Return the one spelling of a value: 1 for 1.0, no blanks in lists."""
    if isinstance(value, list):
        return f"[{','.join(map(_spelling, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)
