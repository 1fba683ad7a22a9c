"""Results in run folders and packed: the same content, and one sentence for a damaged file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.suite_results import (
    TASKS,
    catalogue,
    edit_record,
    make_suite,
    source_hash,
    write_card,
    write_results,
)

from bench.errors import BenchError
from bench.files import sealed
from bench.jobs.compare import read_shipped
from bench.paths import EPISODES, EVALUATIONS, METRICS
from bench.publishing import packing
from bench.records.layouts import Results, open_results
from bench.records.packed import CARDS, RECORDS
from bench.records.runs import read_runs
from bench.report import provenance
from bench.statistics import aggregates
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS, collect_scores, run_scores

A, B = TASKS[:2]
SUITE = make_suite([A, B], ["iql", "bc"], seeds=6, seeds_per_job=3)
RUN = f"bc/{A}/0-2"
LIVE, REPORT = Path("results/fixture"), Path("reports/fixture.pdf")
# Numbers whose digits a float would not keep.
CURVES = "phase,step,seed,q\noffline,500,0,1.10\noffline,500,1,-0.30000000000000004\n"
PLAYED = "phase,step,seed,episode,return,length\nonline,30,0,0,1e3,30\n"


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """A finished suite as training leaves it: eight runs, one of which also learned online."""
    monkeypatch.chdir(tmp_path)
    write_results(LIVE, SUITE)
    for task in (A, B):
        card = json.loads(write_card(Path("cards"), task).read_text()) | {"hash": "00ff"}
        folder = Path(f"data/transitions/fixture/{task}-100k-v0")
        folder.mkdir(parents=True)
        (folder / "card.json").write_text(json.dumps(card))
    (LIVE / "runs" / RUN / METRICS).write_text(CURVES)
    for name in open_results(LIVE).runs:
        text = PLAYED if name == RUN else PLAYED.partition("\n")[0] + "\n"
        (LIVE / "runs" / name / EPISODES).write_text(text)
        edit_record(LIVE / "runs" / name)
    REPORT.parent.mkdir()
    REPORT.write_bytes(b"a pdf")
    return open_results(LIVE)


@pytest.fixture
def packed(live: Results) -> Path:
    out = Path("published/fixture")
    packing.pack(live.folder, REPORT, out)
    return out


def test_nothing_is_lost(live: Results) -> None:
    (LIVE / "runs/bc" / A / "3-5" / METRICS).write_text(CURVES.replace(",q", ",v"))
    edit_record(LIVE / "runs/bc" / A / "3-5")
    out = Path("published/fixture")
    files = packing.pack(LIVE, REPORT, out, [f"bc/{A}"])
    tables = ["aggregate.csv", "scores.csv", "summary.csv", "suite.json"]
    more = [CARDS, EPISODES, EVALUATIONS, METRICS, "report.pdf", RECORDS, "SHA256SUMS"]
    assert files == sorted([*tables, *more])
    found = open_results(out)
    assert list(found.runs) == list(live.runs)
    cells = [(m, t) for m in ("bc", "iql") for t in (A, B)]
    assert list(found.runs) == [f"{m}/{t}/{block}" for m, t in cells for block in ("0-2", "3-5")]
    for name, run in live.runs.items():
        assert found.runs[name].record() == run.record()
        assert list(found.runs[name].record()) == list(run.record())
        for file in (EVALUATIONS, EPISODES):
            assert found.runs[name].read(file).text == run.read(file).text
    assert PLAYED in found.runs[RUN].read(EPISODES).text
    assert ",1.10,\n" in found.runs[RUN].read(METRICS).text  # and no `v`, as the other run has
    assert "iql" not in (out / METRICS).read_text()
    assert found.cards() == live.cards()
    assert set(found.cards()) == {A, B}
    for table in tables:
        assert (out / table).read_bytes() == (LIVE / table).read_bytes()


def test_statistics_and_comparison_are_the_same(live: Results, packed: Path) -> None:
    collect_scores(open_results(packed).runs.values(), Path("again.csv"))
    assert Path("again.csv").read_bytes() == (LIVE / "scores.csv").read_bytes()
    live, shipped = read_shipped(LIVE), read_shipped(packed)
    assert set(live.tasks) == {A, B}
    ours, theirs = live.scores, shipped.scores
    assert list(ours) == list(theirs)
    assert all(ours[cell].scores.equals(theirs[cell].scores) for cell in ours)
    assert read_runs(SUITE, packed, source_hash) == read_runs(SUITE, LIVE, source_hash)


def test_explain_names_line_and_rows(packed: Path) -> None:
    lines = (packed / RECORDS).read_text().splitlines()
    place = next(i for i, line in enumerate(lines, 1) if json.loads(line)["run"] == RUN)
    text = "".join(line + "\n" for line in lines if f"iql/{B}/3-5" not in line)
    (packed / RECORDS).write_text(text)
    rows = (packed / EVALUATIONS).read_text().splitlines(keepends=True)
    (packed / EVALUATIONS).write_text("".join(r for r in rows if f"iql,{B},3-5" not in r))
    frames = [
        read_csv(packed / f"{name}.csv", columns)
        for name, columns in (("scores", SCORE_COLUMNS), ("summary", aggregates.SUMMARY_COLUMNS))
    ]
    runs = read_runs(SUITE, packed, source_hash)
    shown = [
        "\n".join(provenance.chain(task, method, SUITE, catalogue(), packed, runs, *frames))
        for task, method in ((A, "bc"), (B, "iql"))
    ]
    assert f"run       {packed}/runs.jsonl, line {place}: done, seeds 0, 1, 2" in shown[0]
    assert f"episodes  {packed}/evaluations.csv, rows bc,{A},0-2\n" in shown[0]
    assert f"run       {packed}/runs.jsonl, iql/{B}/3-5: not run" in shown[1]


# --- damaged files --------------------------------------------------------------------


def second_line_torn(text: str) -> str:
    first, second, *rest = text.splitlines(keepends=True)
    return first + second[:40] + "\n" + "".join(rest)


def without_rows_of_the_first_run(text: str) -> str:
    return "".join(row for row in text.splitlines(keepends=True) if f"bc,{A},0-2" not in row)


@pytest.mark.parametrize(
    ("file", "damage", "expected"),
    [
        (RECORDS, second_line_torn, "runs.jsonl, line 2: not a run's name and record ("),
        (RECORDS, lambda t: t + "[]\n", "runs.jsonl, line 9: not a run's name and record ("),
        (
            RECORDS,
            lambda t: t.replace(RUN, "bc", 1),
            "line 1: not a run's name and record (run is not METHOD/TASK/SEEDS",
        ),
        (
            RECORDS,
            lambda t: t + t.splitlines(keepends=True)[0],
            f"runs.jsonl, line 9: {RUN} is also on line 1; remove one of the two lines.",
        ),
        (
            RECORDS,
            lambda t: "".join(t.splitlines(keepends=True)[1:]),
            f"evaluations.csv, line 2: {RUN} has no record in runs.jsonl; restore the file",
        ),
        (
            EVALUATIONS,
            lambda t: t.replace("seeds", "block", 1),
            "evaluations.csv, line 1: the column 'seeds' is missing; restore the file",
        ),
        (
            EVALUATIONS,
            without_rows_of_the_first_run,
            f"runs.jsonl, line 1: {RUN} has no rows in evaluations.csv; restore the file",
        ),
        (EVALUATIONS, lambda t: t[:-6], "line 481: 8 cells, not 9; restore the file"),
        (EVALUATIONS, lambda *_: "", "line 1: the column 'method' is missing"),
        (EPISODES, lambda t: t + "\n", "episodes.csv, line 3: 0 cells, not 9; restore the file"),
    ],
)
def test_a_damaged_file_is_named(packed: Path, file: str, damage: object, expected: str) -> None:
    assert callable(damage)
    path = packed / file
    path.write_text(damage(path.read_text()))
    with pytest.raises(BenchError) as caught:
        open_results(packed)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_column_of_episodes_is_named(packed: Path) -> None:
    path = packed / EVALUATIONS
    path.write_text(path.read_text().replace("return", "reward", 1))
    expected = rf"evaluations.csv, rows bc,{A},0-2: the column 'return' is missing; restore"
    with pytest.raises(BenchError, match=expected):
        run_scores(open_results(packed).runs[RUN])


def test_a_missing_file_or_key_is_named(packed: Path) -> None:
    run = open_results(packed).runs[RUN]
    with pytest.raises(BenchError, match=r"metrics.csv: file not found; restore the file"):
        run.read(METRICS)
    path = packed / RECORDS
    first, rest = path.read_text().split("\n", 1)
    line = json.loads(first)
    del line["record"]["machine"]
    line["record"] = sealed(line["record"])
    path.write_text(f"{json.dumps(sealed(line))}\n{rest}")
    with pytest.raises(BenchError, match=r"runs.jsonl, line 1: the key 'machine' is missing; res"):
        read_runs(SUITE, packed, source_hash)
    (packed / CARDS).write_text("[")
    with pytest.raises(BenchError, match=r"cards.json: not valid JSON .* restore the file"):
        open_results(packed).cards()
    (packed / EVALUATIONS).unlink()
    with pytest.raises(BenchError, match=r"evaluations.csv: file not found; restore the file"):
        open_results(packed)


def test_a_run_that_diverged_at_once_has_no_rows(packed: Path) -> None:
    path = packed / RECORDS
    first, rest = path.read_text().split("\n", 1)
    path.write_text(first.replace('"done"', '"diverged"') + "\n" + rest)
    episodes = packed / EVALUATIONS
    episodes.write_text(without_rows_of_the_first_run(episodes.read_text()))
    assert run_scores(open_results(packed).runs[RUN]).empty


def test_two_layouts_in_one_folder(packed: Path) -> None:
    (packed / "runs").symlink_to((LIVE / "runs").resolve())
    with pytest.raises(BenchError, match=r"has both runs.jsonl and runs/; remove one"):
        open_results(packed)


# --- refusals of pack -----------------------------------------------------------------


def test_what_is_not_finished_is_not_packed(live: Results) -> None:
    out = Path("published/fixture")

    def refused(expected: str, *curves: str) -> None:
        with pytest.raises(BenchError, match=expected):
            packing.pack(LIVE, REPORT, out, curves)
        assert not out.exists()
        assert not list(Path().glob("published/.*"))

    refused(
        "--curves: unknown METHOD/TASK .*; did you mean 'bc/halfcheetah-medium'",
        "bc/cheetah-medium",
    )
    card = Path(f"data/transitions/fixture/{A}-100k-v0/card.json")
    text = card.read_text()
    card.write_text(text.replace("00ff", "11ff"))
    refused("0-2/run.json, dataset_hash: differs from the card of")
    card.unlink()
    refused("card.json: file not found")
    card.write_text(text)
    scores = (LIVE / "scores.csv").read_text()
    (LIVE / "scores.csv").write_text("\n".join(scores.splitlines()[:-1]) + "\n")
    refused("scores.csv: does not match the runs next to it; run `python -m bench statistics`")
    (LIVE / "summary.csv").unlink()
    refused("summary.csv: file not found; run `python -m bench statistics`")
    with pytest.raises(BenchError, match="no runs to pack"):
        packing.pack(Path("results/other"), REPORT, out)


def test_packed_results_are_not_packed_or_overwritten(packed: Path) -> None:
    with pytest.raises(
        BenchError, match="published/fixture: already exists; delete it or choose another"
    ):
        packing.pack(LIVE, REPORT, packed)
    with pytest.raises(BenchError, match="no runs to pack"):
        packing.pack(packed, REPORT, Path("again"))
    REPORT.unlink()
    with pytest.raises(BenchError, match=r"fixture.pdf: file not found; run `python -m bench rep"):
        packing.pack(LIVE, REPORT, Path("again"))
