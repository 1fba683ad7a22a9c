"""Pools the scores that others published, and decides cells and claims from them."""
