"""Implements the verbs of `python -m bench`."""
