"""Gives arguments of a program values: they become constants, as arrays, which never were text.

    func.func @main(%x: tensor<4x!pphlo.secret<f32>>, %w: tensor<4xf32>)
with %w bound becomes
    func.func @main(%x: tensor<4x!pphlo.secret<f32>>) {
      %w = pphlo.constant dense<...> : tensor<4xf32>
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import FunctionType, ModuleOp
from xdsl.rewriter import InsertPoint, Rewriter

from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.interpreter import function_named


def bind_constants(module: ModuleOp, values: Mapping[int, Array]) -> None:
    """Makes constants of the public arguments of @main at these positions; the others move up."""
    function = function_named(module, "main")
    block = function.body.block
    arguments = list(block.args)
    for position, array in values.items():
        argument = arguments[position]
        dtype = pphlo.dtype_of(pphlo.element_type(argument.type))
        constant = pphlo.ConstantOp.from_numpy(np.asarray(array, dtype), argument.type)
        Rewriter.insert_op(constant, InsertPoint.at_start(block))
        argument.replace_all_uses_with(constant.result)
        block.erase_arg(argument)
    outputs = function.function_type.outputs
    function.function_type = FunctionType.from_lists([argument.type for argument in block.args], list(outputs))
