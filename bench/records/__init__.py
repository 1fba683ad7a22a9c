"""Reads back what a run recorded about itself, and checks it against its seal."""
