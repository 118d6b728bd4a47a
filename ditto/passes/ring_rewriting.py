"""What the ring passes share: inserting, replacing, merging equal operations, erasing dead ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import TensorType, i64
from xdsl.ir import Attribute, Block, Operation, SSAValue

from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.passes.rewriting import erase_dead, every

__all__ = [
    "constant_before",
    "encoded_before",
    "erase_dead",
    "every",
    "insert_before",
    "merge_equal",
    "replace",
    "rescaled_before",
    "users",
]


def users(value: SSAValue) -> list[Operation]:
    """The operations that use a value, each once."""
    return list(dict.fromkeys(use.operation for use in value.uses))


def insert_before(
    place: Operation, op: type[ring.RingOp], operands: Sequence[SSAValue], type: Attribute, **attributes: Any
) -> SSAValue:
    """A new operation in front of another, with its layer; returns the result."""
    attributes.setdefault("layer", place.attributes.get("layer"))
    made = op.make(operands, type, **attributes)
    block = place.parent
    assert block is not None
    block.insert_op_before(made, place)
    return made.result


def constant_before(place: Operation, numbers: Array) -> SSAValue:
    """Public numbers in front of an operation."""
    made = ring.ConstantOp.make(numbers)
    block = place.parent
    assert block is not None
    block.insert_op_before(made, place)
    return made.result


def encoded_before(place: Operation, number: float, fraction: int) -> SSAValue:
    """A public real number with so many fraction bits, in front of an operation."""
    real = constant_before(place, np.array(number, np.float64))
    return insert_before(place, ring.EncodeOp, [real], TensorType(i64, []), fraction=fraction)


def rescaled_before(place: Operation, x: SSAValue, fraction: int) -> SSAValue:
    """The numbers of x with another fraction, in front of an operation."""
    gain, type = fraction - ring.fraction(x), ring.retyped(x, fraction=fraction)
    if gain < 0:
        return insert_before(place, ring.DownCastOp, [x], type, shift=-gain)
    return insert_before(place, ring.ShlOp, [x], type, bits=gain) if gain else x


def replace(op: Operation, value: SSAValue) -> None:
    """Every use of a one-result operation by an existing value; the operation is erased."""
    op.results[0].replace_all_uses_with(value)
    op.detach()
    op.erase()


def merge_equal(block: Block) -> None:
    """Keeps the first of operations with equal operands, attributes (layer aside) and types."""
    seen: dict[tuple[Any, ...], Operation] = {}
    for op in list(block.ops):
        if len(op.results) != 1:
            continue
        notes = frozenset((name, value) for name, value in op.attributes.items() if name != "layer")
        key = (op.name, tuple(op.operands), notes, frozenset(op.properties.items()), op.results[0].type)
        first = seen.setdefault(key, op)
        if first is not op:
            replace(op, first.results[0])
