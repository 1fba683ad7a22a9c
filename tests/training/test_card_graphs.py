"""Which recorded updates a card may capture, and which way of executing one is taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from helpers.pretend_card import CARD, pretended
from torch import Tensor, fx

from bench.training.cards import capture
from bench.training.cards.graph_rules import broken_rules

aten = torch.ops.aten
Step = tuple[object, tuple[object, ...]]  # an operation and its arguments


def graph_of(*steps: Step, held: Tensor | None = None) -> fx.GraphModule:
    """A graph of one input; an argument "x" is the result before, "held" one that it holds."""
    graph, root = fx.Graph(), torch.nn.Module()
    node = graph.placeholder("input_0")
    if held is not None:
        root.register_buffer("held", held)
    for target, arguments in steps:
        stand = {"x": node, "held": graph.get_attr("held") if held is not None else None}
        given = [stand[a] if isinstance(a, str) else a for a in arguments]
        node = graph.call_function(target, tuple(given))  # type: ignore[arg-type]
    graph.output((node,))
    return fx.GraphModule(root, graph)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([(aten.mul.Tensor, ("x", 2.0)), (aten.sum.default, ("x",))], None),
        ([(aten.mul.Tensor, ("x", "held"))], None),
        ([(aten._to_copy.default, ("x",))], "makes a tensor on the processor"),
        ([(aten.nonzero.default, ("x",))], "size depends on values"),
        ([(aten.index_select.default, ("held", 0, "x"))], "which is on cpu"),
    ],
    ids=["kept", "constant", "copy", "shape", "host memory"],
)
def test_rules_of_a_graph(steps: list[Step], said: str | None) -> None:
    with pretended():
        held = torch.ones(5, 2) if said and "cpu" in said else torch.tensor(2.0)
        graph = graph_of(*steps, held=held)
        for node in graph.graph.find_nodes(op="call_function", target=aten._to_copy.default):
            node.kwargs = {"device": torch.device("cpu")}
        graph.recompile()
        index = said is not None and "cpu" in said
        given = torch.ones(3, dtype=torch.int64 if index else torch.float32, device=CARD)
        try:
            broken = broken_rules(graph, (given,), CARD)
        except Exception as error:  # a fake tensor refuses what a card would
            broken = [str(error)]
    assert (broken == []) is (said is None), broken


def test_what_breaks_a_rule_is_executed_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    graph = graph_of((aten.nonzero.default, ("x",)))
    run = capture.captured(graph, graph, (torch.ones(3),), torch.device("cpu"))
    assert run is graph
    said = "the update aten.nonzero.default makes a tensor whose size depends on values; it is"
    assert said in capsys.readouterr().out


def test_the_fastest_is_taken_by_its_best_round(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(capture.time, "perf_counter", lambda: clock[0])
    waited = []

    def taking(*seconds: float) -> Callable[[], None]:
        """An update whose rounds take these seconds each."""
        calls = iter(s for s in seconds for _ in range(capture.TIMED))

        def apply() -> None:
            clock[0] += next(calls)

        return apply

    ways = {"recorded": taking(3, 2, 3), "compiled": taking(9, 1, 9)}
    assert capture.fastest(ways, lambda: waited.append(1)) == "compiled"
    assert len(waited) == 2 * 2 * capture.ROUNDS
