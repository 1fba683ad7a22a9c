"""Launches, watches, prices and compares suites."""
