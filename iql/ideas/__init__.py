"""The paper's ideas as small experiments: one file each, measured with this suite's own code.

A module has TITLE, `measure() -> dict` (plain numbers, equal at every call on one machine),
`draw(result, stem)`, and `sentences(result)`, which state the outcome with its numbers.
"""
