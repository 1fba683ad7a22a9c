"""The record is whole: sums that sources print, means of runs, keys, names, versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.paths import ROOT
from helpers.record import catalogue, record

from bench.errors import BenchError
from bench.literature.check import check
from bench.literature.sources import RECORD, Record, read_record, read_source
from bench.statistics import published

HEAD = "# title: A port\n# authors: somebody\n# url: https://example.org\n# checked: read twice\n"
COLUMNS = (
    "method,task,kind,mean,spread,spread_is,seeds,eval_episodes,updates,online_steps,standing,"
    "stratum,file,commit,remark,verified\n"
)
ROW = (
    "iql,hopper-medium-v2,last,60.5,2.5,sd,5,10,1000000,,independent,port,a/b:README.md,abc1234,,"
    "read\n"
)


def total(standing: str, method: str, beginnings: tuple[str, ...]) -> float:
    rows = record().scores
    rows = rows[(rows["source"] == "iql-paper") & (rows["standing"] == standing)]
    rows = rows[(rows["method"] == method) & rows["task"].str.startswith(beginnings)]
    return float(rows["mean"].sum())


ADROIT = ("pen", "hammer", "door", "relocate")


def test_the_papers_kitchen_and_adroit_rows_add_up_to_its_printed_totals() -> None:
    kitchen, adroit = (total("original", "iql", names) for names in (("kitchen",), ADROIT))
    assert (kitchen, adroit) == pytest.approx((159.8, 118.1))
    assert kitchen + adroit + 1070.4 == pytest.approx(1348.3)  # the printed totals


@pytest.mark.parametrize(("method", "printed"), [("bc", 825.9), ("cql", 1240.3)])
def test_remembered_columns_add_up_to_the_printed_totals(method: str, printed: float) -> None:
    table1 = sum(s for (_, name), s in published.paper_scores().items() if name == method)
    rest = total("believed", method, ("kitchen", *ADROIT))
    assert table1 + rest == pytest.approx(printed, abs=0.11)


def test_the_record_passes_its_own_checks() -> None:
    lines = check(record(), catalogue())
    frames = (record().scores, record().seeds, record().curves)
    assert [line.partition(" ")[0] for line in lines] == [f"{len(frame):,}" for frame in frames]
    least = (1794, 4861, 12310)
    assert all(len(frame) >= count for frame, count in zip(frames, least, strict=True))
    assert int(lines[1].partition(": ")[2].split()[0]) >= 445


def test_every_row_can_be_traced() -> None:
    rows = record().scores
    named = rows[rows["standing"] != "believed"]
    assert (named["file"] != "").all()
    repositories = named[named["file"].str.match(r"[\w.-]+/[\w.-]+:")]
    assert (repositories["commit"] != "").all()
    assert len(repositories) > 1_500


def test_every_source_is_on_the_page() -> None:
    page = (ROOT / "docs/record.md").read_text()
    others = [key for key in record().sources if not key.startswith("own-")]
    assert len(others) == 27
    assert [key for key in others if f"`{key}`" not in page] == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the record to which a source can be added."""
    return Path(shutil.copytree(RECORD, tmp_path / "record"))


def test_a_source_is_one_file(folder: Path) -> None:
    (folder / "scores/a-port.csv").write_text(HEAD + COLUMNS + ROW)
    found = read_record(folder)
    assert found.sources["a-port"].title == "A port"
    assert len(found.scores) == len(record().scores) + 1
    check(found, catalogue(), folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + COLUMNS + ROW.replace("60.5", "sixty"), "row 6: mean"),
        (HEAD + COLUMNS + ROW.replace(",last,", ",final,"), "row 6: kind"),
        (HEAD + COLUMNS + ROW.replace("-v2", ""), "row 6: task"),
        (HEAD + COLUMNS + ROW.replace(",port,", ",,"), "stratum: required"),
        (HEAD + COLUMNS + ROW.replace(",2.5,", ",,"), "spread: goes with spread_is"),
        (HEAD + COLUMNS + ROW.replace("a/b:README.md", ""), "file: only a believed score"),
        (HEAD + COLUMNS.replace("verified", "proof") + ROW, "unknown key 'proof'"),
        (HEAD.replace("title", "titel") + COLUMNS + ROW, "unknown key 'titel'"),
        ("# [\n" + COLUMNS + ROW, "are not YAML"),
        (HEAD, "no table below"),
        (HEAD + COLUMNS + ROW + ROW, "is given twice"),
    ],
)
def test_a_mistake_is_named_in_a_sentence(folder: Path, text: str, message: str) -> None:
    path = folder / "scores/a-port.csv"
    path.write_text(text)
    with pytest.raises(BenchError, match=message) as raised:
        read_record(folder)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("iql,", "iqql,", "unknown method 'iqql'; did you mean 'iql'"),
        ("hopper-medium", "hoper-medium", "unknown task 'hoper-medium-v2'"),
    ],
)
def test_unknown_names_are_refused(folder: Path, old: str, new: str, message: str) -> None:
    (folder / "scores/a-port.csv").write_text(HEAD + COLUMNS + ROW.replace(old, new))
    with pytest.raises(BenchError, match=message):
        check(read_record(folder), catalogue(), folder)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("mean", 60.0, "its runs average"),
        ("seeds", 4.0, "4 seeds but"),
        ("spread", 9.0, "deviation"),
    ],
)
def test_a_score_that_its_runs_contradict_is_refused(
    column: str, value: float, message: str
) -> None:
    scores = record().scores.copy()
    row = (scores["source"] == "rebrac-paper") & (scores["task"] == "hopper-medium-v2")
    scores.loc[row & (scores["method"] == "iql"), column] = value
    with pytest.raises(BenchError, match=message):
        check(Record(record().sources, scores, record().seeds, record().curves), catalogue())


def test_runs_without_a_source_or_twice_are_refused(folder: Path) -> None:
    seeds = folder / "seeds/a-port.csv"
    seeds.write_text("method,task,seed,kind,score,step\niql,hopper-medium-v2,0,last,60.5,1000000\n")
    with pytest.raises(BenchError, match=r"scores/a-port.csv is missing"):
        check(read_record(folder), catalogue(), folder)
    (folder / "scores/a-port.csv").write_text(HEAD + COLUMNS + ROW)
    seeds.write_text(seeds.read_text() + "iql,hopper-medium-v2,0,last,61.5,1000000\n")
    with pytest.raises(BenchError, match="two scores of kind last"):
        check(read_record(folder), catalogue(), folder)


def test_corls_tables_are_not_kept_twice() -> None:
    _, own = read_source(RECORD / "scores/corl.csv")
    table = {(task, method) for task, method in published.corl_samples()}
    assert not table & set(own[["task", "method"]].itertuples(index=False, name=None))
    rows = record().scores
    last = rows[(rows["source"] == "corl") & (rows["kind"] == "last")]
    both = last.set_index(["task", "method"])["mean"]
    assert both["hopper-medium-expert-v2", "iql"] == 107.42
    assert both["pen-human-v1", "iql"] == 78.49


def test_an_empty_folder_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no source found"):
        read_record(tmp_path)
