"""Training and evaluation of one block of seeds, offline and online."""
