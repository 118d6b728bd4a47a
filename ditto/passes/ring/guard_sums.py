"""Guards products by weighted sums of what they are, computed a second time with room to spare.

    %y = ring.matmul %x, %w {shift = 12, range = R, claim = ..}        [1, m, k] times [1, k, n]
gets beside it, with public odd numbers r, [1, n, 1],
    %f = ring.matmul_public %w, r {shift = c}                          [1, k, 1], c bits less
    %e = ring.matmul %x, %f {shift = 12 - c, range = R + 1 + t}        [1, m, 1], t bits more than y
    ring.require_sums %e, %y, r {bits = R + 2}
or the same of columns, whichever sends less: Freivalds' test of a product, modulo 2^t. sum_plan.py decides on the
numbers. An elementwise product x y is summed as x (y r), a part at a time.

What is found. y is made in R + 2 bits and read as the signed number that those say. One that is beyond 2^R is read as
what it is or, the further it is out the likelier and from 3 * 2^R on for certain, as a number that is off by c 2^(R+2);
the up-cast of the program reads the same share in the same way, so that what passes is right modulo every ring that it
is used in; where it is returned, that ring has a bit more (`widths.py`). The sums then differ by 2^(R+2) times the sum
of r_i c_i, which is zero modulo 2^t

- of one wrong element in a sum: where 2^t divides its c, because r is odd. t is 4: one c in 16, none below 16. In small
  tensors t is 24.
- of several: for one r in 2^(t-1), or in as many as there are of r where those are fewer (two, 1 and -1, at the
  least), or all r if 2^t divides every c.

A 64-bit ring without evidence has no bit to spare: y has R + 1 bits there, and c counts 2^(R+1). If it is extended
anyway it is read rightly, and otherwise if it is below 3/4 2^R or was from 5/4 2^R on before it was cut to its ring;
between those it may be taken for either (sum_guard.h), and is looked at by `require_range` as well.

r is drawn once and for all by a fixed seed. It is no secret: nobody here wants to get a wrong number past the guard
(all parties follow the protocol, and a caller could as well write down a number of his own), and values that leave
their range by accident do so whatever r is. The sums are exact but for the roundings of what is added and of what is
cut, which are of either sign and stay below a limit except once in 2^40 sums; where R is small, fewer or smaller r are
added up, or less is cut.

Elementwise products are summed where no evidence says how large they are; others cost too much for what it adds to
`require_range`. Sums of a guarded product and something else are made by the program from shares of their own: where
those are read, numbers between one and three times their range may be read wrongly although the product itself was not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from ditto.analysis.intervals import BOUND, MODULAR
from ditto.dialects import ring
from ditto.passes.ring.guard_writer import Writer
from ditto.passes.ring.sum_plan import Plan, Way, plan_sums

# Sums of fewer terms cost more than they are worth.
_FEWEST = 16
# Elements of a row of an elementwise product, at the most: r has as many.
_LONGEST = 4096


@dataclass(frozen=True)
class _Summing:
    """A way, and what writes it: (e, y) of r."""

    way: Way
    write: Callable[[Writer, SSAValue, Plan], tuple[SSAValue, SSAValue]]


def guard_by_sums(write: Writer, op: ring.RingOp, small: bool) -> bool:
    """Has sums behind a product required, if any can be had; whether all is found that matters to products."""
    if (ways := _WAYS.get(type(op))) is None:
        return False
    found = [(plan, way.write) for way in ways(op, small) if (plan := plan_sums(write, op, way.way, small))]
    if not found:
        return False
    plan, write_sums = min(found, key=lambda pair: pair[0].cost)
    r = write.constant(plan.weights())
    e, y = write_sums(write, r, plan)
    attributes = {"bits": plan.bits, MODULAR: 1, **({"legal": plan.legal} if plan.legal != 2 else {})}
    write.insert(ring.RequireSumsOp, [e, y, r], e.type, range=plan.width - 1, **attributes)
    return plan.legal == 2


# ------------------------------------------------------------------------------------------------ ways


def _factor(write: Writer, summed: SSAValue, r: SSAValue, plan: Plan) -> SSAValue:
    """What is summed [B, K, terms] times r, without its low bits."""
    shape, fraction = (*ring.shape(summed)[:2], plan.groups), ring.fraction(summed) - plan.cut
    return write.emit(ring.MatmulPublicOp, [summed, r], shape, fraction, plan.factor_range, shift=plan.cut)


def _transposed(write: Writer, x: SSAValue, range: int, **notes: object) -> SSAValue:
    batch, rows, columns = ring.shape(x)
    if rows == 1 or columns == 1:
        return write.emit(ring.ReshapeOp, [x], (batch, columns, rows), ring.fraction(x), range, **notes)
    shape = (batch, columns, rows)
    return write.emit(ring.TransposeOp, [x], shape, ring.fraction(x), range, perm=[0, 2, 1], **notes)


def _again(
    write: Writer, op: ring.RingOp, operands: list[SSAValue], shape: tuple[int, ...], plan: Plan, **more: object
) -> SSAValue:
    """The sums: a product of other operands, in the width of a plan."""
    kind = ring.ConvOp if isinstance(op, ring.ConvOp) else ring.MatmulOp
    fraction, notes = ring.fraction(op.result), {"shift": op.get("shift") - plan.cut, MODULAR: 1}
    return write.emit(kind, operands, shape, fraction, plan.width - 1, **notes, **more)


def _reshaped(write: Writer, x: SSAValue, shape: tuple[int, ...], range: int, **notes: object) -> SSAValue:
    return write.emit(ring.ReshapeOp, [x], shape, ring.fraction(x), range, **notes)


def _matmul_ways(op: ring.RingOp, small: bool) -> Iterator[_Summing]:
    x, w = op.arguments
    batch, m, k = ring.shape(x)
    n = ring.shape(w)[2]

    def of_columns(write: Writer, r: SSAValue, plan: Plan) -> tuple[SSAValue, SSAValue]:
        factor = _factor(write, w, r, plan)
        return _again(write, op, [x, factor], (batch, m, plan.groups), plan), op.result

    def of_rows(write: Writer, r: SSAValue, plan: Plan) -> tuple[SSAValue, SSAValue]:
        factor = _factor(write, _transposed(write, x, write.bits(x)), r, plan)
        factor = _transposed(write, factor, plan.factor_range)
        e = _again(write, op, [factor, w], (batch, plan.groups, n), plan)
        e = _transposed(write, e, plan.width - 1, **{MODULAR: 1})
        return e, _transposed(write, op.result, write.bits(op.result))

    yield _Summing(Way(w, x, batch, m, n, k, min(n, _FEWEST), batch * k), of_columns)
    yield _Summing(Way(x, w, batch, n, m, k, min(m, _FEWEST), batch * k), of_rows)


def _conv_ways(op: ring.RingOp, small: bool) -> Iterator[_Summing]:
    image, kernel = op.arguments
    height, width, channels, outputs = ring.shape(kernel)
    inner, places = height * width * channels, ring.shape(op.result)[:3]
    rows = math.prod(places)

    def of_channels(write: Writer, r: SSAValue, plan: Plan) -> tuple[SSAValue, SSAValue]:
        flat = _reshaped(write, kernel, (1, inner, outputs), write.bits(kernel))
        factor = _factor(write, flat, r, plan)
        factor = _reshaped(write, factor, (height, width, channels, plan.groups), plan.factor_range)
        e = _again(write, op, [image, factor], (*places, plan.groups), plan, strides=op.get("strides"))
        e = _reshaped(write, e, (1, rows, plan.groups), plan.width - 1, **{MODULAR: 1})
        return e, _reshaped(write, op.result, (1, rows, outputs), write.bits(op.result))

    yield _Summing(Way(kernel, image, 1, rows, outputs, inner, min(outputs, _FEWEST), inner), of_channels)


def _elementwise_ways(op: ring.RingOp, small: bool) -> Iterator[_Summing]:
    if small or BOUND in op.attributes:
        return
    x, y = op.arguments[0], op.arguments[-1]
    size = math.prod(ring.shape(op.result))

    def of_row(write: Writer, r: SSAValue, plan: Plan) -> tuple[SSAValue, SSAValue]:
        rows, terms = plan.way.rows, plan.way.terms
        columns = _swapped(write, _reshaped(write, y, (rows, terms, 1), write.bits(y)), write.bits(y))
        r = write.constant(np.swapaxes(plan.weights(), 0, 1))
        factor = _swapped(write, _factor(write, columns, r, plan), plan.factor_range)
        e = _again(write, op, [_reshaped(write, x, (rows, 1, terms), write.bits(x)), factor], (rows, 1, 1), plan)
        e = _reshaped(write, e, (1, rows, 1), plan.width - 1, **{MODULAR: 1})
        return e, _reshaped(write, op.result, (1, rows, terms), write.bits(op.result))

    for terms in range(_FEWEST, min(size, _LONGEST) + 1):
        if size % terms == 0:
            yield _Summing(Way(y, x, 1, size // terms, terms, terms, terms, size), of_row)


def _swapped(write: Writer, x: SSAValue, range: int) -> SSAValue:
    """[a, b, 1] as [b, a, 1]."""
    a, b, _ = ring.shape(x)
    return write.emit(ring.TransposeOp, [x], (b, a, 1), ring.fraction(x), range, perm=[1, 0, 2])


_WAYS: dict[type[ring.RingOp], Callable[[ring.RingOp, bool], Iterator[_Summing]]] = {
    ring.MatmulOp: _matmul_ways,
    ring.ConvOp: _conv_ways,
    ring.MulOp: _elementwise_ways,
    ring.SquareOp: _elementwise_ways,
}
