"""Makes a program that turns the shares of one program's result into those that another takes as an argument.

    func.func @main(%arg0: tensor<4x!ring.fxp<46, 18>>) -> tensor<4x!ring.fxp<24, 8>> {
      %0 = ring.down_cast %arg0 {shift = 10} : (tensor<4x!ring.fxp<46, 18>>) -> tensor<4x!ring.fxp<24, 8>>
      return %0 : tensor<4x!ring.fxp<24, 8>>
    }

What a caller checks of an argument before sharing it, the parties check here, of every element and for certain: that it
is within the range that the other program assumes.
"""

from __future__ import annotations

from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.ir import Operation, SSAValue

from ditto.dialects import ring
from ditto.encoding import ValueType
from ditto.errors import UnsupportedError
from ditto.passes.ring.assign_widths import AssignWidths
from ditto.passes.ring.guard_writer import Writer
from ditto.passes.ring_rewriting import insert_before


def conversion(source: ValueType, target: ValueType) -> ModuleOp:
    """The program, of one argument and one result.

    Raises:
        UnsupportedError: bits are asked for where there are numbers, or the other way round; or no ring holds what has
            to be compared with its range.
    """
    if source.kind != target.kind:
        raise UnsupportedError(
            f"a kept result of the kind {source.kind} cannot become an argument of the kind {target.kind}"
        )
    if source.kind == "bit":
        return _module("", _text(source), _text(source), "%arg0", 1)
    bits = source.width - 1 if source.range_bits is None else source.range_bits
    shift = source.fraction - target.fraction
    # |x| < 2^left once it has the target's fraction: a cast may be off by one and a half.
    left = max(2, bits - shift + 1) if shift > 0 else bits - shift
    range = left if target.range_bits is None else min(left, target.range_bits)
    # A cast takes a bit to spare. Of a whole ring, a difference to its range tells whether a number is beyond: one that
    # wraps has the wrong sign.
    if left > ring.MAX_WIDTH - 1 or (shift > 0 and bits == ring.MAX_WIDTH - 1) or range < -shift:
        raise UnsupportedError(f"{source} cannot be compared with what an argument {target} takes: reveal it")
    step = f"ring.down_cast %arg0 {{shift = {shift}" if shift >= 0 else f"ring.shl %arg0 {{bits = {-shift}"
    wide = _text(ValueType("fxp", source.shape, ring.MAX_WIDTH, source.fraction))
    made = _text(ValueType("fxp", source.shape, ring.MAX_WIDTH, target.fraction))
    module = _module(f"%0 = {step} : i64, range = {range} : i64}} : ({wide}) -> {made}", wide, made, "%0", bits)
    function = ring.main(module)
    if range < left:
        write, op = Writer(function), function.body.block.first_op
        assert isinstance(op, ring.RingOp)
        write.stand_behind(op)
        # Not to be rounded up to the limit, either.
        limit = (1 << range + shift) - (3 << shift) // 2 if shift > 0 else 1 << range + shift
        write.require_below(op.arguments[0], limit)
    # Its arguments may be as wide as is convenient, and its results too.
    AssignWidths().apply(ring.context(), module)
    block = function.body.block
    first, last = block.first_op, block.last_op
    assert first is not None and last is not None
    argument = block.args[0]
    if ring.width(argument) != source.width:
        kept = block.insert_arg(ring.retyped(argument, width=source.width), 0)
        argument.replace_all_uses_with(_in_ring(first, kept, ring.width(argument), bits))
        block.erase_arg(argument)
    last.operands[0] = _in_ring(last, last.operands[0], target.width, range)
    types = [block.args[0].type], [last.operands[0].type]
    function.function_type = FunctionType.from_lists(*types)
    module.verify()
    return module


def convert_result(module: ModuleOp, result: int, source: ValueType, target: ValueType) -> None:
    """Writes the conversion of a result behind a finished program, in place.

    Raises:
        UnsupportedError: as `conversion`.
    """
    if not needs_conversion(source, target):
        return
    function = ring.main(module)
    last = function.body.block.last_op
    made = ring.main(conversion(source, target)).body.block
    assert last is not None and made.last_op is not None
    copies: dict[SSAValue, SSAValue] = {made.args[0]: last.operands[result]}
    for op in list(made.ops)[:-1]:
        function.body.block.insert_op_before(op.clone(value_mapper=copies), last)
    last.operands[result] = copies[made.last_op.operands[0]]
    results = [value.type for value in last.operands]
    function.function_type = FunctionType.from_lists(function.function_type.inputs.data, results)


def needs_conversion(source: ValueType, target: ValueType) -> bool:
    """Whether shares of the one are not what is taken of the other."""
    return str(source) != str(target) or not _within(source, target)


def _within(source: ValueType, target: ValueType) -> bool:
    """Whether what is known of the one is what is demanded of the other."""
    bits = source.width - 1 if source.range_bits is None else source.range_bits
    return target.range_bits is None or bits <= target.range_bits


def _in_ring(place: Operation, value: SSAValue, width: int, range: int) -> SSAValue:
    """A value, |x| < 2^range, in so many bits."""
    have, type = ring.width(value), ring.retyped(value, width=width)
    if have == width:
        return value
    if have > width:
        return insert_before(place, ring.NarrowOp, [value], type, range=range)
    if range < have - 1:
        return insert_before(place, ring.UpCastOp, [value], type, range=range)
    return insert_before(place, ring.ExtendOp, [value], type, bits=have, range=range)


def opening(types: tuple[ValueType, ...]) -> ModuleOp:
    """A program that returns its arguments."""
    names = [f"%arg{n}" for n in range(len(types))]
    arguments = ", ".join(f"{name}: {_text(type)}" for name, type in zip(names, types, strict=True))
    results = ", ".join(map(_text, types))
    text = f"func.func @main({arguments}) -> ({results}) {{ return {', '.join(names)} : {results} }}"
    return ring.parse_module(f"module {{ {text} }}")


def _text(type: ValueType) -> str:
    return str(ring.bits(type.shape) if type.kind == "bit" else ring.fxp(type.shape, type.width, type.fraction))


def _module(line: str, argument: str, result: str, returned: str, bits: int) -> ModuleOp:
    head = f"func.func @main(%arg0: {argument}) -> {result} attributes {{ditto.ranges = array<i64: {bits}>}}"
    return ring.parse_module(f"module {{ {head} {{\n{line}\nreturn {returned} : {result} }} }}")
