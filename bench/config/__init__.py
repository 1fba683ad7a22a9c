"""Defines what a suite asks for: typed, validated, and layered with a source for each setting."""
