"""Guards matrix products by weighted sums of their rows or columns, computed a second time with room to spare.

    %y = ring.matmul %x, %w {shift = 12, range = R, claim = ..}        [1, m, k] times [1, k, n]
gets beside it, with public odd numbers r, [1, n, 1],
    %f = ring.matmul_public %w, r                                      [1, k, 1]
    %e = ring.matmul %x, %f {shift = 12, range = R + 1 + t}            [1, m, 1], t bits more than y
    ring.require_sums %e, %y, r {bits = R + 2}
or the same of columns, whichever sends less: Freivalds' test of a product, modulo 2^t.

What is found. y is made in R + 2 bits and read as the signed number that those say. One that is beyond 2^R is read as
what it is or, the further it is out the likelier and from 3 * 2^R on for certain, as a number that is off by c 2^(R+2);
the up-cast of the program reads the same share in the same way, so that what passes is right modulo every ring that it
is used in; where it is returned, that ring has a bit more (`widths.py`). The sums then differ by 2^(R+2) times the sum
of r_i c_i, which is zero modulo 2^t

- of one wrong element in a row: where 2^t divides its c, because r is odd. t is 7: one c in 128, none below 128.
- of several: for one r in 2^(t-1), or in as many as there are of r where those are fewer (two, 1 and -1, at the
  least), or all r if 2^t divides every c.

r is drawn once and for all by a fixed seed. It is no secret: nobody here wants to get a wrong number past the guard
(all parties follow the protocol, and a caller could as well write down a number of his own), and values that leave
their range by accident do so whatever r is. The sums are exact but for the roundings of what is added, which are of
either sign and stay below a limit except once in 2^40 sums; where R is small, fewer or smaller r are added up.

Products of two activations have t = 3 only, because one of them has to be widened by t bits for it; small tensors have
t = 24. Sums of a guarded product and something else are made by the program from shares of their own: where those are
read, numbers between one and three times their range may be read wrongly although the product itself was not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from ditto.analysis.intervals import MODULAR
from ditto.analysis.look_through import is_argument
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.passes.ring.guard_writer import MOST_BITS, Writer

# t, at most: where the operand that is not summed is an argument, which is shared in as many bits as needed; where it
# is none; and where bits do not matter.
_OF_PARAMETERS, _OF_ACTIVATIONS, _OF_SMALL = 7, 3, 24
# r needs no more bits than that: of 2^10 choices one lets two wrong elements cancel.
_WEIGHT = 10
# Roundings, of a unit and for free signs, add up to more than so many times their weights' Euclidean norm once in 2^40
# times (Hoeffding); so do the eighths of units in what P0 deals.
_SIGMAS = 4.0
# Weights are drawn again where the mean of their squares is beyond so many times what it should be.
_SPREAD = 1.5
# Sums of fewer terms cost more than they are worth.
_FEWEST = 16
# Bits that a number costs: to be opened, dealt and opened; to be widened.
_OPENED, _WIDENED = 3, 4


@dataclass(frozen=True)
class _Way:
    """One way to sum a product [B, m, n] up: y r, for y or its transpose.

    Attributes:
        summed: the operand that is multiplied with r.
        whole: the other one.
        batch: B.
        terms: how many elements are added up.
        rows: how many sums there are for each element of a batch.
        write: makes (e, y) of r.
    """

    summed: SSAValue
    whole: SSAValue
    batch: int
    terms: int
    rows: int
    write: Callable[[Writer, SSAValue, _Plan], tuple[SSAValue, SSAValue]]


@dataclass(frozen=True)
class _Plan:
    """Numbers of a way: `groups` sums of at most `group` terms for each row, modulo 2^(bits + room)."""

    way: _Way
    bits: int
    room: int
    weight_bits: int
    group: int
    factor_range: int
    cost: int

    @property
    def groups(self) -> int:
        return math.ceil(self.way.terms / self.group)

    @property
    def width(self) -> int:
        return self.bits + self.room

    def weights(self) -> Array:
        """r [B, terms, groups]: odd numbers below 2^weight_bits of either sign, each term in one group."""
        way, half = self.way, 2 ** (self.weight_bits - 1)
        rng = np.random.default_rng([way.batch, way.terms, way.rows])
        group_of = np.arange(way.terms) // self.group
        members = group_of[:, None] == np.arange(self.groups)
        odd = np.zeros((way.batch, way.terms), np.int64)
        heavy = np.ones((way.batch, self.groups), np.bool_)
        while np.any(heavy):
            drawn = 2 * rng.integers(-half, half, odd.shape) + 1
            odd = np.where(heavy[:, group_of], drawn, odd)
            heavy = odd**2 @ members > _SPREAD * _mean_square(self.weight_bits) * members.sum(0)
        return np.asarray(odd[:, :, None] * members, np.int64)


def guard_by_sums(write: Writer, op: ring.RingOp, small: bool) -> bool:
    """Inserts the sums behind a product and has them required; False where none can be had."""
    if (ways := _WAYS.get(type(op))) is None:
        return False
    plans = [_planned(write, op, way, small) for way in ways(op)]
    plan = min(filter(None, plans), key=lambda plan: plan.cost, default=None)
    if plan is None:
        return False
    r = write.constant(plan.weights())
    e, y = plan.way.write(write, r, plan)
    write.insert(ring.RequireSumsOp, [e, y, r], e.type, range=plan.width - 1, bits=plan.bits, **{MODULAR: 1})
    return True


def _planned(write: Writer, op: ring.RingOp, way: _Way, small: bool) -> _Plan | None:
    """The cheapest plan with the largest weights that roundings leave room for."""
    shift, bits = op.get("shift"), write.bits(op.result) + 2
    free = is_argument(way.whole)
    most = _OF_SMALL if small else _OF_PARAMETERS if free else _OF_ACTIVATIONS
    room = min(most, ring.MAX_WIDTH - shift - bits)
    for weight_bits in range(min(room - 1, _WEIGHT), 0, -1):
        plans = []
        group = min(way.terms, _terms_within(2.0 ** (bits - 2), weight_bits, shift))
        while group >= min(way.terms, _FEWEST):
            factor_range = write.bits(way.summed) + weight_bits + (group - 1).bit_length()
            widened = max(0, factor_range + 2 - shift - bits) * _size(way.summed) * (not is_argument(way.summed))
            widened += room * _size(way.whole) * (not free)
            opened = way.batch * way.rows * math.ceil(way.terms / group) * (_OPENED * (bits + room) + 2 * room)
            if factor_range <= MOST_BITS:
                plans.append(_Plan(way, bits, room, weight_bits, group, factor_range, opened + _WIDENED * widened))
            group = -(-group // 2) if group > 1 else 0
        if plans:
            return min(plans, key=lambda plan: plan.cost)
    return None


def _terms_within(limit: float, weight_bits: int, shift: int) -> int:
    """How many roundings, with odd weights below 2^weight_bits, stay below a limit."""
    if not shift:
        return 2**31
    # Roundings are off by 2^-shift on average, all to the same side: mean n + spread sqrt(n) + 2 <= limit.
    mean, spread = 2.0 ** (weight_bits - 1 - shift), _SIGMAS * math.sqrt(_SPREAD * _mean_square(weight_bits))
    root = (math.sqrt(spread**2 + 4 * mean * max(0.0, limit - 2)) - spread) / (2 * mean)
    return int(root**2)


def _mean_square(weight_bits: int) -> float:
    """Of the odd numbers below 2^weight_bits."""
    return (4.0**weight_bits - 1) / 3


def _size(value: SSAValue) -> int:
    return math.prod(ring.shape(value))


# ------------------------------------------------------------------------------------------------ ways


def _factor(write: Writer, summed: SSAValue, r: SSAValue, plan: _Plan) -> SSAValue:
    """What is summed [B, K, terms] times r."""
    shape = (*ring.shape(summed)[:2], plan.groups)
    return write.emit(ring.MatmulPublicOp, [summed, r], shape, ring.fraction(summed), plan.factor_range, shift=0)


def _transposed(write: Writer, x: SSAValue, range: int, **notes: object) -> SSAValue:
    batch, rows, columns = ring.shape(x)
    if rows == 1 or columns == 1:
        return write.emit(ring.ReshapeOp, [x], (batch, columns, rows), ring.fraction(x), range, **notes)
    shape = (batch, columns, rows)
    return write.emit(ring.TransposeOp, [x], shape, ring.fraction(x), range, perm=[0, 2, 1], **notes)


def _again(
    write: Writer, op: ring.RingOp, operands: list[SSAValue], shape: tuple[int, ...], plan: _Plan, **more: object
) -> SSAValue:
    """The product of other operands, in the width of a plan."""
    fraction, notes = ring.fraction(op.result), {"shift": op.get("shift"), MODULAR: 1}
    return write.emit(type(op), operands, shape, fraction, plan.width - 1, **notes, **more)


def _matmul_ways(op: ring.RingOp) -> tuple[_Way, ...]:
    x, w = op.arguments
    batch, m, _ = ring.shape(x)
    n = ring.shape(w)[2]

    def of_columns(write: Writer, r: SSAValue, plan: _Plan) -> tuple[SSAValue, SSAValue]:
        factor = _factor(write, w, r, plan)
        return _again(write, op, [x, factor], (batch, m, plan.groups), plan), op.result

    def of_rows(write: Writer, r: SSAValue, plan: _Plan) -> tuple[SSAValue, SSAValue]:
        factor = _factor(write, _transposed(write, x, write.bits(x)), r, plan)
        factor = _transposed(write, factor, plan.factor_range)
        e = _again(write, op, [factor, w], (batch, plan.groups, n), plan)
        e = _transposed(write, e, plan.width - 1, **{MODULAR: 1})
        return e, _transposed(write, op.result, write.bits(op.result))

    return _Way(w, x, batch, n, m, of_columns), _Way(x, w, batch, m, n, of_rows)


def _conv_ways(op: ring.RingOp) -> tuple[_Way, ...]:
    image, kernel = op.arguments
    height, width, channels, outputs = ring.shape(kernel)
    places = ring.shape(op.result)[:3]

    def of_channels(write: Writer, r: SSAValue, plan: _Plan) -> tuple[SSAValue, SSAValue]:
        fraction, inner = ring.fraction(kernel), height * width * channels
        flat = write.emit(ring.ReshapeOp, [kernel], (1, inner, outputs), fraction, write.bits(kernel))
        shape = (height, width, channels, plan.groups)
        factor = write.emit(ring.ReshapeOp, [_factor(write, flat, r, plan)], shape, fraction, plan.factor_range)
        e = _again(write, op, [image, factor], (*places, plan.groups), plan, strides=op.get("strides"))
        sums = (1, math.prod(places), plan.groups)
        e = write.emit(ring.ReshapeOp, [e], sums, ring.fraction(e), plan.width - 1, **{MODULAR: 1})
        rows = (1, math.prod(places), outputs)
        return e, write.emit(ring.ReshapeOp, [op.result], rows, ring.fraction(op.result), write.bits(op.result))

    return (_Way(kernel, image, 1, outputs, math.prod(places), of_channels),)


_WAYS: dict[type[ring.RingOp], Callable[[ring.RingOp], tuple[_Way, ...]]] = {
    ring.MatmulOp: _matmul_ways,
    ring.ConvOp: _conv_ways,
}
