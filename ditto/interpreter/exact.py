"""Evaluates ring programs on real numbers: what a program would give if its rings had no end and nothing were rounded.

A value is x * 2^fraction, as in the engine, but in float64 and not rounded to an integer. So value k here is the ideal
of value k there, and their difference is what truncations, rings and protocols cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Floors, Truncates
from ditto.encoding import clip_mask
from ditto.interpreter.ring_kernels import FUNCTIONS, conv, kernel, real_function
from ditto.interpreter.walk import walk

Observer = Callable[[ring.RingOp, Array], None]


def _wrapped(x: Array, bits: int) -> Array:
    half = 2.0 ** (bits - 1)
    return np.asarray(np.mod(x + half, 2 * half) - half)


# The other kernels do the same to floats.
_KERNELS: dict[str, Callable[..., Array]] = {
    "encode": lambda op, x: np.ldexp(clip_mask(x.astype(np.float64), op.get("mask")), op.get("fraction")),
    "shl": lambda op, x: np.ldexp(x, op.get("bits")),
    "convert": lambda op, x: np.ldexp(x, ring.fraction(op.result) - ring.fraction(op.arguments[0])),
    "matmul": lambda op, x, y: x @ y,
    "matmul_public": lambda op, x, p: x @ p,
    "conv": lambda op, x, y: conv(op, x, y, np.matmul),
    "extend": lambda op, x: _wrapped(x, op.get("bits")),
    "reround": lambda op, x: np.ldexp(x, -op.get("shift")),
}


def run_exactly(op: ring.RingOp, operands: Sequence[Array]) -> Array:
    """The result of one operation on float64 operands (x * 2^fraction), not rounded; bools and integers stay so."""
    name = ring.short_name(op)
    if function := FUNCTIONS.get(name):
        return real_function(function, op, operands)
    result = (_KERNELS.get(name) or kernel(op))(op, *operands)
    if (bits := op.get("wrap")) is not None:
        result = _wrapped(result, bits)
    if op.has_trait(Truncates):
        result = np.ldexp(result, -op.get("shift"))
    return np.floor(result) if op.has_trait(Floors) else result


def evaluate_exactly(module: ModuleOp, inputs: Sequence[Array], observe: Observer) -> None:
    """Runs @main of a ring module on real arrays, public ones included.

    Args:
        observe: called after every operation, in their order, with its result: float64 x * 2^fraction, or bool for
            bits. Results are forgotten after their last use.
    """

    def run(op: Operation, operands: list[Array]) -> Array:
        if not isinstance(op, ring.RingOp):
            return kernel(op)(op)
        result = run_exactly(op, operands)
        if ring.is_fxp(op.result):
            result = result.astype(np.float64, copy=False)
        observe(op, result)
        return result

    walk(module, [np.asarray(array) for array in inputs], _entered, run)


def _entered(argument: SSAValue, array: Array) -> Array:
    if ring.is_bit(argument):
        return array.astype(np.bool_)
    if ring.is_public(argument):
        return array
    return np.ldexp(array.astype(np.float64), ring.fraction(argument))
