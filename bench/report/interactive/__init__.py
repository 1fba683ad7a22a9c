"""Figures with sliders: each position is computed beforehand, and the page only shows it."""
