"""Writes PPHLO about whole tensors: what a region says of scalars, applied to all elements at once, and public moves.

    ^bb0(%a: tensor<!pphlo.secret<f32>>, %b: tensor<!pphlo.secret<f32>>):
      %1 = pphlo.less %a, %b
      pphlo.return %1
applied to %x, %y : tensor<2x7x!pphlo.secret<f32>> is
    %1 = pphlo.less %x, %y : (..) -> tensor<2x7x!pphlo.secret<i1>>

Which element goes where is written down as numbers that everybody knows: nothing secret decides a place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.traits import IsTerminator

from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.dialects.traits import Elementwise, Rescales, Reshapes
from ditto.errors import CompileError
from ditto.passes.rewriting import erase, every

TAKE = "ditto.take"

Op = TypeVar("Op", bound=Operation)


def tensor(element: Attribute, shape: Sequence[int]) -> TensorType[Any]:
    return TensorType(element, list(shape))


def element_of(value: SSAValue) -> Attribute:
    """The element type, visibility included."""
    assert isinstance(value.type, TensorType)
    element: Attribute = value.type.get_element_type()
    return element


def numbered(value: SSAValue) -> Array:
    """The numbers of the elements of a tensor, in row-major order."""
    shape = pphlo.shape_of(value)
    return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)


def every_secret(module: ModuleOp, kind: type[Op]) -> list[Op]:
    """The operations of a kind that depend on secrets or give them, as they are now."""
    return [op for op in every(module, kind) if pphlo.touches_secret(op)]


class Writer:
    """Writes operations before one that they are going to replace."""

    def __init__(self, replaced: Operation) -> None:
        self.replaced = replaced
        self._point = InsertPoint.before(replaced)

    def fail(self, reason: str) -> CompileError:
        return CompileError(self.replaced.name, reason)

    def write(self, op: Operation) -> SSAValue:
        """Inserts an operation and returns its first result."""
        Rewriter.insert_op(op, self._point)
        return op.results[0]

    def finish(self, results: Sequence[SSAValue]) -> None:
        """Puts `results`, made secret where they must be, in the place of the operation's own, and erases it."""
        for old, new in zip(self.replaced.results, results, strict=True):
            if new.type != old.type:
                new = self.write(pphlo.ConvertOp.get(new, old.type))
            old.replace_all_uses_with(new)
        erase(self.replaced)

    # ------------------------------------------------------------------------------------------------ moves

    def constant(self, array: Array, type: Attribute | None = None) -> SSAValue:
        return self.write(pphlo.ConstantOp.from_numpy(array, type))

    def reshape(self, x: SSAValue, shape: Sequence[int]) -> SSAValue:
        if pphlo.shape_of(x) == tuple(shape):
            return x
        return self.write(pphlo.ReshapeOp.get(x, tensor(element_of(x), shape)))

    def flat(self, x: SSAValue) -> SSAValue:
        return self.reshape(x, [math.prod(pphlo.shape_of(x))])

    def broadcast(self, scalar: SSAValue, shape: Sequence[int]) -> SSAValue:
        if pphlo.shape_of(scalar) == tuple(shape):
            return scalar
        return self.write(pphlo.BroadcastOp.get(scalar, [], tensor(element_of(scalar), shape)))

    def concatenated(self, parts: Sequence[SSAValue]) -> SSAValue:
        """The elements of several tensors of one dtype, one after the other; secret if one of them is."""
        element = next((element_of(part) for part in parts if pphlo.is_secret(part.type)), element_of(parts[0]))
        flat = [self.retyped(self.flat(part), element) for part in parts]
        if len(flat) == 1:
            return flat[0]
        total = sum(pphlo.shape_of(part)[0] for part in flat)
        return self.write(pphlo.ConcatenateOp.get(flat, 0, tensor(element, [total])))

    def retyped(self, x: SSAValue, element: Attribute) -> SSAValue:
        """x as a tensor of another element type: of another visibility."""
        if element_of(x) == element:
            return x
        return self.write(pphlo.ConvertOp.get(x, tensor(element, pphlo.shape_of(x))))

    def take(self, x: SSAValue, positions: Array) -> SSAValue:
        """The elements of x, flattened, at `positions`: a slice where they are evenly spaced."""
        flat = positions.reshape(-1)
        step = int(flat[1] - flat[0]) if flat.size > 1 else 1
        if flat.size and step > 0 and np.array_equal(flat, flat[0] + step * np.arange(flat.size)):
            source, count = self.flat(x), math.prod(pphlo.shape_of(x))
            if flat.size < count:
                ranges = {"start": [int(flat[0])], "limit": [int(flat[-1]) + 1], "strides": [step]}
                properties = {name: pphlo.i64_array(values) for name, values in ranges.items()}
                type = tensor(element_of(x), [flat.size])
                source = self.write(pphlo.SliceOp.create(operands=[source], result_types=[type], properties=properties))
            return self.reshape(source, positions.shape)
        return self.taken_at(x, self.constant(positions.astype(np.int64)))

    def taken_at(self, x: SSAValue, positions: SSAValue) -> SSAValue:
        """The elements of x, flattened, at public positions."""
        type = tensor(element_of(x), pphlo.shape_of(positions))
        return self.write(pphlo.CustomCallOp.get(TAKE, [x, positions], type))

    def within(self, index: SSAValue, count: int) -> SSAValue:
        """Integers brought into 0 .. count - 1."""
        dtype: np.dtype[Any] = pphlo.dtype_of(pphlo.element_type(index.type))
        least, most = (self.constant(np.array(bound, dtype)) for bound in (0, min(count - 1, np.iinfo(dtype).max)))
        return self.write(pphlo.ClampOp.create(operands=[least, index, most], result_types=[index.type]))

    # ------------------------------------------------------------------------------------------------ regions

    def apply(self, region: Region, operands: Sequence[SSAValue]) -> list[SSAValue]:
        """What a region of scalars makes of tensors of one shape, element by element.

        Raises CompileError for a region that does more than elementwise operations.
        """
        shape = pphlo.shape_of(operands[0])
        known: dict[SSAValue, SSAValue] = dict(zip(region.block.args, operands, strict=True))

        def whole(value: SSAValue) -> SSAValue:
            found = known.get(value, value)
            return self.broadcast(found, shape) if pphlo.shape_of(found) != shape else found

        for op in region.block.ops:
            if op.has_trait(IsTerminator):
                return [whole(value) for value in op.operands]
            if op.has_trait(Reshapes):
                # From scalar to scalar.
                known[op.result] = known.get(op.operands[0], op.operands[0])
                continue
            if op.operands and not op.has_trait(Elementwise):
                raise self.fail(f"its body contains {op.name}; a body of elementwise operations is supported")
            inputs = [whole(value) for value in op.operands]
            secret = any(pphlo.is_secret(value.type) for value in inputs)
            extents = shape if inputs else ()
            types = [tensor(pphlo.with_visibility(pphlo.element_type(r.type), secret), extents) for r in op.results]
            if op.has_trait(Rescales) and types[0] == inputs[0].type:
                # From one visibility to another.
                known[op.result] = inputs[0]
                continue
            copy = type(op).create(
                operands=inputs,
                result_types=types,
                properties=dict(op.properties),
                attributes=dict(op.attributes),
            )
            self.write(copy)
            known.update(zip(op.results, copy.results, strict=True))
        raise self.fail("its body returns nothing")
