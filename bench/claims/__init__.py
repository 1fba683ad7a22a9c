"""Decides each claim about IQL from the scores of a suite."""
