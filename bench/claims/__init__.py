"""Decides each claim about IQL, and says beforehand how probably it will be decided."""
