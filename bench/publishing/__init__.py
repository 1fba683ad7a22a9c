"""Verifies results against their episodes, and packs, publishes and archives them."""
