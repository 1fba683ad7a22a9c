"""Trains and scores one block of seeds, offline and online."""
