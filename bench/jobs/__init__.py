"""Launches, watches, prices, compares and archives suites."""
