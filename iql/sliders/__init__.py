"""The paper's ideas as figures with sliders: one file each, every position a computed result.

A module has `measure() -> dict` (plain numbers, equal at every call on one machine) and
`scene(result) -> Scene`, which draws each position and says in words what its numbers say.
"""
