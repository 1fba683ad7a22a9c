"""The figures: one function each, from data to a Matplotlib figure, in one common style."""
