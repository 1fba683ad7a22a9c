"""Implicit Q-Learning (Kostrikov, Nair, Levine 2021)."""
