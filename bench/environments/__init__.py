"""Provides the project's Gymnasium environments."""
