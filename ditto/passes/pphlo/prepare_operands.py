"""Brings public operands that are known only at the call into the form in which secrets meet them.

    %1 = pphlo.divide %secret, %public
becomes
    %0 = pphlo.divide %one, %public
    %1 = pphlo.custom_call @ditto.times_inverse(%secret, %0)

Likewise: comparisons of booleans become conjunctions with a complement; a selection of two public tensors by a secret
bit becomes two products; an initial value joins its reduction afterwards; the bounds of a clamp are broadcast; an
integer that meets a float is converted; a table that is looked up gets the shape of a factor. What is public then
`split-public` gives to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import Float16Type, ModuleOp, TensorType, i1
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.arguments import ValueNeeded, arguments_of
from ditto.dialects import pphlo
from ditto.passes.pphlo.match_embedding import TARGET as LOOK_UP
from ditto.passes.pphlo.whole_tensors import Writer, element_of, tensor

INVERSE = "ditto.times_inverse"
# The least divisor of float32 whose inverse, in 22 bits, has not the ten digits that a result has.
_DIVISOR = 2.0**13


def is_open(value: SSAValue) -> bool:
    """Whether a value is public, but not known before the call."""
    return not pphlo.is_secret(value.type) and not isinstance(value.owner, pphlo.ConstantOp)


def is_bit(value: SSAValue) -> bool:
    return pphlo.dtype_of(pphlo.element_type(value.type)).kind == "b"


class Preparation(Writer):
    """Writes what takes the place of an operation with an operand that is public, but not known before the call."""

    def filled(self, number: float | bool, type: Attribute) -> SSAValue:
        """A public tensor of one number."""
        type = pphlo.opened(type)
        number_of_dtype = np.array(number, pphlo.dtype_of(pphlo.element_type(type)))
        return self.constant(np.broadcast_to(number_of_dtype, type.get_shape()), type)

    def complement(self, bit: SSAValue) -> SSAValue:
        return self.write(pphlo.NotOp.get(bit))

    def arranged(self, value: SSAValue, groups: Sequence[Sequence[int]]) -> SSAValue:
        """A value whose dimensions are brought together in groups."""
        shape = pphlo.shape_of(value)
        order = [dim for group in groups for dim in group]
        type = tensor(element_of(value), [shape[dim] for dim in order])
        moved = self.write(pphlo.TransposeOp.get(value, order, type))
        return self.reshape(moved, [math.prod(shape[dim] for dim in group) for group in groups])


Rule = Callable[[Preparation, Any], Sequence[SSAValue] | None]


def divide(writer: Preparation, op: pphlo.DivideOp) -> Sequence[SSAValue] | None:
    if not pphlo.is_float(op.result.type) or not is_open(op.rhs):
        return None
    inverse = writer.write(pphlo.DivideOp.get(writer.filled(1, op.rhs.type), op.rhs, op.rhs.type))
    if not isinstance(pphlo.element_type(op.result.type), Float16Type):
        # Of greater divisors too few digits would be left. NaN is refused at the call.
        size = writer.write(pphlo.AbsOp.get(op.rhs))
        bits = TensorType(i1, pphlo.shape_of(op.rhs))
        fits = writer.write(pphlo.LessOp.get(size, writer.filled(_DIVISOR, op.rhs.type), bits))
        inverse = writer.write(pphlo.SelectOp.get([fits, inverse, writer.filled(np.nan, op.rhs.type)], op.rhs.type))
    return [writer.write(pphlo.CustomCallOp.get(INVERSE, [op.lhs, inverse], op.result.type))]


def compare(writer: Preparation, op: pphlo.LessOp) -> Sequence[SSAValue] | None:
    """less(a, b) = not a and b, and the others by it."""
    if not is_bit(op.lhs) or not (is_open(op.lhs) or is_open(op.rhs)):
        return None
    first, second = (op.lhs, op.rhs) if isinstance(op, pphlo.LessOp | pphlo.GreaterEqualOp) else (op.rhs, op.lhs)
    less = writer.write(pphlo.AndOp.get(writer.complement(first), second, op.result.type))
    return [writer.complement(less) if isinstance(op, pphlo.GreaterEqualOp | pphlo.LessEqualOp) else less]


def select(writer: Preparation, op: pphlo.SelectOp) -> Sequence[SSAValue] | None:
    condition, chosen, other = op.arguments
    if is_open(condition) and (has_nan(chosen) or has_nan(other)):
        raise ValueNeeded(
            op.name,
            "whether this result is a number depends on a public argument: an index out of bounds, for example; "
            "give its value",
            arguments_of([condition]),
        )
    if not pphlo.is_secret(condition.type) or not all(is_open(v) or known(v) for v in (chosen, other)):
        return None
    if known(chosen) and known(other):
        return None
    condition = writer.broadcast(condition, op.shape)
    product, total = (pphlo.AndOp, pphlo.OrOp) if is_bit(chosen) else (pphlo.MultiplyOp, pphlo.AddOp)
    parts = [
        writer.write(product.create(operands=[bit, value], result_types=[op.result.type]))
        for bit, value in ((condition, chosen), (writer.complement(condition), other))
    ]
    return [writer.write(total.create(operands=parts, result_types=[op.result.type]))]


def has_nan(value: SSAValue) -> bool:
    return (
        isinstance(value.owner, pphlo.ConstantOp)
        and pphlo.is_float(value.type)
        and bool(np.any(np.isnan(value.owner.numpy())))
    )


def known(value: SSAValue) -> bool:
    return isinstance(value.owner, pphlo.ConstantOp)


def clamp(writer: Preparation, op: pphlo.ClampOp) -> Sequence[SSAValue] | None:
    low, x, high = op.arguments
    if not any(is_open(bound) and pphlo.shape_of(bound) != op.shape for bound in (low, high)):
        return None
    bounds = [writer.broadcast(bound, op.shape) for bound in (low, high)]
    return [writer.write(pphlo.ClampOp.create(operands=[bounds[0], x, bounds[1]], result_types=[op.result.type]))]


# What joins an initial value to a reduction that began at the neutral element.
_NEUTRAL: dict[str, tuple[type[pphlo.Binary], Callable[[np.dtype[Any]], float | bool]]] = {
    "pphlo.add": (pphlo.AddOp, lambda dtype: 0),
    "pphlo.maximum": (pphlo.MaximumOp, lambda dtype: -np.inf if dtype.kind == "f" else _least(dtype)),
    "pphlo.minimum": (pphlo.MinimumOp, lambda dtype: np.inf if dtype.kind == "f" else ~_least(dtype)),
    "pphlo.or": (pphlo.OrOp, lambda dtype: False),
    "pphlo.and": (pphlo.AndOp, lambda dtype: True),
}


def _least(dtype: np.dtype[Any]) -> int:
    return 0 if dtype.kind == "b" else int(np.iinfo(dtype).min)


def reduce(writer: Preparation, op: pphlo.ReduceOp) -> Sequence[SSAValue] | None:
    if len(op.outputs) != 1 or (combiner := op.combiner()) not in _NEUTRAL:
        return None
    initial, type = behind_secrecy(op.initial_values[0]), op.outputs[0].type
    if not is_open(initial):
        return None
    joins, neutral = _NEUTRAL[combiner or ""]
    dtype = pphlo.dtype_of(pphlo.element_type(type))
    if dtype.kind == "b" and combiner in ("pphlo.maximum", "pphlo.minimum"):
        return None
    start = writer.write(pphlo.ConvertOp.get(writer.filled(neutral(dtype), initial.type), op.initial_values[0].type))
    again = op.clone()
    again.operands[1] = start
    bound = writer.broadcast(initial, pphlo.shape_of(op.outputs[0]))
    return [writer.write(joins.get(writer.write(again), bound, type))]


def behind_secrecy(value: SSAValue) -> SSAValue:
    """A value before it was marked secret."""
    op = value.owner
    if isinstance(op, pphlo.ConvertOp) and pphlo.opened(op.result.type) == op.operand.type:
        return op.operand
    return value


def arithmetic(writer: Preparation, op: pphlo.Binary) -> Sequence[SSAValue] | None:
    if not pphlo.is_float(op.result.type):
        return None
    sides = [
        writer.write(pphlo.ConvertOp.get(side, TensorType(pphlo.element_type(op.result.type), pphlo.shape_of(side))))
        if is_open(side) and not pphlo.is_float(side.type)
        else side
        for side in op.operands
    ]
    return (
        None
        if sides == list(op.operands)
        else [writer.write(type(op).create(operands=sides, result_types=[op.result.type]))]
    )


def dot(writer: Preparation, op: pphlo.DotOp | pphlo.DotGeneralOp) -> Sequence[SSAValue] | None:
    """[batch, rows, depth] times [batch, depth, columns]: the form in which a public operand can be passed on."""
    open_sides = [is_open(side) for side in (op.lhs, op.rhs)]
    if not any(open_sides):
        return None
    ranks = [len(pphlo.shape_of(side)) for side in (op.lhs, op.rhs)]
    batching: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    contracting: tuple[tuple[int, ...], tuple[int, ...]] = ((ranks[0] - 1,), (0,))
    if isinstance(op, pphlo.DotGeneralOp):
        batching, contracting = op.batching(), op.contracting()
    sides, counts = [], []
    for n, side in enumerate((op.lhs, op.rhs)):
        free = [dim for dim in range(ranks[n]) if dim not in (*batching[n], *contracting[n])]
        groups = [batching[n], contracting[n], free] if open_sides[n] else [batching[n], free, contracting[n]]
        sides.append(writer.arranged(side, groups))
        counts.append(math.prod(pphlo.shape_of(side)[dim] for dim in free))
    batch = pphlo.shape_of(sides[0])[0]
    # The secret operand stands first.
    swapped = open_sides[0]
    operands, (rows, columns) = (sides[::-1], counts[::-1]) if swapped else (sides, counts)
    element = op.result.type.get_element_type()
    product = pphlo.DotGeneralOp.create(
        operands=operands,
        result_types=[TensorType(element, [batch, rows, columns])],
        properties={
            name: pphlo.i64_array([dim])
            for name, dim in (("lhs_batching", 0), ("rhs_batching", 0), ("lhs_contracting", 2), ("rhs_contracting", 1))
        },
    )
    made = writer.write(product)
    if swapped:
        made = writer.write(pphlo.TransposeOp.get(made, [0, 2, 1], TensorType(element, [batch, columns, rows])))
    return [writer.write(pphlo.ReshapeOp.get(made, op.result.type))]


def look_up(writer: Preparation, op: pphlo.CustomCallOp) -> Sequence[SSAValue] | None:
    """A table in the form in which a product takes it: [1, rows, columns]."""
    if not pphlo.calls(op, LOOK_UP) or not is_open(op.arguments[0]):
        return None
    table, ids = op.arguments
    if len(shape := pphlo.shape_of(table)) == 3:
        return None
    call = pphlo.CustomCallOp.get(LOOK_UP, [writer.reshape(table, [1, *shape]), ids], op.outputs[0].type)
    call.attributes.update(op.attributes)
    return [writer.write(call)]


_RULES: dict[type[Operation], tuple[Rule, ...]] = {
    pphlo.CustomCallOp: (look_up,),
    pphlo.DotOp: (dot,),
    pphlo.DotGeneralOp: (dot,),
    pphlo.DivideOp: (arithmetic, divide),
    pphlo.AddOp: (arithmetic,),
    pphlo.SubtractOp: (arithmetic,),
    pphlo.MultiplyOp: (arithmetic,),
    pphlo.LessOp: (compare,),
    pphlo.LessEqualOp: (compare,),
    pphlo.GreaterOp: (compare,),
    pphlo.GreaterEqualOp: (compare,),
    pphlo.SelectOp: (select,),
    pphlo.ClampOp: (clamp,),
    pphlo.ReduceOp: (reduce,),
}


def prepare(op: Operation) -> None:
    """Rewrites one operation that has a secret result, if one of its public operands is to have another form."""
    # What a loop carries is marked secret from its beginning. A reduction has to begin with what it carries.
    operands = [behind_secrecy(operand) for operand in op.operands]
    if not isinstance(op, pphlo.ReduceOp) and any(pphlo.is_secret(operand.type) for operand in operands):
        op.operands = operands
    for rule in _RULES[type(op)]:
        writer = Preparation(op)
        results = rule(writer, op)
        if results is None:
            continue
        made = results[0].owner
        writer.finish(results)
        if isinstance(made, Operation) and type(made) is type(op):
            prepare(made)
        return


@dataclass(frozen=True)
class PrepareOperands(ModulePass):
    name = "prepare-operands"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            for inner in list(function.regions[0].block.ops):
                if type(inner) in _RULES and any(pphlo.is_secret(result.type) for result in inner.results):
                    prepare(inner)
