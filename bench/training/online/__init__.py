"""Collects and learns from environment steps after the offline phase."""
