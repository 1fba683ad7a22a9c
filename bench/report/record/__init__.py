"""The report of the published record: its figures, its sections, and how they are built."""
