"""PPHLO operations that move elements, and reductions, as ring operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.ir import Attribute, Operation, SSAValue

from ditto.analysis.reductions import seeks_extreme
from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.interpreter import calls, movement
from ditto.lowering.arithmetic import Rule, add, complement, disordered, invert, less, maximum, minimum, ordered, zero
from ditto.lowering.emitter import Emitter, Public, Value, is_bits, secret


def moved_type(x: SSAValue, shape: tuple[int, ...]) -> Attribute:
    """The type of x with another shape."""
    return ring.bits(shape) if ring.is_bit(x) else ring.fxp(shape, ring.width(x), ring.fraction(x))


def reshape(e: Emitter, x: SSAValue, shape: tuple[int, ...]) -> SSAValue:
    if ring.shape(x) == shape:
        return x
    return e.emit(ring.ReshapeOp, [x], moved_type(x, shape))


def transpose(e: Emitter, x: SSAValue, perm: list[int]) -> SSAValue:
    if perm == list(range(len(perm))):
        return x
    return e.emit(ring.TransposeOp, [x], moved_type(x, tuple(ring.shape(x)[dim] for dim in perm)), perm=perm)


def joined(e: Emitter, x: SSAValue, y: SSAValue, axis: int) -> SSAValue:
    """One after the other along an axis."""
    shape = tuple(n + ring.shape(y)[dim] if dim == axis else n for dim, n in enumerate(ring.shape(x)))
    return e.emit(ring.ConcatOp, [x, y], moved_type(x, shape), dim=axis)


def slice_along(e: Emitter, x: SSAValue, axis: int, start: int, limit: int, stride: int = 1) -> SSAValue:
    """The elements from `start` to `limit`, along one axis."""
    shape = list(ring.shape(x))
    starts, limits, strides = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], limits[axis], strides[axis] = start, limit, stride
    shape[axis] = len(range(start, limit, stride))
    return e.emit(ring.SliceOp, [x], moved_type(x, tuple(shape)), start=starts, limit=limits, stride=strides)


def _known(e: Emitter, value: Value) -> Array:
    if isinstance(value, Public) and value.numbers is not None:
        return value.numbers
    raise e.fail("indices must be constants of the program; secret ones are supported as embedding look-ups only")


def _slice(e: Emitter, op: pphlo.SliceOp, values: list[Value]) -> Value:
    x, ranges = secret(values[0]), op.ranges()
    start, limit, stride = ([getattr(r, name) for r in ranges] for name in ("start", "stop", "step"))
    return e.emit(ring.SliceOp, [x], moved_type(x, op.shape), start=start, limit=limit, stride=stride)


def _concatenate(e: Emitter, op: pphlo.ConcatenateOp, values: list[Value]) -> Value:
    parts = same_fraction(e, values)
    return e.emit(ring.ConcatOp, parts, moved_type(parts[0], op.shape), dim=op.dimension)


def same_fraction(e: Emitter, values: list[Value]) -> list[SSAValue]:
    """All as secrets with the greatest fraction among them."""
    like = next(value for value in values if isinstance(value, SSAValue))
    parts = [e.made_secret(value, like) for value in values]
    if ring.is_bit(like):
        return parts
    fraction = max(ring.fraction(part) for part in parts)
    return [e.with_fraction(part, fraction) for part in parts]


def _pad(e: Emitter, op: pphlo.PadOp, values: list[Value]) -> Value:
    edges = [list(column) for column in zip(*op.edges())] or [[], [], []]
    low, high, interior = edges
    x, fill = values
    if isinstance(x, SSAValue) and isinstance(fill, Public) and fill.uniform() == 0:
        return _padded(e, x, low, high, interior)
    # Another fill: the padded elements, and the fill wherever there is none.
    x, fill_value = same_fraction(e, [x, fill])
    size = math.prod(ring.shape(x))
    index = movement.pad(op, np.arange(size).reshape(ring.shape(x)), np.array(size))
    return _taken(e, [x, fill_value], index)


def _padded(e: Emitter, x: SSAValue, low: list[int], high: list[int], interior: list[int]) -> SSAValue:
    """x with zeros around and between its elements; negative edges are cut off afterwards."""
    wide = [[max(edge, 0) for edge in edges] for edges in (low, high)]
    spans = [n + max(0, n - 1) * between for n, between in zip(ring.shape(x), interior)]
    shape = tuple(before + span + after for before, span, after in zip(wide[0], spans, wide[1]))
    whole = e.emit(ring.PadOp, [x], moved_type(x, shape), low=wide[0], high=wide[1], interior=interior)
    start = [max(-edge, 0) for edge in low]
    limit = [n - max(-edge, 0) for n, edge in zip(shape, high)]
    if start == [0] * len(shape) and limit == list(shape):
        return whole
    type = moved_type(x, tuple(end - begin for begin, end in zip(start, limit)))
    return e.emit(ring.SliceOp, [whole], type, start=start, limit=limit, stride=[1] * len(shape))


def _taken(e: Emitter, parts: list[SSAValue], index: Array) -> SSAValue:
    """Elements of the concatenated, flattened parts."""
    flat = [reshape(e, part, (math.prod(ring.shape(part)),)) for part in parts]
    whole = flat[0]
    if len(flat) > 1:
        whole = e.emit(ring.ConcatOp, flat, moved_type(flat[0], (sum(ring.shape(f)[0] for f in flat),)), dim=0)
    return e.emit(ring.TakeOp, [whole, e.constant(index.astype(np.int64))], moved_type(whole, index.shape))


def _positions(x: SSAValue, first: int = 0) -> Array:
    shape = ring.shape(x)
    return np.arange(first, first + math.prod(shape)).reshape(shape)


def _dynamic_slice(e: Emitter, op: pphlo.DynamicSliceOp, values: list[Value]) -> Value:
    x, starts = secret(values[0]), [int(_known(e, value).reshape(())) for value in values[1:]]
    starts = [min(max(s, 0), n - size) for s, n, size in zip(starts, ring.shape(x), op.shape)]
    limit = [start + size for start, size in zip(starts, op.shape)]
    return e.emit(ring.SliceOp, [x], moved_type(x, op.shape), start=starts, limit=limit, stride=[1] * len(starts))


def _dynamic_update_slice(e: Emitter, op: pphlo.DynamicUpdateSliceOp, values: list[Value]) -> Value:
    starts = [_known(e, value) for value in values[2:]]
    x, update = same_fraction(e, values[:2])
    positions = _positions(x)
    return _taken(
        e, [x, update], movement.dynamic_update_slice(op, positions, _positions(update, positions.size), *starts)
    )


def _take(e: Emitter, op: Operation, values: list[Value]) -> Value:
    """Elements at public positions, which may be known only at the call."""
    x, positions = secret(values[0]), values[1]
    assert isinstance(positions, Public)
    index = e.constant(positions.known().astype(np.int64)) if positions.value is None else positions.value
    return e.emit(ring.TakeOp, [reshape(e, x, (math.prod(ring.shape(x)),)), index], moved_type(x, positions.shape))


def _gather(e: Emitter, op: pphlo.CustomCallOp, values: list[Value]) -> Value:
    x = secret(values[0])
    index = calls.gather(op, _positions(x), _known(e, values[1]))
    rows = index.reshape(-1)
    count = rows.size
    if count and np.array_equal(rows, np.arange(rows[0], rows[0] + count)) and len(ring.shape(x)) > 0:
        # One run of elements: a slice of whole rows where the shape allows it.
        inner = math.prod(ring.shape(x)[1:])
        if rows[0] % inner == 0 and count % inner == 0:
            first = int(rows[0]) // inner
            return reshape(e, slice_along(e, x, 0, first, first + count // inner), index.shape)
    return _taken(e, [x], index)


# ------------------------------------------------------------------------------------------------ reductions


def _reduce(e: Emitter, op: pphlo.ReduceOp, values: list[Value]) -> Value:
    x, initial, dims, combiner = secret(values[0]), values[1], list(op.dimensions), op.combiner()
    type = op.outputs[0].type
    match combiner:
        case "pphlo.add":
            total = e.emit(ring.SumOp, [x], moved_type(x, ring.shape(type)), dims=dims)
            return total if _is(initial, 0) else add(e, total, _spread(e, initial, type))
        case "pphlo.maximum" if not is_bits(type):
            return _with_bound(e, maximum, _greatest(e, x, dims), initial, type, -1)
        case "pphlo.minimum" if not is_bits(type):
            return _with_bound(e, minimum, _least(e, x, dims), initial, type, 1)
        case "pphlo.or" | "pphlo.maximum":
            return complement(e, zero(e, _count(e, x, dims)))
        case "pphlo.and" | "pphlo.minimum":
            return zero(e, _count(e, complement(e, x), dims))
    raise e.fail(f"a reduction by {combiner or 'a body of its own'} is not supported; use sum, max, min, any or all")


def _reduce_pair(e: Emitter, op: pphlo.ReduceOp, values: list[Value]) -> list[Value]:
    """Argmax and argmin: numbers reduced together with their positions. Returns the extreme and where it stands."""
    sign, (x, positions) = seeks_extreme(op), values[:2]
    if sign is None or not isinstance(x, SSAValue):
        raise e.fail("only argmax and argmin along one axis reduce two tensors together")
    with e.exactly():
        return _extreme(e, x, positions, sign > 0, list(op.dimensions), op.outputs[1].type)


def _extreme(
    e: Emitter, x: SSAValue, positions: Value, greatest: bool, dims: list[int], index_type: Attribute
) -> list[Value]:
    """The greatest or least element along one axis, and its position."""
    if ring.is_bit(x):
        number = e.emit(ring.BitToFxpOp, [x], ring.fxp(ring.shape(x), 32, 0))
        best, where = _extreme(e, number, positions, greatest, dims, index_type)
        return [complement(e, zero(e, secret(best))), where]
    if e.unsigned:
        with e.in_order():
            best, where = _extreme(e, secret(ordered(e, x)), positions, greatest, dims, index_type)
            return [disordered(e, secret(best)), where]
    turned = x if greatest else _turned(e, x)
    if _may_be_compared(e, turned):
        best = _greatest(e, turned, dims)
        index = ring.fxp(ring.shape(best), 32, 0)
        where = e.emit(ring.ArgmaxOp, [turned], index, axis=dims[0], bits=ring.width(x))
        where = e.converted(where, index_type)
    else:
        assert isinstance(positions, Public)
        best, where = _tournament(e, [turned, e.made_secret(positions, turned)], dims[0])
        where = e.converted(where, index_type)
    return [best if greatest else _turned(e, best), where]


def _turned(e: Emitter, x: SSAValue) -> SSAValue:
    """Numbers in the opposite order, themselves again when they are turned twice: -x, or -x - 1 where the widest ring
    does not hold -x."""
    if e.bits is None or e.fits(e.integers_of(x).scaled(-1)):
        return e.emit(ring.NegOp, [x], x.type)
    with e.wrapping(ring.MAX_WIDTH):
        return invert(e, x)


def _may_be_compared(e: Emitter, x: SSAValue) -> bool:
    """Whether a difference of two elements fits a ring."""
    if e.bits is None:
        return True
    span = e.integers_of(x)
    return e.fits(span.plus(span.scaled(-1)))


def _count(e: Emitter, x: SSAValue, dims: list[int]) -> SSAValue:
    """How many bits are set along `dims`."""
    numbers = e.emit(ring.BitToFxpOp, [x], ring.fxp(ring.shape(x), 32, 0))
    kept = tuple(n for i, n in enumerate(ring.shape(x)) if i not in dims)
    return e.emit(ring.SumOp, [numbers], ring.fxp(kept, 32, 0), dims=dims)


def _is(value: Value, number: float) -> bool:
    return isinstance(value, Public) and value.uniform() == number


def _spread(e: Emitter, scalar: Value, type: Attribute) -> Value:
    shape = ring.shape(type)
    if isinstance(scalar, Public):
        return Public(type, np.broadcast_to(scalar.known(), shape))
    return e.emit(ring.BroadcastOp, [scalar], moved_type(scalar, shape), dims=[])


def _with_bound(
    e: Emitter,
    choose: Callable[[Emitter, Value, Value, Attribute], Value],
    x: SSAValue,
    initial: Value,
    type: Attribute,
    sign: int,
) -> Value:
    """The reduced value and the initial one, unless that is a bound no value passes (infinity, a dtype's extreme)."""
    number = initial.uniform() if isinstance(initial, Public) else None
    if number is not None:
        end = _greatest_of(initial, sign)
        if number == end if e.unsigned else number * sign >= end:
            return x
    return choose(e, x, _spread(e, initial, type), type)


def _greatest_of(value: Value, sign: int) -> float:
    """The end of a dtype on one side."""
    dtype = pphlo.dtype_of(pphlo.element_type(value.type))
    if dtype.kind == "f":
        return float(np.finfo(dtype).max)
    if dtype.kind == "u":
        # As the signed integer of the same bits; zero is below all others.
        return -1 if sign > 0 else 0
    return int(np.iinfo(dtype).max) if sign > 0 else -int(np.iinfo(dtype).min)


def _greatest(e: Emitter, x: SSAValue, dims: list[int]) -> SSAValue:
    """The maximum along dims: those are made one axis first."""
    if e.unsigned:
        with e.in_order():
            return disordered(e, _greatest(e, secret(ordered(e, x)), dims))
    shape = ring.shape(x)
    kept = [dim for dim in range(len(shape)) if dim not in dims]
    axis = dims[0]
    if len(dims) > 1:
        moved = transpose(e, x, kept + dims)
        x = reshape(e, moved, (*(shape[dim] for dim in kept), math.prod(shape[dim] for dim in dims)))
        axis = len(kept)
    if not _may_be_compared(e, x):
        return _tournament(e, [x], axis)[0]
    result = moved_type(x, tuple(shape[dim] for dim in kept))
    return e.emit(ring.MaxOp, [x], result, axis=axis, bits=ring.width(x), drop=0)


def _least(e: Emitter, x: SSAValue, dims: list[int]) -> SSAValue:
    """The minimum along dims."""
    if e.unsigned:
        with e.in_order():
            return disordered(e, _least(e, secret(ordered(e, x)), dims))
    with e.exactly():
        return _turned(e, _greatest(e, _turned(e, x), dims))


def _tournament(e: Emitter, values: list[SSAValue], axis: int) -> list[SSAValue]:
    """The greatest of the first value's elements along an axis, which vanishes, and what stands at its place in the
    others. Neighbours are compared, so the first of equals wins."""
    while (count := ring.shape(values[0])[axis]) > 1:
        paired = count - count % 2
        firsts, seconds = ([slice_along(e, x, axis, start, paired, 2) for x in values] for start in (0, 1))
        worse = less(e, firsts[0], seconds[0])
        best = [e.emit(ring.SelectOp, [worse, b, a], a.type) for a, b in zip(firsts, seconds)]
        if paired < count:
            last = [slice_along(e, x, axis, paired, count) for x in values]
            best = [joined(e, a, b, axis) for a, b in zip(best, last)]
        values = best
    return [reshape(e, x, tuple(n for dim, n in enumerate(ring.shape(x)) if dim != axis)) for x in values]


RULES: dict[str, Rule] = {
    "pphlo.reshape": lambda e, op, v: reshape(e, secret(v[0]), ring.shape(op.results[0].type)),
    "pphlo.transpose": lambda e, op, v: transpose(e, secret(v[0]), list(op.dimensions)),
    "pphlo.broadcast": lambda e, op, v: e.emit(
        ring.BroadcastOp,
        [secret(v[0])],
        moved_type(secret(v[0]), ring.shape(op.results[0].type)),
        dims=list(op.dimensions),
    ),
    "pphlo.broadcast_as": lambda e, op, v: _spread(e, v[0], op.results[0].type),
    "pphlo.reverse": lambda e, op, v: e.emit(
        ring.ReverseOp,
        [secret(v[0])],
        v[0].type,
        dims=list(op.dimensions),
    ),
    "pphlo.slice": _slice,
    "pphlo.concatenate": _concatenate,
    "pphlo.pad": _pad,
    "pphlo.dynamic_slice": _dynamic_slice,
    "pphlo.dynamic_update_slice": _dynamic_update_slice,
    "pphlo.reduce": _reduce,
}
CALLS: dict[str, Rule] = {"spu.gather": _gather, "ditto.take": _take}
# Of operations with two results.
PAIRS: dict[str, Callable[[Emitter, Any, list[Value]], list[Value]]] = {"pphlo.reduce": _reduce_pair}
