"""Reads back what a run recorded about itself: settings, machine, and the hash of its source."""
