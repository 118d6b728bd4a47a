"""Random PPHLO programs with the idioms that passes look for, and how to run them before and after a pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from xdsl.dialects.builtin import (
    Float16Type,
    Float32Type,
    FunctionType,
    IntegerAttr,
    IntegerType,
    ModuleOp,
    TensorType,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue

from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.interpreter import evaluate, function_named
from ditto.passes.pphlo.split_public import PROLOGUE, run_prologue, signature

F16, F32, I32, BIT = Float16Type(), Float32Type(), IntegerType(32), IntegerType(1)


class Builder:
    """Writes operations at the end of one block, on values it has written before."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        shapes = [(4, 6), (6,), (2, 3, 4), (24,)]
        types = [
            TensorType(pphlo.with_visibility(element, secret), shape)
            for shape in shapes
            for element, secret in ((F32, True), (F16, True), (F32, False), (I32, False))
        ]
        self.block = Block(arg_types=types)
        self.values: list[SSAValue] = list(self.block.args)
        self._moves: list[Callable[[], Operation | None]] = [
            self.arithmetic,
            self.arithmetic,
            self.taken_apart_maximum,
            self.taken_apart_subtract,
            self.positive_part,
            self.neutral,
            self.ones,
            self.convert,
            self.convert,
            self.reshape,
            self.transpose,
            self.broadcast,
            self.reduce,
            self.gelu,
            self.constant_select,
            self.index_arithmetic,
            self.no_bound,
            self.cut,
        ]

    def add(self, op: Operation) -> Operation:
        self.block.add_op(op)
        self.values.extend(op.results)
        return op

    def bounded(self, op: Operation) -> Operation:
        """Adds an operation and the tanh of its result: chains of sums and products would leave the float range."""
        return self.add(pphlo.TanhOp.get(self.add(op).results[0]))

    def pick(self, condition: Callable[[SSAValue], bool] = lambda value: True) -> SSAValue:
        candidates = [value for value in self.values if condition(value)]
        # Late values more often, so that programs grow deep.
        index = int(len(candidates) * math.sqrt(self.rng.random()))
        return candidates[index]

    def pick_float(self) -> SSAValue:
        return self.pick(lambda value: pphlo.element_type(value.type) in (F16, F32))

    def like(self, value: SSAValue) -> SSAValue:
        """Another value with the same shape and dtype, of any visibility."""
        wanted = pphlo.shape_of(value), pphlo.element_type(value.type)
        return self.pick(lambda other: (pphlo.shape_of(other), pphlo.element_type(other.type)) == wanted)

    def constant(self, number: float, shape: tuple[int, ...], element: Attribute) -> SSAValue:
        array = np.broadcast_to(np.array(number, pphlo.dtype_of(element)), shape)
        constant = pphlo.ConstantOp.from_numpy(array, TensorType(element, shape))
        self.block.add_op(constant)
        # Arithmetic on infinities would give NaN, about which a maximum and its parts disagree.
        if np.isfinite(number):
            self.values.append(constant.result)
        return constant.result

    def joined(self, *values: SSAValue, element: Attribute | None = None) -> Any:
        """The type of an elementwise result: secret if any operand is."""
        secret = any(pphlo.is_secret(value.type) for value in values)
        base = element or pphlo.element_type(values[-1].type)
        return TensorType(pphlo.with_visibility(base, secret), pphlo.shape_of(values[-1]))

    # ----------------------------------------------------------------------------------------- idioms

    def arithmetic(self) -> Operation:
        x = self.pick_float()
        y = self.like(x)
        op = [pphlo.AddOp, pphlo.SubtractOp, pphlo.MultiplyOp, pphlo.MaximumOp][self.rng.integers(4)]
        return self.bounded(op.get(x, y, self.joined(x, y)))

    def taken_apart_maximum(self) -> Operation:
        x = self.pick_float()
        y = self.like(x)
        less = self.add(pphlo.LessOp.get(x, y, self.joined(x, y, element=BIT))).results[0]
        branches = [x, y] if self.rng.random() < 0.5 else [y, x]
        return self.add(pphlo.SelectOp.get([less, *branches], self.joined(less, x, y)))

    def taken_apart_subtract(self) -> Operation:
        x = self.pick_float()
        y = self.like(x)
        negated = self.add(pphlo.NegateOp.get(y)).results[0]
        pair = [x, negated] if self.rng.random() < 0.5 else [negated, x]
        return self.bounded(pphlo.AddOp.get(pair[0], pair[1], self.joined(x, y)))

    def positive_part(self) -> Operation:
        x = self.pick_float()
        zero = self.constant(0, pphlo.shape_of(x), pphlo.element_type(x.type))
        less = self.add(pphlo.LessOp.get(zero, x, self.joined(x, element=BIT))).results[0]
        return self.add(pphlo.MultiplyOp.get(less, x, x.type))

    def neutral(self) -> Operation:
        x = self.pick_float()
        op, number = [(pphlo.AddOp, 0), (pphlo.SubtractOp, 0), (pphlo.MultiplyOp, 1), (pphlo.DivideOp, 1)][
            self.rng.integers(4)
        ]
        return self.add(op.get(x, self.constant(number, pphlo.shape_of(x), pphlo.element_type(x.type)), x.type))

    def no_bound(self) -> Operation:
        x = self.pick_float()
        bound = self.constant(-np.inf, pphlo.shape_of(x), pphlo.element_type(x.type))
        return self.add(pphlo.MaximumOp.get(bound, x, x.type))

    def ones(self) -> Operation:
        x = self.pick(lambda value: pphlo.shape_of(value) == (4, 6) and pphlo.element_type(value.type) in (F16, F32))
        element = pphlo.element_type(x.type)
        ones = self.constant(1, (4, 1, 1), element)
        moved = self.add(pphlo.ReshapeOp.get(x, TensorType(x.type.get_element_type(), (4, 1, 6))))  # type: ignore[attr-defined]
        properties = {
            "lhs_batching": pphlo.i64_array([0]),
            "rhs_batching": pphlo.i64_array([0]),
            "lhs_contracting": pphlo.i64_array([2]),
            "rhs_contracting": pphlo.i64_array([1]),
        }
        return self.add(
            pphlo.DotGeneralOp.create(operands=[ones, moved.results[0]], result_types=[x.type], properties=properties)
        )

    def convert(self) -> Operation:
        x = self.pick()
        element = pphlo.element_type(x.type)
        secret = pphlo.is_secret(x.type) or self.rng.random() < 0.3
        target = {F16: F32, F32: F16}.get(element, F32) if self.rng.random() < 0.7 else element
        return self.add(pphlo.ConvertOp.get(x, TensorType(pphlo.with_visibility(target, secret), pphlo.shape_of(x))))

    def reshape(self) -> Operation:
        x = self.pick(lambda value: math.prod(pphlo.shape_of(value)) == 24)
        shape = [(4, 6), (2, 3, 4), (24,)][self.rng.integers(3)]
        return self.add(pphlo.ReshapeOp.get(x, TensorType(x.type.get_element_type(), shape)))  # type: ignore[attr-defined]

    def transpose(self) -> Operation:
        x = self.pick(lambda value: len(pphlo.shape_of(value)) > 1)
        dims = [int(dim) for dim in self.rng.permutation(len(pphlo.shape_of(x)))]
        shape = [pphlo.shape_of(x)[dim] for dim in dims]
        return self.add(pphlo.TransposeOp.get(x, dims, TensorType(x.type.get_element_type(), shape)))  # type: ignore[attr-defined]

    def broadcast(self) -> Operation:
        x = self.pick(lambda value: pphlo.shape_of(value) == (6,))
        return self.add(pphlo.BroadcastOp.get(x, [1], TensorType(x.type.get_element_type(), (4, 6))))  # type: ignore[attr-defined]

    def cut(self) -> Operation:
        x = self.pick(lambda value: pphlo.shape_of(value) == (24,))
        start = int(self.rng.integers(18))
        return self.add(pphlo.SliceOp.get(x, [start], [start + 6], TensorType(x.type.get_element_type(), (6,))))  # type: ignore[attr-defined]

    def reduce(self) -> Operation:
        x = self.pick(lambda value: pphlo.shape_of(value) == (4, 6) and pphlo.element_type(value.type) in (F16, F32))
        element = pphlo.element_type(x.type)
        scalar = TensorType(x.type.get_element_type(), [])  # type: ignore[attr-defined]
        greatest = self.rng.random() < 0.5
        initial = self.constant(-np.inf if greatest else 0, (), element)
        if pphlo.is_secret(x.type):
            convert = pphlo.ConvertOp.get(initial, scalar)
            self.block.add_op(convert)
            initial = convert.result
        if greatest:
            body = Block(arg_types=[scalar, scalar])
            bit = TensorType(pphlo.with_visibility(BIT, pphlo.is_secret(x.type)), [])
            less = pphlo.LessOp.get(body.args[1], body.args[0], bit)
            select = pphlo.SelectOp.get([less.result, body.args[0], body.args[1]], scalar)
            body.add_ops([less, select, pphlo.ReturnOp.create(operands=[select.result])])
        else:
            body = pphlo.combining_block("pphlo.add", scalar)
        result = TensorType(scalar.get_element_type(), [6])
        return self.bounded(
            pphlo.ReduceOp.create(
                operands=[x, initial],
                result_types=[result],
                properties={"dims": pphlo.i64_array([0])},
                regions=[Region(body)],
            )
        )

    def gelu(self) -> Operation:
        x = self.pick_float()
        shape, element = pphlo.shape_of(x), pphlo.element_type(x.type)

        def scaled(value: SSAValue, number: float) -> SSAValue:
            return self.add(pphlo.MultiplyOp.get(value, self.constant(number, shape, element), x.type)).results[0]

        cube = self.add(pphlo.MultiplyOp.get(x, self.add(pphlo.MultiplyOp.get(x, x, x.type)).results[0], x.type))
        inner = self.add(pphlo.AddOp.get(x, scaled(cube.results[0], 0.044715), x.type)).results[0]
        tanh = self.add(pphlo.TanhOp.get(scaled(inner, math.sqrt(2 / math.pi)))).results[0]
        # One in three is no GELU.
        one = self.constant(1 if self.rng.random() < 0.67 else 2, shape, element)
        half = scaled(self.add(pphlo.AddOp.get(tanh, one, x.type)).results[0], 0.5)
        return self.add(pphlo.MultiplyOp.get(x, half, x.type))

    def constant_select(self) -> Operation:
        x = self.pick_float()
        y = self.like(x)
        condition = self.constant(self.rng.integers(2), pphlo.shape_of(x), BIT)
        return self.add(pphlo.SelectOp.get([condition, x, y], self.joined(x, y)))

    def index_arithmetic(self) -> Operation:
        """A mask from counting, as attention has it."""
        iota = self.add(
            pphlo.IotaOp.create(
                result_types=[TensorType(I32, (4, 6))],
                properties={"dim": IntegerAttr(int(self.rng.integers(2)), 64)},
            )
        ).results[0]
        less = self.add(pphlo.LessOp.get(iota, self.constant(3, (4, 6), I32), TensorType(BIT, (4, 6)))).results[0]
        x = self.pick(lambda value: pphlo.shape_of(value) == (4, 6) and pphlo.element_type(value.type) in (F16, F32))
        low = self.constant(-30, (4, 6), pphlo.element_type(x.type))
        return self.add(pphlo.SelectOp.get([less, x, low], x.type))

    # ------------------------------------------------------------------------------------------ module

    def module(self, length: int) -> ModuleOp:
        for _ in range(length):
            self._moves[self.rng.integers(len(self._moves))]()
        results = [value for value in self.values if value.first_use is None]
        self.block.add_op(ReturnOp(*results))
        type = FunctionType.from_lists([arg.type for arg in self.block.args], [value.type for value in results])
        module = ModuleOp([FuncOp("main", type, Region(self.block))])
        module.verify()
        return module


def random_module(seed: int, length: int = 40) -> ModuleOp:
    """The same program for the same seed, of about `length` idioms."""
    return Builder(seed).module(length)


def random_inputs(module: ModuleOp, seed: int) -> list[Array]:
    """Numbers around zero for floats, small counts for integers."""
    rng = np.random.default_rng(seed)
    inputs = []
    for argument in function_named(module, "main").body.block.args:
        dtype, shape = pphlo.dtype_of(pphlo.element_type(argument.type)), pphlo.shape_of(argument)
        if dtype.kind == "f":
            inputs.append((2 * rng.standard_normal(shape)).astype(dtype))
        else:
            inputs.append(rng.integers(0, 5, shape).astype(dtype))
    return inputs


def run(module: ModuleOp, inputs: list[Array]) -> list[Array]:
    """The exact results of a program, split into its public and secret parts or not."""
    names = [op.sym_name.data for op in module.body.block.ops if isinstance(op, FuncOp)]
    if PROLOGUE not in names:
        return evaluate(module, inputs, exact=True)
    parts = signature(module)
    public = run_prologue(module, [inputs[index] for index in parts.public_inputs])
    count = len(function_named(module, "main").body.block.args) - len(parts.secret_inputs)
    secret = evaluate(module, [inputs[index] for index in parts.secret_inputs] + public[:count], exact=True)
    return [secret[index] if index >= 0 else public[-1 - index] for index in parts.outputs]
