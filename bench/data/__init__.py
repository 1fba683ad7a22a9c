"""Turns downloaded or collected episodes into audited transitions."""
