"""The sections of the report, in order; each makes its tables and figures from the inputs.

To add a figure, declare a `Figure` in one of these modules. It is then drawn and shown with its
caption in the PDF, the HTML page and Snakemake's report.
"""

from __future__ import annotations
