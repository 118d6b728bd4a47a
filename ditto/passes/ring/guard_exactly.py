"""Guards small tensors for certain: their exact sizes are computed again, with room for all of them, and compared.

    %1 = ring.matmul %x, %w {shift = 12, claim = 5.4e+08, range = 24} : .. -> ..<32, 8>>
gets beside it, where |%1| < 2^30 by the intervals of its operands,
    %2 = ring.matmul %x, %w {shift = 31, range = 12} : .. -> ..<32, 0>>        1 is 2^19 units of %1
    .. and |%2| < 30, by two comparisons

Products whose size does not fit 61 bits are computed coarsely, from operands cut to their high bits: several times, if
the operands are wide, each time knowing how large they still can be.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from xdsl.ir import Attribute, BlockArgument, SSAValue

from ditto.analysis.intervals import CLAIM
from ditto.analysis.look_through import known_numbers
from ditto.dialects import ring
from ditto.dialects.traits import Linear
from ditto.passes.ring.guard_writer import MOST_BITS, Writer

# A limit is so many bits above the unit of the coarse value that is compared with it; rounding takes two units.
_DIGITS, _ROUNDING = 5, 3
# Coarse products one after the other, each of which narrows what the next has to hold.
_MOST_LEVELS = 6


def guard_exactly(write: Writer, op: ring.RingOp) -> bool:
    """Has every element of a result compared with its range; False where no way is known."""
    check = _again if op.has_trait(Linear) else _CHECKS.get(type(op))
    return check is not None and check(write, op, write.bits(op.result) + op.get("shift", 0))


def _rounded(write: Writer, op: ring.RingOp, limit: int) -> bool:
    """A value that loses fraction bits, and is not to be rounded up to its limit, by one and a half units at most."""
    if write.bits(op.arguments[0]) >= MOST_BITS:
        return False
    off = (3 << op.get("shift")) // 2 if op.get("shift") else 0
    write.require_below(op.arguments[0], 2**limit - off)
    return True


def _again(write: Writer, op: ring.RingOp, limit: int) -> bool:
    """A sum computed once more, with room for all of it: of what is added without its low bits, if need be."""
    size = math.ceil(op.get(CLAIM) * 2.0 ** ring.fraction(op.result)).bit_length()
    shape, fraction = ring.shape(op.result), ring.fraction(op.result)
    if size <= MOST_BITS:
        again = write.emit(type(op), list(op.arguments), shape, fraction, size, **_attributes(op))
        write.require_below(again, 2**limit)
        return True
    if not isinstance(op, ring.SumOp):
        return False
    # Every number that is added may be off by one and a half.
    off = (3 * op.terms() + 1) // 2
    cut = size + 1 - MOST_BITS
    if limit <= cut or write.bits(op.arguments[0]) > ring.MAX_WIDTH - 2:
        return False
    below = (1 << limit - cut) - off
    if below <= off:
        return False
    again = write.emit(type(op), [_cut(write, op.arguments[0], cut, 31)], shape, 31, MOST_BITS, **_attributes(op))
    write.require_below(again, below)
    return True


def _scaled(write: Writer, op: ring.RingOp, limit: int) -> bool:
    """x times public numbers p: |x| < 2^limit / |p|."""
    x, bits = op.arguments[0], write.bits(op.arguments[0])
    numbers = known_numbers(op.arguments[1])
    if bits >= MOST_BITS:
        return False
    if numbers is None:
        return _scaled_at_call(write, op, limit)
    encoded = op.arguments[1].owner
    scale = 2.0 ** encoded.get("fraction") if isinstance(encoded, ring.EncodeOp) else 1.0
    with np.errstate(divide="ignore"):
        limits = np.ceil(2.0**limit / np.abs(np.rint(numbers.astype(np.float64) * scale)))
    write.require_below(x, np.minimum(limits, 2.0 ** (bits + 1)).astype(np.int64))
    return True


def _scaled_at_call(write: Writer, op: ring.RingOp, limit: int) -> bool:
    """x times numbers that are known when the program is called, and encoded by the caller."""
    encoded = op.arguments[1].owner
    if not isinstance(encoded, ring.EncodeOp) or not isinstance(encoded.arguments[0], BlockArgument):
        return False
    finest = encoded.get("fraction")
    real = int(write.arguments[encoded.arguments[0].index])
    levels = _levels(write.bits(op.arguments[0]), real + finest, 0, limit)
    if levels is None or any(q > finest for _, q, _, _ in levels):
        return False
    for p, q, size, told in levels:
        factor = _cut(write, op.arguments[0], p, 31)
        type = op.arguments[1].type
        number = write.insert(ring.EncodeOp, [encoded.arguments[0]], type, fraction=finest - q)
        shift = max(0, told - _DIGITS - p - q)
        unit = p + q + shift
        # The public factor's fraction is that of the result, plus the shift, less x's.
        fraction = ring.fraction(factor) + finest - q - shift
        if fraction < 0:
            return False
        shape, bits = ring.shape(op.result), max(1, size - unit) + 1
        coarse = write.emit(ring.MulPublicOp, [factor, number], shape, fraction, bits, shift=shift)
        write.require_below(coarse, (1 << told - unit) - _ROUNDING)
    return True


def _product(write: Writer, op: ring.RingOp, limit: int) -> bool:
    """Coarse products until what is left unsure is below 2^limit."""
    x, y = op.arguments[0], op.arguments[-1]
    levels = _levels(write.bits(x), write.bits(y), (op.terms() - 1).bit_length(), limit, x is y)
    if levels is None:
        return False
    for p, q, size, told in levels:
        _level(write, op, p, q, size, told)
    return True


def _level(write: Writer, op: ring.RingOp, p: int, q: int, size: int, told: int) -> None:
    """Requires |product| < 2^told, where it is known to be below 2^size."""
    cuts = ((p, 31), (q, 32))
    factors = [_cut(write, x, low, fraction) for x, (low, fraction) in zip(op.arguments, cuts)]
    shift = max(0, told - _DIGITS - p - q)
    fraction = ring.fraction(factors[0]) + ring.fraction(factors[-1]) - shift
    unit = p + q + shift
    attributes = {**_attributes(op), "shift": shift}
    coarse = write.emit(type(op), factors, ring.shape(op.result), fraction, max(1, size - unit) + 1, **attributes)
    write.require_below(coarse, (1 << told - unit) - _ROUNDING + 1)


def _attributes(op: ring.RingOp) -> dict[str, Attribute]:
    """What an operation does, without what is known of it."""
    return {name: a for name, a in op.attributes.items() if name not in ring.NOTES}


def _cut(write: Writer, x: SSAValue, low: int, fraction: int) -> SSAValue:
    """x without its low bits, as an integer, with a fraction that stands for nothing."""
    bits = write.bits(x)
    labelled = write.emit(ring.RelabelOp, [x], ring.shape(x), low + fraction, bits)
    if not low:
        return labelled
    return write.emit(ring.DownCastOp, [labelled], ring.shape(x), fraction, max(1, bits - low) + 1, shift=low)


def _levels(a: int, b: int, terms: int, limit: int, square: bool = False) -> list[tuple[int, int, int, int]] | None:
    """Coarse products of |x| < 2^a and |y| < 2^b, 2^terms of them added.

    For each the low bits that x and y lose, what is known before (2^size) and what it tells (2^told); the last tells
    2^limit. None if that cannot be told.
    """
    size = a + b + terms
    found: list[tuple[int, int, int, int]] = []
    while size > limit:
        # The product of the cut operands must not leave 61 bits: one more is for rounding, one for an up-cast, one the
        # sign.
        cut = max(0, size - MOST_BITS)
        p = min(max(0, (cut + a - b + 1) // 2), cut)
        q = cut - p
        if square:
            p = q = (cut + 1) // 2
        # What the cut bits are worth.
        error = terms + max(a - p, b - q) + 1 + p + q if p + q else 0
        told = max(limit, error + _DIGITS)
        found.append((p, q, size, told))
        if told >= size or len(found) > _MOST_LEVELS:
            return None
        size = told
    return found


_CHECKS: dict[type[ring.RingOp], Callable[[Writer, ring.RingOp, int], bool]] = {
    ring.SumOp: _again,
    ring.DownCastOp: _rounded,
    ring.MulPublicOp: _scaled,
    ring.MulOp: _product,
    ring.SquareOp: _product,
    ring.MatmulOp: _product,
    ring.ConvOp: _product,
}
