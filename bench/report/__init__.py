"""The report of a suite: figures, tables and prose, typeset as PDF and HTML."""
