"""The verbs of the command line that read results: claims."""

from __future__ import annotations

from pathlib import Path

from bench.catalogue import Catalogue
from bench.errors import BenchError
from bench.parsing import parse_json
from bench.suite import DEFAULT_SUITE, Suite


def suite_of(catalogue: Catalogue, configfile: Path, suite: str | None) -> Suite:
    """The suite of a file, or given as JSON."""
    if suite is None:
        return catalogue.read_suite(configfile)
    return catalogue.suite(parse_json(suite, "--suite"), "--suite")


def claims(
    configfile: Path = DEFAULT_SUITE, suite: str | None = None, folder: Path | None = None
) -> None:
    """Hold config/claims.yaml against a suite's scores; writes claims.json.

    Args:
        configfile: the suite.
        suite: the suite as JSON; the workflow passes this.
        folder: of the results, where that is not results/<suite>.
    """
    from bench import claims_report, records, stats
    from bench.claims import read
    from bench.evidence import Evidence
    from bench.runs import read_runs
    from bench.verdicts import verdicts

    catalogue = Catalogue()
    ours = suite_of(catalogue, configfile, suite)
    folder = folder or Path("results") / ours.suite
    if not (folder / "scores.csv").exists():
        raise BenchError(f"{folder}/scores.csv: file not found; run `python -m bench statistics`.")
    scores = stats.read_csv(folder / "scores.csv", stats.SCORE_COLUMNS)
    runs = read_runs(ours, folder, records.source_hash)
    evidence = Evidence(scores, list(runs.found.values()), ours, catalogue)
    entries = verdicts(read(catalogue), evidence)
    records.write_json(folder / "claims.json", entries)
    print("\n".join(claims_report.lines(entries)))
    print(f"{folder}/claims.json: {len(entries)} claims")
