"""Turns episodes into scores, intervals and comparisons, without torch."""
