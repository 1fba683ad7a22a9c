"""The paper's ideas as small experiments, one file each, measured with this project's own code.

A module has TITLE, `measure() -> dict` (plain numbers, identical at every call on one machine),
`draw(result, stem)` and `sentences(result)`, which states the findings with their numbers.
"""
