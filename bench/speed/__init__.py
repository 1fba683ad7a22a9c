"""Measures how fast methods train and what precision costs."""
