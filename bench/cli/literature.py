"""The command-line verb for what others published: the record."""

from __future__ import annotations

from bench.config.catalogue import Catalogue
from bench.paths import RECORD_VERDICTS, REPORTS


def record(check: bool = False, publish: bool = False) -> None:
    """Pool the scores that others published; write reports/record.pdf, its page and its tables.

    Args:
        check: only validate config/published/record.
        publish: only decide the claims of config/claims.yaml, and write the published verdicts.
    """
    from bench.literature.check import check as checked
    from bench.literature.sources import read_record

    catalogue = Catalogue()
    found = read_record()
    lines = checked(found, catalogue)
    if check:
        print("\n".join(lines))
        return
    from bench.literature.analysis import Analysis

    labels = {name: method.label for name, method in catalogue.methods.items()}
    analysis = Analysis(found, labels)
    if publish:
        from bench.claims.ledger import read
        from bench.files import write_json
        from bench.literature.claims import verdicts

        entries = verdicts(read(catalogue), analysis)
        write_json(RECORD_VERDICTS, entries)
        print(f"{RECORD_VERDICTS}: {len(entries)} claims")
        return
    from bench.report.record.build import build

    out = REPORTS / "record.pdf"
    build(analysis, out)
    print(out)
