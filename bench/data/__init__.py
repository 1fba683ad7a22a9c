"""Conversion of downloaded or collected episodes into audited transitions."""
