"""Programs that cannot run are refused with their place; a failed run leaves the simulator usable."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import spu_ditto
from ditto import _core
from ditto.parties.simulator import SimulatedValue, Simulator
from tests.e2e.programs import Builder, bit, fxp, public, value_type


def small() -> dict[str, Any]:
    b = Builder()
    x = b.input(fxp(32, 8, [2, 3]))
    y = b.op("square", [x], fxp(20, 8, [2, 3], 16), layer="encoder/0", shift=8)
    c = b.op("msb", [y], bit([2, 3]), layer="encoder/1", bits=20, drop=0)
    program: dict[str, Any] = json.loads(b.text(c))
    return program


def change(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Sets the field at path[:-1] to path[-1]."""

    def apply(program: dict[str, Any]) -> None:
        inner: Any = program
        for key in path[:-2]:
            inner = inner[key]
        inner[path[-2]] = path[-1]

    return apply


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change("version", 2), "program: is of another version than 1; compile it anew"),
        (change("format", "x"), "program: is not of format ditto-program"),
        (change("outputs", [9]), "program, outputs: 9 is not within 0..2"),
        (change("outputs", [0.5]), "program, outputs: is not an integer"),
        (change("inputs", [1]), "value 0 is used before it is defined"),
        (change("inputs", [0, 0]), "inputs: value 0 is defined a second time"),
        (change("constants", [1]), "constants: value 1 is not public"),
        (change("values", 0, "width", 65), "value 0, width: 65 is not within 2..64"),
        (change("values", 0, "kind", "float"), 'value 0: kind "float" is none of fxp, bit, public'),
        (change("values", 0, "shape", [-1]), "value 0, shape: -1 is not within"),
        (
            change("values", 0, "shape", [1 << 39, 1 << 39]),
            "value 0: the shape [549755813888, 549755813888] is too large",
        ),
        (change("values", 1, "shape", [3, 2]), "op 0 (square, layer encoder/0): the result has shape"),
        (change("ops", 0, "attrs", "shift", 13), "needs operands of 33 bits, not fxp<32,8>"),
        (change("ops", 0, "attrs", "shift", -1), "attribute shift is -1, not within 0..63"),
        (change("ops", 0, "attrs", "bits", 1), "op 0 (square, layer encoder/0): has attributes besides: shift"),
        (change("ops", 1, "attrs", {"bits": 20}), "op 1 (msb, layer encoder/1): attribute drop is missing"),
        (change("ops", 1, "attrs", "bits", 21), "attribute bits is 21, not within 2..20"),
        (change("ops", 0, "op", "sqare"), 'the engine has no op "sqare"'),
        (change("ops", 0, "in", [0, 0]), "2 operands instead of 1"),
        (change("ops", 1, "in", [2]), "value 2 is used before it is defined"),
        (change("ops", 1, "out", [1, 2]), "has 2 results instead of one"),
    ],
)
def test_a_damaged_program_is_refused(damage: Callable[[dict[str, Any]], None], message: str) -> None:
    program = small()
    damage(program)
    with pytest.raises(_core.ProgramError, match=re.escape(message)):
        _core.Program(json.dumps(program), [])


def test_text_that_is_no_json_and_constants_that_do_not_fit() -> None:
    with pytest.raises(_core.ProgramError, match="is not valid JSON"):
        _core.Program("{", [])
    with pytest.raises(_core.ProgramError, match="1 arrays for 0"):
        _core.Program(json.dumps(small()), [np.zeros(2, np.int64)])
    with pytest.raises(TypeError, match="constant 0 is .* of float64, not an int64 array"):
        _core.Program(json.dumps(small()), [np.zeros(2)])  # type: ignore[list-item]


def test_a_failed_run_leaves_the_simulator_usable() -> None:
    b = Builder()
    x, p = b.input(fxp(32, 8, [3])), b.input(public([1]))
    program = b.program(b.op("take", [b.op("square", [x], fxp(24, 8, [3], 16), shift=8), p], fxp(24, 8, [1])))
    parties = Simulator()
    value = parties.put(np.array([256, 512, 0]), value_type(b.values[0]))
    for _ in range(2):
        with pytest.raises(spu_ditto.RuntimeFailure, match=r"P\d failed in op 1 \(take\): index 3"):
            parties.run(program, [value, np.array([3])])
        [result], _ = parties.run(program, [value, np.array([1])])
        np.testing.assert_allclose(result, [1024], atol=1)


def test_values_end_with_their_handles() -> None:
    b = Builder()
    x = b.input(fxp(32, 8, [3]))
    program = b.program(b.op("neg", [x], fxp(32, 8, [3])))
    parties = Simulator()
    value = parties.put(np.arange(3), value_type(b.values[0]))
    assert isinstance(value, SimulatedValue)
    id = value.id
    del value
    gc.collect()
    with pytest.raises(ValueError, match="does not hold value 0"):
        parties._drop_garbage()
        parties._engine.run(parties._loaded(program), [id])


def test_a_value_belongs_to_its_simulator() -> None:
    b = Builder()
    x = b.input(fxp(32, 8, [3]))
    program = b.program(b.op("neg", [x], fxp(32, 8, [3])))
    first, second = Simulator(), Simulator()
    foreign, own = (parties.put(np.arange(3), value_type(b.values[0])) for parties in (first, second))
    with pytest.raises(spu_ditto.RuntimeFailure, match="input 0 is a value of another session"):
        second.run(program, [foreign])
    assert second.run(program, [own])[0][0].tolist() == [0, -1, -2]


def test_an_index_outside_is_refused_by_all_parties() -> None:
    b = Builder()
    x, p = b.input(fxp(32, 8, [3])), b.input(public([1]))
    program = b.program(b.op("take", [x, p], fxp(32, 8, [1])))
    parties = Simulator()
    value = parties.put(np.arange(3), value_type(b.values[0]))
    assert parties.run(program, [value, np.array([2])])[0][0].tolist() == [2]
    with pytest.raises(spu_ditto.RuntimeFailure, match="index 3 is outside an operand of 3 elements"):
        parties.run(program, [value, np.array([3])])
