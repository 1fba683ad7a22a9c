"""Holds all that a method may import: networks, optimiser, replay, and random streams."""
