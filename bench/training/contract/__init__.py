"""Checks what a method must do, on a problem whose best action is known."""
