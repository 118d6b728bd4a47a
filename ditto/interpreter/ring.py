"""Evaluates ring programs on plain integers: the reference for passes and for the engine.

    evaluate_ring(module, [x, w])        # real arrays in, real arrays out

Before widths are assigned, values are ideal integers. Afterwards every value lives modulo 2^width, exactly as in the
engine, so a value that does not fit shows itself as a wrong number (and as an error in `ditto.interpreter.checked`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Local, Truncates
from ditto.encoding import decode, encode
from ditto.interpreter.ring_kernels import kernel, signed
from ditto.interpreter.walk import walk


class RingInterpreter:
    """Runs ring operations on arrays: int64 for fixed point, bool for bits.

    Args:
        wrap: reduce every value modulo its ring; False before widths are assigned.
        observe: called with every operation and its result.
    """

    def __init__(self, wrap: bool = True, observe: Callable[[Operation, Array], None] | None = None) -> None:
        self._wrap = wrap
        self._observe = observe

    def main(self, module: ModuleOp, inputs: Sequence[Array]) -> list[Array]:
        """The results of @main, real numbers, from its arguments, real numbers (public ones included)."""
        results = walk(module, [np.asarray(array) for array in inputs], self.entered, self._observed)
        return [array if ring.is_bit(value) else decode(array, ring.fraction(value)) for value, array in results]

    def _observed(self, op: Operation, operands: list[Array]) -> Array:
        result = self.run(op, operands)
        if self._observe is not None:
            self._observe(op, result)
        return result

    def run(self, op: Operation, operands: Sequence[Array]) -> Array:
        """The result of one operation."""
        with np.errstate(over="ignore"):
            result = kernel(op)(op, *operands)
        if not isinstance(op, ring.RingOp) or not ring.is_fxp(op.result):
            return result
        return self._settled(op, np.asarray(result, np.int64))

    def _settled(self, op: ring.RingOp, result: Array) -> Array:
        """Truncation and reduction to the ring of the result."""
        width, shift = ring.width(op.result), op.get("shift", 0)
        if op.has_trait(Truncates):
            result = truncated(op, signed(result, min(shift + width, 64)) if self._wrap else result)
        if (bits := op.get("wrap")) is not None:
            result = signed(result, bits)
        return signed(result, width) if self._wrap else result

    def entered(self, argument: SSAValue, array: Array) -> Array:
        """Real numbers as an argument of @main takes them."""
        if ring.is_bit(argument):
            return array.astype(np.bool_)
        if ring.is_public(argument):
            return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)
        integers = array.astype(np.int64) if ring.fraction(argument) == 0 else encode(array, ring.fraction(argument))
        return signed(integers, ring.width(argument)) if self._wrap else integers


def truncated(op: ring.RingOp, whole: Array) -> Array:
    """The integers of a truncation that has not taken place: local ones round to nearest, protocols down."""
    shift = op.get("shift")
    half = 1 << shift >> 1 if op.has_trait(Local) else 0
    return np.asarray((whole + half) >> shift)


def evaluate_ring(module: ModuleOp, inputs: Sequence[Array], *, wrap: bool = True) -> list[Array]:
    """The results of a ring module's @main on real arrays, as real arrays; see `RingInterpreter`."""
    return RingInterpreter(wrap).main(module, inputs)
