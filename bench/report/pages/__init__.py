"""The first three pages of the report: the answer, the scores, and what they rest on."""
