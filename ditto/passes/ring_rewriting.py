"""What the ring passes share: replacing, merging equal operations, erasing dead ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xdsl.ir import Attribute, Block, Operation, SSAValue

from ditto.dialects import ring
from ditto.passes.rewriting import erase_dead, every

__all__ = ["erase_dead", "every", "insert_before", "merge_equal", "replace", "users"]


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
