"""Every ring operation over its whole range: the interpreter of the ring dialect, and three parties in the engine."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ditto import _core
from ditto.dialects import ring
from ditto.interpreter.ring import RingInterpreter
from ditto.lowering.lower_to_program import lower_to_program
from tests.conformance.outcome import Array
from tests.conformance.ring_cases import CASES, NOT_EXECUTED, RingCase

PARTIES = _core.Simulator(20.0)
IDS = [f"{index}-{case.name}" for index, case in enumerate(CASES)]


def inputs_of(case: RingCase, seed: int = 3) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [operand.draw(rng) for operand in case.operands]


def check(case: RingCase, result: Array, inputs: list[Array]) -> None:
    expected = case.expected(inputs)
    assert result.shape == case.result.shape
    if expected.dtype == object and case.units == 0:
        difference = result.astype(object) - expected
        if case.result.kind == "b":
            difference = (result.astype(object) & 1) - expected
        assert not difference.any(), (result, expected)
        return
    off = np.abs(result.astype(np.float64) - expected.astype(np.float64))
    # What float64 itself cannot tell comes on top.
    allowed = case.units + (case.relative + 2.0**-51) * np.abs(expected.astype(np.float64)) + 1e-6
    worst = np.unravel_index(int(np.argmax(off - allowed)), off.shape)
    assert off[worst] <= np.broadcast_to(allowed, off.shape)[worst], (
        f"{off[worst]:.3g} units off where {np.broadcast_to(allowed, off.shape)[worst]:.3g} are allowed, for inputs "
        f"{[int(x[worst]) for x in inputs if x.shape == off.shape]}"
    )


def test_every_operation_and_every_kernel_has_a_case() -> None:
    cased = {f"ring.{case.op}" for case in CASES}
    assert {op.name for op in ring.RING.operations} - NOT_EXECUTED == cased
    assert {f"ring.{name}" for name, *_ in _core.kernels()} == cased


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_interpreter(case: RingCase) -> None:
    inputs = inputs_of(case)
    [op, _] = ring.main(case.module()).body.block.ops
    operands = [x.astype(np.bool_) if v.kind == "b" else x for x, v in zip(inputs, case.operands)]
    check(case, np.asarray(RingInterpreter().run(op, operands)).astype(np.int64), inputs)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_engine(case: RingCase) -> None:
    lowered = lower_to_program(case.module())
    program = _core.Program(lowered.json, [np.asarray(c, np.int64) for c in lowered.constants])
    # Secret operands come first, as the lowered program wants them.
    for seed in (3, 4):
        inputs = inputs_of(case, seed)
        given: list[int | Array] = []
        for slot in lowered.inputs:
            array = inputs[slot.argument].copy()
            given.append(PARTIES.put(array, slot.width) if slot.secret else array)
        [result], _, (p0, p1, p2) = PARTIES.run(program, given)
        check(case, result, inputs)
        # What was metered is what the engine declares, and so what the next test compares with the kernel's own cost.
        cost = program.cost()
        metered = p0["offline"], p1["online"] + p2["online"], p1["rounds"]
        assert metered == (cost["offline"], cost["online"], cost["rounds"])
        assert p1["online"] == p2["online"] and p1["rounds"] == p2["rounds"]
        assert (p0["online"], p0["rounds"], p1["offline"], p2["offline"]) == (0, 0, 0, 0)
    # Made-up shares and zeros for public operands must do to try out what it takes.
    assert all(0 < seconds < 1 for seconds in program.rehearse())


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_engine_sends_what_it_declares(case: RingCase) -> None:
    lowered = lower_to_program(case.module())
    described = json.loads(lowered.json)
    [op] = described["ops"]
    declared = _core.op_cost(
        json.dumps(
            {
                "op": op["op"],
                "in": [described["values"][i] for i in op["in"]],
                "out": described["values"][op["out"][0]],
                "attrs": op["attrs"],
            }
        )
    )
    cost = _core.Program(lowered.json, lowered.constants).cost()
    # A program with a guard opens one bit at its end.
    guard = [entry for entry in cost["operations"] if entry[0] == "guard"]
    finish = np.sum([entry[3:6] for entry in guard], 0) if guard else np.zeros(3, int)
    assert (cost["offline"], cost["online"], cost["rounds"]) == tuple(np.add(declared, finish))
