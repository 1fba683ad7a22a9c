"""Trains on a GPU: draws on it, CUDA graphs of recorded updates, and one card for each job."""
