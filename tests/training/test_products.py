"""The library of each matrix product: OpenBLAS's operators, the choice, and runs that repeat it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import scratch_methods
from helpers.training_jobs import settings
from torch import Tensor

from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.training import checkpoint
from bench.training.engine import Engine
from bench.training.products import choice, machine_cache, openblas
from bench.training.products.choice import KEPT, Products
from bench.training.run import Run

aten, ours = torch.ops.aten, torch.ops.openblas
GENERATOR = torch.Generator().manual_seed(0)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=GENERATOR)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without choices; the compiled operators are the user's."""
    assert openblas.load() is not None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "iql-reproduction"


# --- the operators ----------------------------------------------------------------------

FACTORS = {
    "rows": (normal(3, 5, 7), normal(3, 7, 4)),
    "columns": (normal(3, 7, 5).mT, normal(3, 4, 7).mT),
    "one matrix for all": (normal(1, 5, 7).expand(3, 5, 7), normal(3, 7, 4)),
    "row by column": (normal(3, 1, 7), normal(3, 7, 1)),
    "column by row": (normal(3, 5, 1), normal(3, 1, 4)),
    "columns of one": (normal(3, 1, 5).mT, normal(3, 4, 1).mT),
    "part of a matrix": (normal(3, 5, 9)[:, :, 1:8], normal(3, 9, 4)[:, 2:]),
    "neither rows nor columns": (normal(3, 10, 14)[:, ::2, ::2], normal(3, 7, 8)[:, :, ::2]),
    "nothing to sum": (normal(3, 5, 0), normal(3, 0, 4)),
}


@pytest.mark.parametrize("name", FACTORS)
def test_products_in_every_layout_compiled_and_through_ctypes(name: str) -> None:
    a, b = FACTORS[name]
    exact, through = a.double() @ b.double(), openblas.through_ctypes()
    for operator, (x, y), expected in (
        (ours.bmm, (a, b), exact),
        (ours.mm, (a[1], b[1]), exact[1]),
    ):
        made = operator(x, y)
        assert made.is_contiguous()
        torch.testing.assert_close(made.double(), expected, rtol=0, atol=1e-5)
        assert torch.equal(made, through(x, y))


def test_a_matrix_is_multiplied_alike_alone_and_among_others() -> None:
    a, b = normal(5, 256, 64), normal(5, 64, 64)
    assert torch.equal(ours.bmm(a, b)[2], ours.bmm(a[2:3], b[2:3])[0])


@pytest.mark.parametrize(
    "factors", [(normal(2, 3), normal(2, 3)), (normal(2, 3), normal(3, 2).double())]
)
def test_factors_that_do_not_fit_are_refused(factors: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(RuntimeError):
        ours.mm(*factors)


def test_openblas_computes_in_the_thread_that_flushes_tiny_numbers() -> None:
    assert openblas._library().scipy_openblas_get_num_threads() == 1
    torch.set_flush_denormal(True)
    factors = torch.full((2, 512, 512), 1e-25), torch.full((2, 512, 512), 1e-16)
    assert not ours.bmm(*factors).view(torch.int32).any()


def test_without_a_compiler_there_is_no_library_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert openblas._build() is None


# --- the choice -------------------------------------------------------------------------


def chosen(products: Products, a: Tensor, b: Tensor) -> str:
    func = aten.bmm.default if a.dim() == 3 else aten.mm.default
    operator = products(func, (a, b))
    return "torch" if operator is func else str(operator).partition(".")[0]


def test_each_kind_is_timed_once_a_machine(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[str] = []

    def fastest(kind: str) -> str:
        timed.append(kind)
        return "openblas" if kind.endswith("nt") else "torch"

    monkeypatch.setattr(choice, "fastest", fastest)
    first, second = Products("auto"), Products("auto")
    for products in (first, second):
        assert chosen(products, normal(2, 5, 7), normal(2, 4, 7).mT) == "openblas"
        assert chosen(products, normal(9, 5, 7), normal(9, 4, 7).mT) == "openblas"
        assert chosen(products, normal(5, 7), normal(7, 4)) == "torch"
    assert timed == ["5x7x4 nt", "5x7x4 nn"]
    assert first.record() == second.record()
    assert first.record()["chosen"] == {"5x7x4 nt": "openblas", "5x7x4 nn": "torch"}
    (kept,) = json.loads((place / KEPT).read_text()).values()
    assert kept == first.chosen


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', '{"HERE": {"2x2x2 nn": "x"}}'])
def test_damaged_choices_are_made_anew(
    place: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "fastest", lambda kind: "openblas")
    assert chosen(Products("auto"), normal(2, 2), normal(2, 2)) == "openblas"
    (here,) = json.loads((place / KEPT).read_text())
    (place / KEPT).write_text(content.replace("HERE", here))
    monkeypatch.setattr(choice, "fastest", lambda kind: "torch")
    assert chosen(Products("auto"), normal(2, 2), normal(2, 2)) == "torch"


def test_a_machine_without_a_folder_chooses_in_every_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(choice, "fastest", lambda kind: "openblas")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert machine_cache.folder() is None
    assert chosen(Products("auto"), normal(2, 2), normal(2, 2)) == "openblas"


def test_the_faster_library_must_be_so_by_a_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    times = {"torch": 1.0, "openblas": 1.0}

    def taking(name: str) -> Any:
        def product(a: Tensor, b: Tensor) -> None:
            assert (a.shape, b.shape) == ((2, 1024, 3), (2, 3, 4))
            assert (a.is_contiguous(), b.is_contiguous()) == (False, True)
            clock[0] += times[name]

        return product

    monkeypatch.setattr(choice.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(torch, "bmm", taking("torch"))
    monkeypatch.setattr(ours, "bmm", taking("openblas"))
    for torch_seconds, expected in ((1.0, "torch"), (1.15, "torch"), (1.25, "openblas")):
        times["torch"] = torch_seconds
        assert choice.fastest("5000x3x4 tn") == expected


def test_both_libraries_are_really_timed() -> None:
    assert choice.fastest("64x64x64 nt") in ("torch", "openblas")


def test_what_openblas_does_not_multiply_stays_with_torch() -> None:
    products = Products("openblas")
    assert chosen(products, normal(2, 2), normal(2, 2)) == "openblas"
    assert chosen(products, normal(2, 2).double(), normal(2, 2).double()) == "torch"
    assert chosen(products, normal(0, 2), normal(2, 2)) == "torch"
    assert products(aten.add.Tensor, (normal(2), normal(2))) is aten.add.Tensor
    assert chosen(Products("torch"), normal(2, 2), normal(2, 2)) == "torch"
    assert chosen(Products("openblas", vectors=False), normal(2, 2), normal(2, 1)) == "torch"


def test_without_openblas_auto_is_torch_and_openblas_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(openblas, "load", lambda: None)
    assert chosen(Products("auto"), normal(2, 2), normal(2, 2)) == "torch"
    with pytest.raises(BenchError, match=r"pip install scipy-openblas32\); use 'auto'"):
        chosen(Products("openblas"), normal(2, 2), normal(2, 2))
    resumed = Products("auto")
    resumed.restore({"2x2x2 nn": "openblas"})
    assert "from here on this run multiplies with torch's library" in capsys.readouterr().out
    assert resumed.chosen == {}


@pytest.mark.parametrize("library", ["auto", "openblas"])
def test_a_gpu_multiplies_with_its_own_library(library: str) -> None:
    assert Products.of(settings(products=library), "cuda", "recorded").setting == "torch"


def test_openblas_is_for_float32() -> None:
    assert Products.of(settings(precision="bfloat16"), "cpu", "recorded").setting == "torch"
    with pytest.raises(BenchError, match="multiplies float32, not bfloat16; use 'auto'"):
        Products.of(settings(precision="bfloat16", products="openblas"), "cpu", "recorded")


def test_a_compiled_run_leaves_vectors_to_the_compiler() -> None:
    assert Products.of(settings(), "cpu", "recorded").vectors
    assert not Products.of(settings(), "cpu", "compiled").vectors


# --- updates and runs -------------------------------------------------------------------


def trained(method: Any, executor: str, library: Any) -> Engine:
    made = scratch_methods.engine(method, executor, products=Products(library))
    for number in range(20):
        made(scratch_methods.rows(number))
    return made


@pytest.mark.parametrize("executor", ["recorded", "compiled"])
def test_an_update_with_openblas_is_near_torch_and_equal_to_itself(
    executor: str, tmp_path: Path
) -> None:
    if executor == "compiled" and not shutil.which("g++"):
        pytest.skip("no C++ compiler on this machine")
    method, _ = scratch_methods.write(tmp_path / "scratch_products.py")
    plain, one = trained(method, "recorded", "torch"), trained(method, executor, "openblas")
    assert one.executor == executor  # proven, although its bits are not those of torch
    assert set(one.products.chosen.values()) == {"openblas"}
    (branch,) = one.proof.branches.values()
    assert branch.operations is not None
    used = {step.func for step in branch.operations.done} & choice.PRODUCTS
    assert used == {ours.bmm.default}
    assert not plain.products.chosen
    mine, other = checkpoint.state_tensors(one.state), checkpoint.state_tensors(plain.state)
    for name, tensor in mine.items():
        torch.testing.assert_close(tensor, other[name], rtol=0, atol=1e-5, msg=name)
    if executor == "recorded":
        again = checkpoint.state_tensors(trained(method, executor, "openblas").state)
        assert all(torch.equal(tensor, again[name]) for name, tensor in mine.items())


def test_a_resumed_run_repeats_its_choices(
    data: Transitions, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> Run:
        return Run(settings(), data, torch.device("cpu"), products=Products("auto"))

    def state(run: Run) -> dict[str, Tensor]:
        return checkpoint.state_tensors(run.state)

    monkeypatch.setattr(choice, "fastest", lambda kind: "openblas")
    whole, cut = run(), run()
    for _ in range(4):
        whole.advance()
    cut.advance()
    cut.save(tmp_path / "c", "x")
    (place / KEPT).unlink()
    monkeypatch.setattr(choice, "fastest", lambda kind: "torch")
    resumed, other = run(), run()
    assert resumed.resume(tmp_path / "c", "x")
    for _ in range(3):
        resumed.advance()
    other.advance()
    assert set(other.products.chosen.values()) == {"torch"}
    assert set(resumed.products.chosen.values()) == {"openblas"}
    assert resumed.products.chosen == whole.products.chosen
    assert all(torch.equal(t, state(whole)[name]) for name, t in state(resumed).items())


def test_a_seed_alone_equals_the_seed_in_a_block_bit_for_bit(data: Transitions) -> None:
    """Every matrix is multiplied by a call of its own, whatever its place in a block."""
    block, alone = (
        Run(settings(seeds=seeds), data, torch.device("cpu"), products=Products("openblas"))
        for seeds in ([0, 3, 5], [3])
    )
    block.advance(), alone.advance()
    for mine, all_seeds in zip(
        alone.state.critic.net.parameters(), block.state.critic.net.parameters(), strict=True
    ):
        assert torch.equal(mine.select(-3, 0), all_seeds.select(-3, 1))
