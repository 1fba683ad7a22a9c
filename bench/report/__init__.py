"""Draws, tabulates and typesets the report of a suite as PDF and HTML."""
