"""What the engine's table of kernels says of ring operations: the widths their operands need, what they cost.

    landing(describe(op, ranges), 20)      # the operation with its result in 20 bits
    up_cast(elements, 20, 32)
    refusal(text)                          # why the engine does not run an operation as it stands

The table is in `ditto/runtime/kernels_*.cc`, each row beside the protocol it runs; nothing of it is said again here.
Answers are kept: a network asks the same of every layer.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from xdsl.ir import SSAValue

from ditto import _core
from ditto.dialects import ring


class Landing(NamedTuple):
    """An operation whose result is made in some width.

    Attributes:
        needs: the width that each operand should have; 1 of a bit, 64 of a public one.
        bits: what all parties together send if they have it; None where the engine refuses the operation in this width.
        rounds: online rounds.
    """

    needs: tuple[int, ...]
    bits: int | None
    rounds: int


def describe_value(value: SSAValue, range: int | None) -> dict[str, Any]:
    """A value as the engine reads it; |integer| < 2^range is assumed."""
    shape = list(ring.shape(value))
    if ring.is_public(value):
        return {"kind": "public", "shape": shape}
    if ring.is_bit(value):
        return {"kind": "bit", "shape": shape}
    return {
        "kind": "fxp",
        "width": ring.width(value),
        "fraction": ring.fraction(value),
        "shape": shape,
        "range": range,
    }


def describe_attributes(op: ring.RingOp) -> dict[str, Any]:
    """The attributes that the engine reads."""
    return {name: ring.plain(a) for name, a in op.attributes.items() if name not in ring.NOTES}


def describe(op: ring.RingOp, ranges: Mapping[int, int]) -> str:
    """An operation as the engine reads it; `ranges` are those of its operands, by position."""
    operands = [to_json(describe_value(value, ranges.get(index))) for index, value in enumerate(op.operands)]
    return join(op, operands, to_json(describe_value(op.result, None)), to_json(describe_attributes(op)))


def join(op: ring.RingOp, operands: Sequence[str], result: str, attributes: str) -> str:
    """The description of an operation whose parts have been described."""
    name = ring.short_name(op)
    return f'{{"op":"{name}","in":[{",".join(operands)}],"out":{result},"attrs":{attributes}}}'


def to_json(description: Any) -> str:
    return json.dumps(description, separators=(",", ":"))


@functools.lru_cache(maxsize=1 << 16)
def refusal(description: str) -> str | None:
    """What the engine says against a described operation, if it does not run it."""
    try:
        _core.op_cost(description)
    except _core.ProgramError as error:
        return str(error)
    return None


@functools.lru_cache(maxsize=1 << 16)
def landing(description: str, width: int) -> Landing:
    """What a described operation needs and costs with its result in `width` bits; its operands' widths do not matter.

    Raises:
        ValueError: it has not the operands and attributes that the engine's kernel takes.
    """
    needs, cost = _core.op_landing(description, width)
    if cost is None:
        return Landing(tuple(needs), None, 0)
    offline, online, rounds = cost
    return Landing(tuple(needs), 8 * (offline + online), rounds)


@functools.lru_cache(maxsize=1 << 16)
def up_cast(elements: int, width: int, to: int) -> Landing:
    """What it takes to widen a value."""
    value = {"kind": "fxp", "width": width, "fraction": 0, "shape": [elements], "range": width - 2}
    return landing(to_json({"op": "up_cast", "in": [value], "out": value, "attrs": {}}), to)


def integer_bits(function: str, **attributes: int) -> int:
    """The bits above its fraction in which the protocol of a real function takes a small operand."""
    value = {"kind": "fxp", "width": ring.MAX_WIDTH, "fraction": 0, "shape": [], "range": 0}
    [need] = landing(to_json({"op": function, "in": [value], "out": value, "attrs": attributes}), ring.MAX_WIDTH).needs
    return need
