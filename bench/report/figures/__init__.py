"""The figures: one function each, data in and a Matplotlib figure out, in one common style."""
