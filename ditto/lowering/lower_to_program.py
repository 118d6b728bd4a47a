"""Lowers a ring module to the engine's program: JSON text, the integers of its constants, and what callers must know.

Encodings of constants are computed here; a public argument becomes one input per fraction it is used with.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.dialects.func import ReturnOp
from xdsl.ir import Attribute, BlockArgument, Operation, SSAValue

from ditto.analysis.intervals import ARGUMENT_RANGES, ARGUMENT_TYPES
from ditto.analysis.kernel_table import describe_attributes, describe_value, join, refusal, to_json
from ditto.analysis.look_through import known_numbers
from ditto.analysis.masks import INFINITE_RESULTS, INFINITIES
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.encoding import encode
from ditto.errors import CompileError
from ditto.passes.ring.assign_rings import RESULT_TYPES

FORMAT, VERSION = "ditto-program", 1


@dataclass(frozen=True)
class Slot:
    """One input or output of a program.

    Attributes:
        argument: position among the arguments of @main (secret ones first, then results of @prologue); for outputs,
            position among @main's results.
        secret: whether it is a share, or public integers.
        kind: "fxp", "bit" or "public".
        width: ring width; 1 for bits, 64 for public integers.
        fraction: x is encoded as round(x * 2^fraction); None for public integers that enter as they are.
        dtype: the program's own dtype there ("f16", "i32", ...).
        range: |encoded| < 2^range is assumed of it, or None.
        mask: public numbers beyond 2^mask are cut to it (they stand for infinity), or None. Of an output: numbers
            beyond 2^(mask - 1) are `infinities`, below and above zero.
    """

    argument: int
    secret: bool
    kind: str
    width: int
    fraction: int | None
    shape: tuple[int, ...]
    dtype: str
    range: int | None = None
    mask: int | None = None
    infinities: tuple[float, float] | None = None


@dataclass(frozen=True)
class Program:
    """What the engine loads (`json`, `constants`) and what a caller needs to feed it (`inputs`, `outputs`)."""

    json: str
    constants: list[Array]
    inputs: list[Slot]
    outputs: list[Slot]


class WidthError(CompileError):
    """An operation that the engine does not run in these widths."""


class _Lowering:
    def __init__(self) -> None:
        # As JSON text.
        self.values: list[str] = []
        self.ids: dict[SSAValue, int] = {}
        self.ops: list[str] = []
        self.constants: list[Array] = []
        self.constant_ids: list[int] = []
        # By argument, fraction and mask.
        self.public_uses: dict[tuple[SSAValue, int | None, int | None], int] = {}

    def number(self, value: SSAValue, range: int | None = None) -> int:
        self.values.append(to_json(describe_value(value, range)))
        self.ids[value] = len(self.values) - 1
        return self.ids[value]

    def constant(self, value: SSAValue, numbers: Array) -> None:
        self.constant_ids.append(self.number(value))
        self.constants.append(np.array(numbers, np.int64))

    def public_argument(self, value: SSAValue, argument: SSAValue, fraction: int | None, mask: int | None) -> None:
        if (argument, fraction, mask) not in self.public_uses:
            self.values.append(to_json({"kind": "public", "shape": list(ring.shape(value))}))
            self.public_uses[argument, fraction, mask] = len(self.values) - 1
        self.ids[value] = self.public_uses[argument, fraction, mask]

    def add(self, op: Operation) -> None:
        """One operation. Constants that only encodings use are not carried along."""
        numbers = known_numbers(op.results[0])
        if not isinstance(op, ring.RingOp):
            assert numbers is not None, op
            if numbers.dtype.kind == "i":
                self.constant(op.results[0], numbers)
            return
        if ring.is_public(op.result):
            # An encoding.
            if numbers is None:
                self.public_argument(op.result, op.arguments[0], op.get("fraction"), op.get("mask"))
                return
            try:
                self.constant(op.result, encode(numbers, op.get("fraction"), op.get("mask")))
            except ValueError as error:
                raise CompileError(op.name, f"a constant cannot be encoded: {error}", op.get("layer")) from error
            return
        for value in op.arguments:
            if ring.is_public(value) and value not in self.ids:
                if not isinstance(value, BlockArgument):
                    raise CompileError(op.name, "a public operand that has not been encoded", op.get("layer"))
                self.public_argument(value, value, None, None)
        operands, result = [self.ids[value] for value in op.arguments], self.number(op.result, op.get("range"))
        attributes = to_json(describe_attributes(op))
        types = [self.values[id] for id in operands]
        if (reason := refusal(join(op, types, self.values[result], attributes))) is not None:
            raise WidthError(op.name, reason, op.get("layer"))
        name, layer = ring.short_name(op), to_json(op.get("layer", ""))
        fields = f'"op":"{name}","in":{to_json(operands)},"out":[{result}],"attrs":{attributes},"layer":{layer}'
        self.ops.append(f"{{{fields}}}")


def lower_to_program(module: ModuleOp, name: str | None = None) -> Program:
    """Lowers @main of a module whose widths have been assigned.

    Raises WidthError if the engine does not run some operation in its widths.
    """
    function = ring.main(module)
    block = function.body.block
    lowering = _Lowering()
    dtypes = _strings(function.attributes.get(ARGUMENT_TYPES), len(block.args))
    ranges = ring.plain(function.attributes[ARGUMENT_RANGES]) if ARGUMENT_RANGES in function.attributes else None
    inputs: list[Slot] = []
    input_ids: list[int] = []
    for index, argument in enumerate(block.args):
        if not ring.is_public(argument):
            range = ranges[index] if ranges and ring.is_fxp(argument) else None
            input_ids.append(lowering.number(argument, range))
            inputs.append(_slot(index, argument, dtypes[index], range))
    last = block.last_op
    assert isinstance(last, ReturnOp)
    for op in block.ops:
        if op is not last:
            lowering.add(op)
    for (public, fraction, mask), number in lowering.public_uses.items():
        assert isinstance(public, BlockArgument)
        shape = ring.shape(public)
        range = ranges[public.index] if ranges and fraction is not None else None
        inputs.append(Slot(public.index, False, "public", 64, fraction, shape, dtypes[public.index], range, mask))
        input_ids.append(number)
    result_types = _strings(function.attributes.get(RESULT_TYPES), len(last.arguments))
    outputs = [_slot(index, value, result_types[index]) for index, value in enumerate(last.arguments)]
    if INFINITE_RESULTS in function.attributes:
        below, above = ring.plain(function.attributes[INFINITIES])
        masks = ring.plain(function.attributes[INFINITE_RESULTS])
        outputs = [
            dataclasses.replace(slot, mask=mask, infinities=(below, above)) if mask else slot
            for slot, mask in zip(outputs, masks, strict=True)
        ]
    title = name or (module.sym_name.data if module.sym_name is not None else "main")
    ids = {
        "inputs": input_ids,
        "outputs": [lowering.ids[value] for value in last.arguments],
        "constants": lowering.constant_ids,
    }
    head = to_json({"format": FORMAT, "version": VERSION, "name": title, **ids})
    text = f'{head[:-1]},"values":[{",".join(lowering.values)}],"ops":[{",".join(lowering.ops)}]}}'
    return Program(text, lowering.constants, inputs, outputs)


def _slot(index: int, value: SSAValue, dtype: str, range: int | None = None) -> Slot:
    if ring.is_bit(value):
        return Slot(index, True, "bit", 1, 0, ring.shape(value), dtype)
    return Slot(index, True, "fxp", ring.width(value), ring.fraction(value), ring.shape(value), dtype, range)


def _strings(attribute: Attribute | None, count: int) -> list[str]:
    if not isinstance(attribute, ArrayAttr):
        return [""] * count
    return [item.data for item in attribute if isinstance(item, StringAttr)]
