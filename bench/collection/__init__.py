"""Trains behaviour policies and collects datasets with them."""
