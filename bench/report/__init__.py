"""The report of a suite: sections of tables and figures, typeset as PDF and as an HTML page."""
