"""Scores, draws and exports the policies of finished runs."""
