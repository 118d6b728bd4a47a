"""Evaluates ring programs on plain integers: the reference for passes and for the engine.

    evaluate_ring(module, [x, w])        # real arrays in, real arrays out

Before widths are assigned, values are ideal integers. Afterwards every value lives modulo 2^width, exactly as in the
engine, so a value that does not fit shows itself as a wrong number, and with `check_ranges` as a RangeViolation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Operation, SSAValue

from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Local, Truncates
from ditto.encoding import decode, encode
from ditto.interpreter.ring_kernels import KERNELS, signed


class RangeViolation(Exception):
    """A value has left the range that the plan assumes of it; names the operation and its layer."""


class RingInterpreter:
    """Runs ring operations on a mapping from SSA values to arrays: int64 for fixed point, bool for bits.

    Args:
        wrap: reduce every value modulo its ring; False before widths are assigned.
        check_ranges: raise RangeViolation where a value leaves its `range`.
        observe: called with every operation and its result.
    """

    def __init__(
        self,
        wrap: bool = True,
        check_ranges: bool = False,
        observe: Callable[[Operation, Array], None] | None = None,
    ) -> None:
        self._wrap = wrap
        self._check_ranges = check_ranges
        self._observe = observe

    def main(self, module: ModuleOp, inputs: Sequence[Array]) -> list[Array]:
        """The results of @main, real numbers, from its arguments, real numbers (public ones included)."""
        function = ring.main(module)
        block = function.body.block
        if len(inputs) != len(block.args):
            raise ValueError(f"@main takes {len(block.args)} arrays, not {len(inputs)}")
        values: dict[SSAValue, Array] = {}
        for argument, array in zip(block.args, inputs):
            if np.shape(array) != ring.shape(argument):
                raise ValueError(f"argument {argument.index} has the shape {np.shape(array)}")
            values[argument] = self.entered(argument, np.asarray(array))
        for op in block.ops:
            if isinstance(op, ReturnOp):
                return [self._left(value, values[value]) for value in op.arguments]
            result = self.run(op, [values[operand] for operand in op.operands])
            values[op.results[0]] = result
            if self._observe is not None:
                self._observe(op, result)
        raise ValueError("@main ends without a return")

    def run(self, op: Operation, operands: Sequence[Array]) -> Array:
        """The result of one operation."""
        with np.errstate(over="ignore"):
            result = KERNELS[op.name.removeprefix("ring.")](op, *operands)
        if not isinstance(op, ring.RingOp) or not ring.is_fxp(op.result):
            return result
        return self._settled(op, np.asarray(result, np.int64))

    def _settled(self, op: ring.RingOp, result: Array) -> Array:
        """Truncation and reduction to the ring of the result."""
        width = ring.width(op.result)
        if op.has_trait(Truncates):
            shift = op.get("shift")
            if op.has_trait(Local):
                # To nearest, where a protocol rounds down.
                result = result + (1 << shift >> 1)
            whole = result >> shift
            result = (signed(result, min(shift + width, 64)) >> shift) if self._wrap else whole
        else:
            whole = result
        if (bits := op.get("wrap")) is not None:
            result = whole = signed(result, bits)
        if self._wrap:
            result = signed(result, width)
        if self._check_ranges and (bits := op.get("range")) is not None:
            low, high = int(np.min(whole, initial=0)), int(np.max(whole, initial=0))
            # In a ring that just holds a dtype, 2^bits and -2^bits are one number.
            most = (1 << bits) - (0 if self._wrap and width == bits + 1 and not ring.fraction(op.result) else 1)
            if low < -(1 << bits) or high > most:
                largest = max(-low, high)
                unit = 2.0 ** -ring.fraction(op.result)
                raise RangeViolation(
                    f"{op.name} in layer {op.get('layer', '?')}: a value of {largest * unit:g} leaves the range "
                    f"{2.0**bits * unit:g} assumed of it"
                )
        return result

    def entered(self, argument: SSAValue, array: Array) -> Array:
        """Real numbers as an argument of @main takes them."""
        if ring.is_bit(argument):
            return array.astype(np.bool_)
        if ring.is_public(argument):
            return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)
        integers = array.astype(np.int64) if ring.fraction(argument) == 0 else encode(array, ring.fraction(argument))
        return signed(integers, ring.width(argument)) if self._wrap else integers

    @staticmethod
    def _left(value: SSAValue, array: Array) -> Array:
        return array if ring.is_bit(value) else decode(array, ring.fraction(value))


def evaluate_ring(
    module: ModuleOp, inputs: Sequence[Array], *, wrap: bool = True, check_ranges: bool = False
) -> list[Array]:
    """The results of a ring module's @main on real arrays, as real arrays; see `RingInterpreter`."""
    return RingInterpreter(wrap, check_ranges).main(module, inputs)
