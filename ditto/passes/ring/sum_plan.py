"""Plans the sums of guard_sums.py: with which weights, of how many elements at a time, and in how many bits.

y = x w is made in `bits` bits, of 64-bit operands where it has to be. Its sums y r = x (w r) are wanted in `room` bits
more. Operands may become that much wider; or w r, of which there is little, loses its `cut` low bits: then its product
with x needs as many bits less, and what is lost is what roundings make of it, of either sign, times x.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from xdsl.ir import SSAValue

from ditto.analysis.look_through import has_any, is_argument
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Local, Moves
from ditto.passes.ring.guard_writer import MOST_BITS, Writer

# `room`, at most: of large tensors, whose every element takes so many bits to read; and where bits do not matter.
_ROOM, _ROOM_OF_SMALL = 4, 24
# r needs no more bits than that: of 2^10 choices one lets two wrong elements cancel.
_WEIGHT = 10
# Roundings, of a unit and for free signs, add up to more than so many times their weights' Euclidean norm less than
# once in 2^40 times (Hoeffding); with the eighths of units in what P0 deals, by their variance, about as rarely.
_SIGMAS = 4.0
# Weights are drawn again where the mean of their squares is beyond so many times what it should be.
_SPREAD = 1.5
_REPEATING = (ring.BroadcastOp, ring.TakeOp, ring.PadOp, ring.ConcatOp)
# Bits that a number costs: to be opened, dealt and opened; to be widened.
_OPENED, _WIDENED = 3, 4


@dataclass(frozen=True)
class Way:
    """One way to sum a product y up, as if it were [batch, rows, terms]: y r.

    Attributes:
        summed: the operand that is multiplied with r.
        whole: the other one.
        inner: how many elements of the product of `summed` and r a sum is made of.
        fewest: how many terms a sum has at the least.
        factor: how many elements the product of `summed` and r has, for every group of terms.
    """

    summed: SSAValue
    whole: SSAValue
    batch: int
    rows: int
    terms: int
    inner: int
    fewest: int
    factor: int


@dataclass(frozen=True)
class Plan:
    """Sums of at most `group` terms of each row, modulo 2^(bits + room).

    Attributes:
        legal: how much of the `bits` bits y may fill: 2 or 3 quarters.
        cut: how many low bits the product of what is summed and r loses.
        range: how many bits it has before.
        cost: bits sent, besides what it takes to read y.
    """

    way: Way
    bits: int
    legal: int
    room: int
    cut: int
    weight_bits: int
    group: int
    range: int
    cost: int

    @property
    def groups(self) -> int:
        return math.ceil(self.way.terms / self.group)

    @property
    def width(self) -> int:
        return self.bits + self.room

    @property
    def factor_range(self) -> int:
        """|f| < 2^factor_range of the product of what is summed and r, cut: rounding may add one and a half."""
        return max(2, self.range - self.cut + 1) if self.cut else self.range

    def weights(self) -> Array:
        """r [batch, terms, groups]: odd numbers below 2^weight_bits of either sign, each term in one group."""
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


def plan_sums(write: Writer, op: ring.RingOp, way: Way, small: bool) -> Plan | None:
    """The cheapest plan with the most room and the largest weights that roundings allow."""
    needed = op.get("shift") + write.bits(op.result)
    spare = needed + 2 <= ring.MAX_WIDTH
    if small and not spare:
        return None
    bits, legal = (write.bits(op.result) + 2, 2) if spare else (write.bits(op.result) + 1, 3)
    repeated = _has_repetitions(way.summed)
    for room in range(_ROOM_OF_SMALL if small else _ROOM, 1, -1):
        least = max(0, op.get("shift") + bits + room - ring.MAX_WIDTH)
        cuts = range(least, 1 + (0 if small else min(op.get("shift"), ring.fraction(way.summed))))
        for weight_bits in range(min(room - 1, _WEIGHT), 0, -1):
            plans = [
                plan
                for cut in cuts
                for group in _groups(write, op, way, bits, weight_bits, _lost(way.inner, cut, repeated))
                if (plan := _plan(write, op, way, (bits, legal, room, cut, weight_bits, group)))
            ]
            if plans:
                return min(plans, key=lambda plan: plan.cost)
    return None


def _groups(write: Writer, op: ring.RingOp, way: Way, bits: int, weight_bits: int, lost: float) -> Iterator[int]:
    """How many terms a sum may have: as many as roundings allow, and ever fewer; `lost` is what cutting loses."""
    shift = op.get("shift")
    limit = 2.0 ** (bits - 2) - 2.0 ** (write.bits(way.whole) - shift) * lost
    group = min(way.terms, _terms_within(limit, weight_bits, shift))
    while group >= way.fewest:
        yield group
        group = -(-group // 2) if group > 1 else 0


def _plan(write: Writer, op: ring.RingOp, way: Way, numbers: tuple[int, int, int, int, int, int]) -> Plan | None:
    bits, legal, room, cut, weight_bits, group = numbers
    range = write.bits(way.summed) + weight_bits + (group - 1).bit_length()
    if range > MOST_BITS:
        return None
    groups, shift = math.ceil(way.terms / group), op.get("shift")
    # Operands' bits, in the product and in that of the sums.
    have, need = shift + write.bits(op.result) + 1, shift - cut + bits + room
    free, has = is_argument(way.summed), max(have, range + 1)
    if free:
        has = min(ring.MAX_WIDTH, max(has, need + cut))
    widened = (has - have) * _size(way.summed) * (not free)
    widened += max(0, need - (has - cut)) * way.factor * groups
    widened += max(0, need - have) * _size(way.whole) * (not is_argument(way.whole))
    opened = way.batch * way.rows * groups * (_OPENED * (bits + room) + 2 * room)
    return Plan(way, *numbers, range, opened + _WIDENED * widened)


def _lost(terms: int, cut: int, repeated: bool) -> float:
    """What cutting so many numbers loses, in their own units: three roundings each, of half of what is left as a unit
    and, unless masks repeat, of free signs.
    """
    most = 1.5 * terms
    likely = 3 * _SIGMAS * math.sqrt(terms) + terms * 2.0 ** (-cut - 1)
    return 2.0**cut * (most if repeated else min(most, likely)) if cut else 0.0


def _has_repetitions(value: SSAValue) -> bool:
    """Whether elements of a value may have the same masks: it is put together, or made of what is, locally."""
    seen, left = set(), [value]
    while left:
        op = left.pop().owner
        if isinstance(op, _REPEATING):
            return True
        if isinstance(op, ring.RingOp) and op not in seen and has_any(op, Local, Moves):
            seen.add(op)
            left += [operand for operand in op.arguments if ring.is_fxp(operand)]
    return False


def _terms_within(limit: float, weight_bits: int, shift: int) -> int:
    """How many roundings, with odd weights below 2^weight_bits, stay below a limit."""
    if limit <= 0:
        return 0
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
