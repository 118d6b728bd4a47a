"""Makes two real tensors of every secret complex one.

    %1 = pphlo.complex %re, %im
    %2 = pphlo.reshape %1 : (tensor<4x!pphlo.secret<complex<f32>>>) -> tensor<2x2x!pphlo.secret<complex<f32>>>
    %3 = pphlo.real %2
becomes
    %3 = pphlo.reshape %re

SPU's compiler has written complex arithmetic by parts already; what is left are moves, selections and sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ComplexType, ModuleOp, TensorType
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ditto.dialects import pphlo
from ditto.dialects.pphlo_control import combining_block
from ditto.dialects.traits import Moves
from ditto.errors import CompileError
from ditto.passes.rewriting import erase

Pair = tuple[SSAValue, SSAValue]


def is_complex(value: SSAValue) -> bool:
    return isinstance(pphlo.element_type(value.type), ComplexType)


def part_type(type: Attribute) -> TensorType[Any]:
    """The type of the parts of a complex tensor."""
    element = pphlo.element_type(type)
    assert isinstance(type, TensorType) and isinstance(element, ComplexType)
    return TensorType(pphlo.with_visibility(element.element_type, pphlo.is_secret(type)), type.get_shape())


class Splitter:
    """Walks through a block, and knows the parts of the complex values it has met."""

    def __init__(self) -> None:
        self._parts: dict[SSAValue, Pair] = {}
        self._split: list[Operation] = []

    def run(self, ops: Sequence[Operation]) -> None:
        for op in ops:
            if isinstance(op, pphlo.RealOp | pphlo.ImagOp) and op.operand in self._parts:
                op.result.replace_all_uses_with(self._parts[op.operand][isinstance(op, pphlo.ImagOp)])
                erase(op)
            elif any(is_complex(result) and pphlo.is_secret(result.type) for result in op.results):
                self._parts[op.results[0]] = self._both(op)
                self._split.append(op)
        for op in reversed(self._split):
            erase(op)

    def _both(self, op: Operation) -> Pair:
        """The parts of an operation's result."""
        point = InsertPoint.before(op)
        type = part_type(op.results[0].type)
        if isinstance(op, pphlo.ComplexOp):
            return self._hidden(op.lhs, type, point), self._hidden(op.rhs, type, point)
        if isinstance(op, pphlo.ConvertOp) and not is_complex(op.operand):
            real = self._hidden(op.operand, type, point)
            element = pphlo.element_type(type)
            zeros = np.broadcast_to(np.zeros((), pphlo.dtype_of(element)), type.get_shape())
            none = self._add(pphlo.ConstantOp.from_numpy(zeros, TensorType(element, type.get_shape())), point)
            return real, self._add(pphlo.ConvertOp.get(none, type), point)
        moves = op.has_trait(Moves) or isinstance(op, pphlo.ConvertOp | pphlo.SelectOp)
        if not moves and not (isinstance(op, pphlo.ReduceOp) and self._sums(op)):
            raise CompileError(op.name, "has no form for complex numbers here; compute with real and imaginary parts")
        pair = [self._part(op, half, type, point) for half in (0, 1)]
        return pair[0], pair[1]

    def _part(self, op: Operation, half: int, type: TensorType[Any], point: InsertPoint) -> SSAValue:
        """The same operation on one of the parts of its complex operands."""
        operands = [self.parts(value, point)[half] if is_complex(value) else value for value in op.operands]
        if isinstance(op, pphlo.ReduceOp):
            body = type.get_element_type()
            made: Operation = pphlo.ReduceOp.create(
                operands=[self._hidden(v, TensorType(body, pphlo.shape_of(v)), point) for v in operands],
                result_types=[type],
                properties=dict(op.properties),
                regions=[_region(body)],
            )
        else:
            made = op.create(operands=operands, result_types=[type], properties=dict(op.properties))
        return self._add(made, point)

    def parts(self, value: SSAValue, point: InsertPoint) -> Pair:
        """The parts of a complex value; those of a public one are computed in public."""
        if value not in self._parts:
            type = part_type(value.type)
            self._parts[value] = (
                self._add(pphlo.RealOp.get(value, type), point),
                self._add(pphlo.ImagOp.get(value, type), point),
            )
        return self._parts[value]

    def _hidden(self, value: SSAValue, type: TensorType[Any], point: InsertPoint) -> SSAValue:
        """A real value with the type of a part."""
        return value if value.type == type else self._add(pphlo.ConvertOp.get(value, type), point)

    @staticmethod
    def _sums(op: pphlo.ReduceOp) -> bool:
        """Whether a reduction adds real parts and imaginary parts."""
        block = op.body.block
        assert block.last_op is not None
        if len(op.outputs) != 1 or not isinstance(whole := block.last_op.operands[0].owner, pphlo.ComplexOp):
            return False

        def adds(value: SSAValue, kind: type[pphlo.RealOp | pphlo.ImagOp]) -> bool:
            owners = [operand.owner for operand in value.owner.operands] if isinstance(value.owner, pphlo.AddOp) else []
            return {owner.operand for owner in owners if isinstance(owner, kind)} == set(block.args)

        return adds(whole.lhs, pphlo.RealOp) and adds(whole.rhs, pphlo.ImagOp)

    @staticmethod
    def _add(op: Operation, point: InsertPoint) -> SSAValue:
        Rewriter.insert_op(op, point)
        return op.results[0]


def _region(element: Attribute) -> Region:
    return Region(combining_block("pphlo.add", element))


@dataclass(frozen=True)
class SplitComplex(ModulePass):
    name = "split-complex"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            block = function.regions[0].block
            values = (*block.args, *(block.last_op.operands if block.last_op is not None else ()))
            if any(is_complex(value) and pphlo.is_secret(value.type) for value in values):
                raise CompileError(
                    "func.func", "a secret argument or result is complex; pass and return real and imaginary parts"
                )
            Splitter().run(list(block.ops))
