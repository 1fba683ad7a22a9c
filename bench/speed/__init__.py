"""Measurement of training speed and of the effect of precision."""
