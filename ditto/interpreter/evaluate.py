"""Evaluates PPHLO on NumPy arrays, in plain.

Passes are tested with it (before = after), constants are folded with it, and a program's public part is computed with
it at every call. Arrays are handled whole; the body of a reduction runs on whole arrays too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, Region, SSAValue

from ditto.dialects import pphlo
from ditto.dialects.dense import Array, cast
from ditto.errors import CompileError
from ditto.interpreter import bits, calls, contraction, elementwise, movement, sorting, windows
from ditto.interpreter.contraction import widened

Values = MutableMapping[SSAValue, Array]


# One unit of the fractions that SPU gives these dtypes.
_EPSILON = {2: 2.0**-8, 4: 2.0**-18, 8: 2.0**-18}


def epsilon(op: pphlo.EpsilonOp) -> Array:
    """The least positive number in fixed point."""
    return np.full(op.shape, _EPSILON[pphlo.dtype_of(pphlo.element_type(op.result.type)).itemsize])


def rng(op: pphlo.RngOp, low: Array, high: Array) -> Array:
    """Other numbers at every call, uniform in [low, high)."""
    kind, shape = pphlo.dtype_of(pphlo.element_type(op.result.type)).kind, pphlo.shape_of(op.result)
    draw = np.random.default_rng()
    return np.asarray(draw.uniform(low, high, shape) if kind == "f" else draw.integers(low, high, shape, np.int64))


class EvaluationError(CompileError):
    """An operation cannot be evaluated in plain; the message names it."""

    def __init__(self, reason: str) -> None:
        super().__init__(None, reason)


# Reductions that NumPy does by itself.
_REDUCTIONS: dict[str, np.ufunc] = {
    "pphlo.add": np.add,
    "pphlo.multiply": np.multiply,
    "pphlo.maximum": np.maximum,
    "pphlo.minimum": np.minimum,
    "pphlo.and": np.bitwise_and,
    "pphlo.or": np.bitwise_or,
    "pphlo.xor": np.bitwise_xor,
}

_OPERATIONS: dict[str, Callable[..., Array]] = {
    "pphlo.reshape": movement.reshape,
    "pphlo.transpose": movement.transpose,
    "pphlo.broadcast": movement.broadcast,
    "pphlo.reverse": movement.reverse,
    "pphlo.slice": movement.slice_,
    "pphlo.dynamic_slice": movement.dynamic_slice,
    "pphlo.dynamic_update_slice": movement.dynamic_update_slice,
    "pphlo.concatenate": movement.concatenate,
    "pphlo.pad": movement.pad,
    "pphlo.iota": movement.iota,
    "pphlo.popcnt": bits.population_count,
    "pphlo.epsilon": epsilon,
    "pphlo.rng": rng,
    "pphlo.dot": contraction.dot,
    "pphlo.dot_general": contraction.dot_general,
    "pphlo.convolution": contraction.convolution,
}


class Interpreter:
    """Runs operations on a mapping from SSA values to arrays.

    Args:
        exact: floats of every dtype are computed and kept in float64, so that nothing but the formula counts. Otherwise
            each result is rounded to its dtype, as the model's own framework does. Integers are exact and wrap anyway.
    """

    def __init__(self, exact: bool = False) -> None:
        self._exact = exact

    def dtype(self, type: Attribute) -> np.dtype[Any]:
        """The dtype in which values of a tensor type are kept."""
        element = pphlo.element_type(type)
        dtype = pphlo.dtype_of(element)
        if self._exact and dtype.kind in "fc":
            return np.dtype(np.float64 if dtype.kind == "f" else np.complex128)
        return dtype

    def run(self, op: Operation, values: Values) -> None:
        """Evaluates one operation whose operands are in `values` and adds its results.

        Raises EvaluationError for an operation or call that has no plain meaning here.
        """
        try:
            with np.errstate(all="ignore"):
                results = self._evaluate(op, [values[operand] for operand in op.operands], values)
        except EvaluationError:
            raise
        except Exception as error:
            raise EvaluationError(f"cannot evaluate '{op.name}': {error}") from error
        for value, result in zip(op.results, results, strict=True):
            values[value] = cast(np.asarray(result), self.dtype(value.type))

    def function(self, function: FuncOp, inputs: Sequence[Array]) -> list[Array]:
        """The results of a function on `inputs` (one array per argument, any float dtype where a float is expected).

        Raises EvaluationError, also if an input's shape is not its argument's.
        """
        arguments = function.body.block.args
        if len(inputs) != len(arguments):
            raise EvaluationError(f"@{function.sym_name.data} takes {len(arguments)} arrays, not {len(inputs)}")
        values: dict[SSAValue, Array] = {}
        for index, (argument, array) in enumerate(zip(arguments, inputs, strict=True)):
            if np.shape(array) != pphlo.shape_of(argument):
                shapes = f"the shape {np.shape(array)} instead of {pphlo.shape_of(argument)}"
                raise EvaluationError(f"argument {index} has {shapes}")
            values[argument] = np.asarray(array).astype(self.dtype(argument.type), copy=False)
        return self._block(function.body, values)

    def _block(self, region: Region, values: Values) -> list[Array]:
        for op in region.block.ops:
            if op.name in ("pphlo.return", "func.return"):
                return [values[operand] for operand in op.operands]
            if op.name != "pphlo.free":
                self.run(op, values)
        raise EvaluationError("a region ends without a return")

    def _region(self, region: Region, inputs: Sequence[Array], outer: Values) -> list[Array]:
        outer.update(zip(region.block.args, inputs, strict=True))
        return self._block(region, outer)

    def _evaluate(self, op: Operation, inputs: list[Array], values: Values) -> Sequence[Any]:
        if kernel := elementwise.KERNELS.get(op.name):
            return [kernel(*inputs)]
        if movement_kernel := _OPERATIONS.get(op.name):
            return [movement_kernel(op, *inputs)]
        match op:
            case pphlo.ConstantOp():
                return [op.numpy()]
            case pphlo.ConvertOp():
                return [_convert(inputs[0], self.dtype(op.result.type))]
            case pphlo.BitcastConvertOp():
                stored = inputs[0].astype(pphlo.dtype_of(pphlo.element_type(op.operand.type)), copy=False)
                # A scalar must not become a vector of one.
                dtype = pphlo.dtype_of(pphlo.element_type(op.result.type))
                return [np.ascontiguousarray(stored).view(dtype).reshape(stored.shape)]
            case pphlo.ReduceOp():
                return self._reduce(op, inputs, values)
            case pphlo.ReduceWindowOp():
                return windows.reduce_window(op, inputs, lambda pairs: self._region(op.body, pairs, values))
            case pphlo.SelectAndScatterOp():
                return windows.select_and_scatter(
                    op,
                    inputs,
                    lambda pair: self._region(op.select, pair, values),
                    lambda pair: self._region(op.scatter, pair, values),
                )
            case pphlo.ArgmaxOp():
                return windows.argmax(op, *inputs)
            case pphlo.MaxpoolScatterOp():
                return windows.maxpool_scatter(op, *inputs)
            case pphlo.SortOp():
                return sorting.sort(op, inputs, lambda pairs: self._region(op.comparator, pairs, values)[0])
            case pphlo.SimpleSortOp():
                return sorting.simple_sort(op, *inputs)
            case pphlo.WhileOp():
                while self._region(op.condition, inputs, values)[0]:
                    inputs = self._region(op.body, inputs, values)
                return inputs
            case pphlo.IfOp():
                return self._region(op.true_branch if inputs[0] else op.false_branch, [], values)
            case pphlo.CaseOp():
                index, count = int(inputs[0]), len(op.branches)
                return self._region(op.branches[index if 0 <= index < count else -1], [], values)
            case pphlo.CustomCallOp() if call := calls.CALLS.get(op.target.data):
                result = call(op, *inputs)
                return result if isinstance(result, tuple) else [result]
            case pphlo.CustomCallOp():
                raise EvaluationError(f"cannot evaluate a call of '{op.target.data}' in plain")
        raise EvaluationError(f"cannot evaluate '{op.name}' in plain")

    def _reduce(self, op: pphlo.ReduceOp, inputs: list[Array], values: Values) -> Sequence[Any]:
        count = len(inputs) // 2
        arrays, initial = inputs[:count], inputs[count:]
        reduced = math.prod(arrays[0].shape[dim] for dim in op.dimensions)
        if not reduced:
            return [np.broadcast_to(value, pphlo.shape_of(op.outputs[0])) for value in initial]
        if ufunc := _REDUCTIONS.get(op.combiner() or ""):
            return [ufunc(ufunc.reduce(widened(arrays[0]), axis=op.dimensions), widened(initial[0]))]
        # Any other body: it combines neighbours along the reduced axis, all at once, until one entry is left.
        last = range(-len(op.dimensions), 0)
        kept = arrays[0].ndim - len(op.dimensions)
        folded = [np.moveaxis(array, op.dimensions, last) for array in arrays]
        folded = [array.reshape([*array.shape[:kept], reduced]) for array in folded]

        def body(pairs: Sequence[Array]) -> Sequence[Array]:
            return self._region(op.body, pairs, values)

        return body([*initial, *windows.fold(folded, body)])


def _convert(x: Array, dtype: np.dtype[Any]) -> Array:
    """Numbers in another dtype. As XLA does, floats beyond an integer's ends become these, and NaN zero."""
    if dtype.kind == "b":
        return np.not_equal(x, 0)
    if x.dtype.kind == "c" and dtype.kind != "c":
        x = x.real
    if x.dtype.kind != "f" or dtype.kind not in "iu":
        return cast(x, dtype)
    ends = np.iinfo(dtype)
    # The end itself may not be a float, the power of two behind it is.
    above, below = x >= float(ends.max) + 1, x <= float(ends.min)
    inside = np.where(above | below | np.isnan(x), 0, x).astype(dtype)
    return np.where(above, ends.max, np.where(below, ends.min, inside)).astype(dtype)


def function_named(module: ModuleOp, name: str) -> FuncOp:
    """The function `@name` of a module; raises KeyError if there is none."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == name:
            return op
    raise KeyError(f"the module has no function @{name}")


def evaluate(module: ModuleOp, inputs: Sequence[Array], *, exact: bool = False, function: str = "main") -> list[Array]:
    """The results of a module's function on plain arrays, secrets included; see `Interpreter` for `exact`."""
    return Interpreter(exact).function(function_named(module, function), inputs)


def evaluate_values(wanted: Sequence[SSAValue], known: Mapping[SSAValue, Array], *, exact: bool = False) -> list[Array]:
    """The arrays of some values of one block, computed from those of `known` that they depend on.

    Raises EvaluationError if they also depend on something else.
    """
    interpreter = Interpreter(exact)
    values = dict(known)
    stack = [value for value in reversed(wanted) if value not in values]
    while stack:
        owner = stack[-1].owner
        if stack[-1] in values:
            stack.pop()
            continue
        if not isinstance(owner, Operation):
            raise EvaluationError("the value depends on an argument that is not known")
        missing = [value for value in pphlo.inputs_of(owner) if value not in values]
        if missing:
            stack.extend(missing)
        else:
            interpreter.run(owner, values)
    return [values[value] for value in wanted]
