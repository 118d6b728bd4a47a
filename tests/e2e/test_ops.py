"""Ops of the engine on both rings and in many shapes: what they compute, and that they send what they declare."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from math import erf
from typing import Any

import numpy as np
import pytest

from ditto import _core
from tests.e2e.programs import Builder, Value, bit, fxp, public, value_type

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Case:
    """One op on real numbers (bits and public integers as they are) and what it should give."""

    op: str
    operands: list[tuple[Value, Any]]
    result: Value
    expected: Callable[..., Any]
    attrs: dict[str, Any] = field(default_factory=dict)
    tolerance: Any = 0.0  # one number, or one an element


RNG = np.random.default_rng(7)


def real(width: int, fraction: int, *shape: int, low: float = -8, high: float = 8) -> tuple[Value, Array]:
    """A fixed-point operand and numbers it holds exactly."""
    x = RNG.uniform(low, high, shape)
    return fxp(width, fraction, shape), np.rint(x * 2.0**fraction) / 2.0**fraction


def integer(width: int, *shape: int, low: int = -100, high: int = 100) -> tuple[Value, Array]:
    return fxp(width, 0, shape), RNG.integers(low, high, shape)


def bits(*shape: int) -> tuple[Value, Array]:
    return bit(shape), RNG.integers(0, 2, shape)


def constant(array: Any) -> tuple[Value, Array]:
    array = np.asarray(array, np.int64)
    return public(array.shape), array


def windows(x: Array, kernel: Array, stride: int) -> Any:
    """Convolution by its definition."""
    out = [
        [np.einsum("nhwi,hwio->no", x[:, i : i + kernel.shape[0], j : j + kernel.shape[1]], kernel) for j in columns]
        for i in range(0, x.shape[1] - kernel.shape[0] + 1, stride)
        for columns in [range(0, x.shape[2] - kernel.shape[1] + 1, stride)]
    ]
    return np.moveaxis(np.array(out), 2, 0)


def take(x: Array, indices: Array) -> Array:
    return np.where(indices < 0, 0, x.reshape(-1)[indices])


def local_cases(w: int, f: int) -> list[Case]:
    u = 2.0**-f
    a, b = real(w, f, 3, 5), real(w, f, 3, 5)
    same = fxp(w, f, [3, 5])
    return [
        Case("add", [a, b], same, np.add),
        Case("sub", [a, b], same, np.subtract),
        Case("neg", [a], same, np.negative),
        Case("add_public", [a, constant(3 << f)], same, lambda x, p: x + p * u),
        Case("add_public", [a, constant(RNG.integers(-99, 99, (3, 5)))], same, lambda x, p: x + p * u),
        Case("mul_public", [a, constant(-5)], same, np.multiply, {"shift": 0}),
        Case("mul_public", [a, constant(77)], fxp(w - 6, f, [3, 5]), lambda x, p: x * 77 / 64, {"shift": 6}, 1.5 * u),
        Case(
            "matmul_public",
            [real(w, f, 2, 3, 4), constant(RNG.integers(-20, 20, (2, 4, 5)))],
            fxp(w - 4, f, [2, 3, 5]),
            lambda x, p: x @ p / 16,
            {"shift": 4},
            1.5 * u,
        ),
        Case("shl", [a], fxp(w, f + 3, [3, 5]), lambda x: x, {"bits": 3}),
        Case("relabel", [a], fxp(w, f + 3, [3, 5]), lambda x: x / 8),
        Case("narrow", [a], fxp(w - 7, f, [3, 5]), lambda x: x),
        Case("down_cast", [a], fxp(w - 5, f - 4, [3, 5]), lambda x: x, {"shift": 4}, 24 * u),
    ]


def moving_cases(operand: Callable[..., tuple[Value, Array]]) -> list[Case]:
    def to(*shape: int) -> Value:
        return operand(*shape)[0]

    x = operand(2, 3, 4)
    return [
        Case("reshape", [x], to(6, 4), lambda v: v.reshape(6, 4)),
        Case("transpose", [x], to(4, 2, 3), lambda v: v.transpose(2, 0, 1), {"perm": [2, 0, 1]}),
        Case("broadcast", [operand(3, 1)], to(2, 3, 4), lambda v: np.broadcast_to(v, (2, 3, 4)), {"dims": [1, 2]}),
        Case(
            "slice",
            [x],
            to(1, 2, 2),
            lambda v: v[1:2, 0:3:2, 1:4:2],
            {"start": [1, 0, 1], "limit": [2, 3, 4], "stride": [1, 2, 2]},
        ),
        Case("concat", [x, operand(2, 1, 4)], to(2, 4, 4), lambda *v: np.concatenate(v, 1), {"dim": 1}),
        Case(
            "pad",
            [operand(2, 2)],
            to(4, 5),
            lambda v: np.insert(np.pad(v, ((1, 1), (1, 1))), 2, 0, 1),
            {"low": [1, 1], "high": [1, 1], "interior": [0, 1]},
        ),
        Case("reverse", [x], to(2, 3, 4), lambda v: v[::-1, :, ::-1], {"dims": [0, 2]}),
        Case("take", [x, constant([[5, -1], [0, 23]])], to(2, 2), take),
    ]


def bit_cases() -> list[Case]:
    c, d = bits(3, 5), bits(3, 5)
    return [
        Case("bit_xor", [c, d], bit([3, 5]), np.bitwise_xor),
        Case("bit_not", [c], bit([3, 5]), lambda v: 1 - v),
        Case("bit_xor_public", [c, constant(1)], bit([3, 5]), lambda v, p: v ^ p),
        Case("bit_and_public", [c, constant(RNG.integers(0, 2, (3, 5)))], bit([3, 5]), np.bitwise_and),
        Case("bit_and", [c, d], bit([3, 5]), np.bitwise_and),
    ]


def interactive_cases(w: int, f: int) -> list[Case]:
    u = 2.0**-f
    a, b, c = real(w, f, 3, 5), real(w, f, 3, 5), bits(3, 5)
    out = w - f
    products = fxp(out, f, [3, 5])
    same = fxp(w, f, [3, 5])
    half, least = w // 2, -(2 ** (w // 2 - 1))
    return [
        Case("mul", [a, b], products, np.multiply, {"shift": f}, 1.2 * u),
        Case("square", [a], products, np.square, {"shift": f}, 1.2 * u),
        Case(
            "matmul",
            [real(w, f, 2, 3, 4), real(w, f, 2, 4, 5)],
            fxp(out, f, [2, 3, 5]),
            np.matmul,
            {"shift": f},
            1.2 * u,
        ),
        Case(
            "conv",
            [real(w, f, 2, 6, 6, 3), real(w, f, 2, 2, 3, 4)],
            fxp(out, f, [2, 3, 3, 4]),
            lambda x, k: windows(x, k, 2),
            {"shift": f, "strides": [2, 2]},
            1.2 * u,
        ),
        Case("up_cast", [real(w - 8, f, 3, 5)], same, lambda x: x),
        Case(
            "extend",
            [integer(w, 300, low=-500, high=500)],
            fxp(w, 0, [300]),
            lambda x: (x + 128) % 256 - 128,
            {"bits": 8},
        ),
        Case("extend", [integer(half, 40, low=least, high=-least)], fxp(w, 0, [40]), lambda x: x, {"bits": half}),
        Case("floor_shift", [a], fxp(w - f, 0, [3, 5]), lambda x: np.floor(x), {"shift": f}),
        Case("parity", [integer(w, 40)], bit([40]), lambda x: x % 2),
        Case(
            "to_bits",
            [integer(w, 40)],
            bit([w, 40]),
            lambda x: x.astype(np.int64) >> np.arange(w)[:, None] & 1,
            {"bits": w},
        ),
        Case("from_bits", [bits(9, 40)], fxp(w, 0, [40]), lambda b: 2 ** np.arange(9) @ b),
        Case("sine", [a], fxp(20, 12, [3, 5]), np.sin, {"amplitudes": [0.0, 1.0]}, 2.0**-11),
        Case("reround", [real(w, f, 40)], fxp(w - 4, f - 4, [40]), lambda x: x, {"shift": 4}, 2.0 ** (4 - f)),
        Case("msb", [a], bit([3, 5]), lambda x: x < 0, {"bits": f + 5, "drop": 0}),
        Case("equal_zero", [integer(w, 40, low=-2, high=2)], bit([40]), lambda x: x == 0, {"bits": 8}),
        Case("max", [a], fxp(w, f, [3]), lambda x: x.max(1), {"axis": 1, "bits": f + 6, "drop": 2}, 12 * u),
        Case("argmax", [a], fxp(32, 0, [5]), lambda x: x.argmax(0), {"axis": 0, "bits": f + 6}),
        Case("bit_to_fxp", [c], fxp(w, 0, [3, 5]), lambda v: v),
        Case("bit_mul", [c, a], same, np.multiply),
        Case("select", [c, a, b], same, np.where),
        Case(
            "one_hot",
            [integer(w, 6, low=-1, high=9)],
            fxp(w, 0, [6, 9]),
            lambda i: i[:, None] == np.arange(9),
            {"depth": 9},
        ),
        Case("require_range", [a], same, lambda x: x, {"bits": f + 5}),
        Case(
            "require_sums",
            [(fxp(w, f, [1, 3, 2]), np.zeros((1, 3, 2))), real(w - 8, f, 1, 3, 5), constant(np.zeros((1, 5, 2)))],
            fxp(w, f, [1, 3, 2]),
            lambda e, y, r: e,
            {"bits": w - 8},
        ),
        Case("require_false", [(bit([3, 5]), np.zeros((3, 5), np.int64))], bit([3, 5]), lambda v: v),
    ]


def wide_cases() -> list[Case]:
    """Functions over all positive numbers of a ring of 62 bits with 18 fraction bits."""
    exponents = RNG.uniform(0, 61, 150)
    x = (fxp(62, 18, [150]), np.floor(np.exp2(exponents)) / 2.0**18)
    positive = {"lo": -18, "hi": 43}

    def close(x: Array) -> Any:
        return 2.0**-12 * x + 1.2 * 2.0**-18

    return [
        Case("reciprocal", [x], fxp(40, 18, [150]), lambda x: 1 / x, positive, close(1 / x[1])),
        Case("rsqrt", [x], fxp(40, 18, [150]), lambda x: x**-0.5, positive, close(x[1] ** -0.5)),
        Case("sqrt", [x], fxp(42, 18, [150]), np.sqrt, {"hi": 43}, close(x[1] ** 0.5)),
        Case("log", [x], fxp(24, 18, [150]), np.log, positive, 2.0**-12 + 2.0**-17),
    ]


def function_cases(w: int, f: int) -> list[Case]:
    u = 2.0**-f
    shape = [3, 50]

    def over(low: float, high: float) -> list[tuple[Value, Array]]:
        return [real(w, f, *shape, low=low, high=high)]

    def gelu(x: Array) -> Any:
        return x * np.vectorize(lambda v: (1 + erf(v / 2**0.5)) / 2)(x)

    clip_bits = f + 6
    e = min(f, 10)
    exp_input = [real(w, e, *shape, low=-11, high=0)]
    return [
        Case("exp", exp_input, fxp(24, 14, shape), np.exp, {"slack": 2 ** (e - 2)}, 4 * 2.0**-14),
        Case(
            "exp",
            [real(w, e, *shape, low=-30, high=0)],
            fxp(24, 14, shape),
            np.exp,
            {"slack": 2 ** (e - 2), "clip_bits": e + 6},
            4 * 2.0**-14,
        ),
        Case(
            "exp_below",
            over(-40, 5),
            fxp(34, 18, shape),
            np.exp,
            {"bits": f + 8, "hi": 5},
            np.exp(5) * 2.0**-10 + 2 * 2.0**-18,
        ),
        Case("reciprocal", over(1, 100), fxp(w - f, f, shape), lambda x: 1 / x, {"lo": 0, "hi": 7}, 2.0**-13 + 4 * u),
        Case(
            "divide",
            [real(w, f, *shape, low=-200, high=200), real(f + 9, f, *shape, low=1, high=100)],
            fxp(w - f, f, shape),
            np.divide,
            {"lo": 0, "hi": 7},
            200 * 2.0**-12 + 1.7 * u,
        ),
        Case("rsqrt", over(1, 100), fxp(w - f, f, shape), lambda x: x**-0.5, {"lo": 0, "hi": 7}, 2.0**-13 + 4 * u),
        Case("sqrt", over(0, 100), fxp(w - f, f, shape), np.sqrt, {"hi": 7}, 2.0**-12 * 10 + 1.2 * u),
        Case("log", over(1, 100), fxp(w - f, f, shape), np.log, {"lo": 0, "hi": 7}, 2.0**-12 + 2 * u),
        Case(
            "tanh",
            over(-20, 20),
            fxp(w - f, f, shape),
            np.tanh,
            {"bits": clip_bits},
            (0.0025 if f <= 12 else 2.0**-12) + u,
        ),
        Case("gelu", over(-20, 20), fxp(w - f, f, shape), gelu, {"bits": clip_bits}, 0.02 if f <= 12 else 2.0**-10 + u),
        Case(
            "polynomial",
            [(fxp(w, e, shape, e + 3), real(w, e, *shape, low=-4, high=4)[1])],
            fxp(22, e, shape),
            lambda x: 1 + x / 2 - x * x / 4,
            {"coefficients": [1, 0.5, -0.25]},
            4 * 2.0**-e,
        ),
    ]


CASES = [
    *local_cases(32, 8),
    *local_cases(64, 18),
    *moving_cases(bits),
    *moving_cases(lambda *shape: real(24, 8, *shape)),
    *moving_cases(lambda *shape: real(50, 18, *shape)),
    Case("sum", [real(24, 8, 2, 3, 4)], fxp(24, 8, [3]), lambda x: x.sum((0, 2)), {"dims": [0, 2]}),
    Case("sum", [real(50, 18, 2, 3, 4)], fxp(50, 18, [3]), lambda x: x.sum((0, 2)), {"dims": [0, 2]}),
    *bit_cases(),
    *interactive_cases(32, 8),
    *interactive_cases(64, 18),
    *function_cases(32, 8),
    *function_cases(64, 18),
    *wide_cases(),
]
PARTIES = _core.Simulator(20.0)


def encoded(value: Value, numbers: Array) -> Array:
    scale = 2.0 ** value["fraction"] if value["kind"] == "fxp" else 1
    return np.asarray(np.rint(numbers * scale), np.int64)


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.op}" for n, case in enumerate(CASES)])
def test_op_computes_and_sends_what_it_declares(case: Case) -> None:
    b = Builder()
    inputs: list[int | Array] = []
    operands = []
    for value, numbers in case.operands:
        operands.append(b.input(value))
        array = encoded(value, numbers)
        inputs.append(array if value["kind"] == "public" else PARTIES.put(array, value_type(value).width))
    out = b.op(case.op, operands, case.result, **case.attrs)
    program = _core.Program(b.text(out), [])
    [result], _, (p0, p1, p2) = PARTIES.run(program, inputs)

    scale = 2.0 ** -case.result["fraction"] if case.result["kind"] == "fxp" else 1
    expected = np.asarray(case.expected(*(numbers for _, numbers in case.operands)), float)
    assert result.shape == tuple(case.result["shape"])
    assert np.all(np.abs(result * scale - expected) <= case.tolerance)

    cost = program.cost()
    described = {"op": case.op, "in": [v for v, _ in case.operands], "out": case.result, "attrs": case.attrs}
    guard = [line[3:] for line in cost["operations"] if line[0] == "guard"]
    assert bool(guard) == case.op.startswith("require_")
    declared = tuple(map(sum, zip(_core.op_cost(json.dumps(described)), *guard, strict=True)))
    assert (p0["offline"], p1["online"] + p2["online"], p1["rounds"]) == declared
    assert p1["online"] == p2["online"] and p1["rounds"] == p2["rounds"]
    assert (p0["online"], p0["rounds"], p1["offline"], p2["offline"]) == (0, 0, 0, 0)
    assert (cost["offline"], cost["online"], cost["rounds"]) == declared
