"""`precision: bfloat16` is rounded to bfloat16, or refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.errors import BenchError
from bench.learning.learner import Learner, constant
from bench.learning.networks import ValueNet
from bench.learning.streams import Streams
from bench.training import rounding
from bench.training.engine import Engine, choose_executor, prepare_process

BMM = torch.ops.aten.bmm.default
SWITCH: Any = torch.backends.mkldnn.matmul
FACTORS = torch.randn(3, 64, 32), torch.randn(3, 32, 16)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = SWITCH.fp32_precision
    yield
    SWITCH.fp32_precision = before


def rounded(a: Tensor, b: Tensor) -> Tensor:
    """The product of rounded factors, on any processor; in float64 as it is."""
    if a.dtype == torch.float64:
        return torch.bmm(a, b)
    return torch.bmm(a.bfloat16().float(), b.bfloat16().float())


def test_a_process_rounds_the_factors_and_sums_in_float32_or_refuses() -> None:
    """One of the two, on every processor, over the shapes of a block at width 256."""
    code = (
        "import torch\n"
        "from bench.training.engine import prepare_process\n"
        "from bench.errors import BenchError\n"
        "g = torch.Generator().manual_seed(0)\n"
        "a, b = torch.randn(3, 256, 256, generator=g), torch.randn(3, 256, 256, generator=g)\n"
        "exact = a @ b\n"
        "try:\n"
        "    prepare_process(1, 'bfloat16')\n"
        "    print('accepted')\n"
        "except BenchError as error:\n"
        "    print(error)\n"
        "rounded = a.bfloat16().double() @ b.bfloat16().double()\n"
        "product = a @ b\n"
        "print((product - rounded).abs().max().item(), (product - exact).abs().max().item())\n"
        "print(product.dtype, torch.backends.mkldnn.matmul.fp32_precision)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    answer, errors, state = done.stdout.splitlines()
    from_rounded, from_exact = map(float, errors.split())
    if answer == "accepted":
        assert from_rounded < 1e-4 < from_exact
        assert state == "torch.float32 bf16"
    else:
        assert answer.startswith("precision: 'bfloat16' has no effect on ")
        assert answer.endswith("; use 'float32'.")
        assert from_exact < 1e-4 < from_rounded  # as if nothing had been asked
        assert state == "torch.float32 none"


def test_products_that_do_not_round_are_refused_and_the_switch_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def exact(product: Any, *factors: Tensor) -> bool:
        assert SWITCH.fp32_precision == "bf16"
        return original(lambda a, b: torch.bmm(a.double(), b.double()).to(a.dtype), *factors)

    original, before = rounding.rounds, SWITCH.fp32_precision
    monkeypatch.setattr(rounding, "rounds", exact)
    with pytest.raises(BenchError) as refused:
        prepare_process(torch.get_num_threads(), "bfloat16")
    assert str(refused.value) == rounding.NO_EFFECT
    assert SWITCH.fp32_precision == before


def test_one_kind_of_product_in_float32_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounding, "rounds", lambda product, a, b: b.shape != (5, 64, 1))
    with pytest.raises(BenchError, match=r"products of \(5, 256, 64\) by \(5, 64, 1\)"):
        rounding.enable()
    assert SWITCH.fp32_precision != "bf16"


def test_where_all_round_the_switch_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounding, "rounds", lambda *product: True)
    rounding.check()
    assert SWITCH.fp32_precision != "bf16"
    rounding.enable()
    assert SWITCH.fp32_precision == "bf16"


@pytest.mark.parametrize(
    "layout", [lambda a: a, lambda a: a.mT.contiguous().mT, lambda a: a[:1].expand(3, -1, -1)]
)
def test_rounding_is_told_from_float32(layout: Any) -> None:
    factors = [layout(f) for f in FACTORS]
    assert rounding.rounds(rounded, *factors)
    assert not rounding.rounds(BMM, *factors)


def test_one_element_in_float32_is_found() -> None:
    def mostly(a: Tensor, b: Tensor) -> Tensor:
        product = rounded(a, b)
        product[-1, -1, -1] = torch.bmm(a, b)[-1, -1, -1]
        return product

    assert not rounding.rounds(mostly, *FACTORS)


def test_what_is_added_to_a_product_is_not_rounded() -> None:
    def added(bias: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return bias + rounded(a, b)

    assert rounding.rounds(added, torch.zeros(3, 1, 16), *FACTORS)
    assert not rounding.rounds(torch.ops.aten.baddbmm.default, torch.zeros(3, 1, 16), *FACTORS)


# --- the products of an update --------------------------------------------------------------


@dataclass
class State:
    value: Learner[ValueNet]


def make(executor: str) -> Engine:
    def update(state: State, batch: Tensor, config: Any, streams: Streams) -> dict[str, Tensor]:
        loss = state.value(batch).square().mean(-1)
        state.value.descend(loss)
        return {"loss": loss.detach()}

    method: Any = SimpleNamespace(update=update)
    table: Any = SimpleNamespace(batch=lambda rows: torch.stack([rows, -rows], dim=-1) / 10)
    net = ValueNet([2, 8], Streams((0, 1), "initialisation"))
    state = State(Learner(net, constant(0.1)))
    return Engine(method, state, None, table, Streams((0, 1), "noise"), executor)


@pytest.mark.parametrize("executor", ["eager", "recorded"])
def test_an_update_with_one_product_in_float32_is_refused(
    executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of the backward pass: here the gradient of the last layer's weight."""
    tried = []

    def rounds(product: Any, a: Tensor, b: Tensor) -> bool:
        tried.append((tuple(a.shape), tuple(b.shape)))
        return tried[-1] != ((2, 8, 16), (2, 16, 1))

    monkeypatch.setattr(rounding, "rounds", rounds)
    SWITCH.fp32_precision = "bf16"
    engine = make(executor)
    with pytest.raises(BenchError, match=r"products of \(2, 8, 16\) by \(2, 16, 1\)"):
        engine(torch.ones(2, 16, dtype=torch.long))
    assert ((2, 16, 2), (2, 2, 8)) in tried


@pytest.mark.parametrize("executor", ["eager", "recorded"])
def test_each_kind_of_product_is_tried_once(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr(rounding, "rounds", lambda *product: not tried.append(product))
    SWITCH.fp32_precision = "bf16"
    engine = make(executor)
    for _ in range(3):
        engine(torch.ones(2, 16, dtype=torch.long))
    # Two layers: their products, the gradients of both weights, and one of an input.
    assert len(tried) == 5


def test_nothing_is_tried_in_float32() -> None:
    assert isinstance(rounding.watch("compiled"), nullcontext)


def test_bfloat16_is_not_compiled() -> None:
    assert choose_executor(10**9, torch.device("cpu"), "bfloat16") == "recorded"
    SWITCH.fp32_precision = "bf16"
    with pytest.raises(BenchError, match="use 'recorded' with precision 'bfloat16'"):
        rounding.watch("compiled")
