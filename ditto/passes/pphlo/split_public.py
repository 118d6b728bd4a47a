"""Separates what needs no secrecy: it is computed once, by the caller, in plain.

    func.func @main(%ids: tensor<4x!pphlo.secret<i32>>, %mask: tensor<4xi32>) {
      %0 = pphlo.negate %mask
      %1 = pphlo.add %ids, %0
      return %1
    }
becomes
    func.func @prologue(%mask) attributes {ditto.inputs = [1]} {
      %0 = pphlo.negate %mask
      return %0
    }
    func.func @main(%ids, %0) attributes {ditto.inputs = [0], ditto.outputs = [0]} {
      %1 = pphlo.add %ids, %0
      return %1
    }

`@prologue` takes the arguments of the program that are public, `@main` takes the secret ones and then the results of
the prologue that it needs (its first results). `ditto.inputs` are positions among the program's arguments.
`ditto.outputs` tells where the program's results come from: k >= 0 is result k of `@main`, k < 0 is result -1-k of
`@prologue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import DenseArrayBase, FunctionType, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ditto.analysis.look_through import has_any
from ditto.dialects import pphlo
from ditto.dialects.dense import Array
from ditto.dialects.traits import Constant
from ditto.interpreter import evaluate, function_named
from ditto.passes.rewriting import erase, erase_dead

INPUTS, OUTPUTS = "ditto.inputs", "ditto.outputs"
PROLOGUE, MAIN = "prologue", "main"


@dataclass(frozen=True)
class Signature:
    """How the arguments and results of a program spread over its two functions (positions as in the module's text)."""

    public_inputs: tuple[int, ...]
    secret_inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def signature(module: ModuleOp) -> Signature:
    """The signature of a module that has been split, whichever dialect its main function is in."""
    return Signature(
        _positions(function_named(module, PROLOGUE), INPUTS),
        _positions(function_named(module, MAIN), INPUTS),
        _positions(function_named(module, MAIN), OUTPUTS),
    )


def _positions(function: FuncOp, name: str) -> tuple[int, ...]:
    values = function.attributes[name]
    assert isinstance(values, DenseArrayBase)
    return tuple(int(value) for value in values.get_values())


def run_prologue(module: ModuleOp, arguments: Sequence[Array]) -> list[Array]:
    """The results of `@prologue`, computed exactly.

    Args:
        arguments: the program's public arguments, in the order of `Signature.public_inputs`.

    Returns:
        float64 for every float, integers and bits as they are: first what `@main` takes after its secret arguments,
        then the program's public results.
    """
    return evaluate(module, arguments, exact=True, function=PROLOGUE)


def split_function(function: FuncOp) -> FuncOp:
    """Takes the public part out of a function and returns it as the prologue."""
    block = function.body.block
    last = block.last_op
    assert isinstance(last, ReturnOp)
    public_ops = [op for op in block.ops if op is not last and not pphlo.touches_secret(op)]
    arguments = list(block.args)
    public_arguments = [argument for argument in arguments if not pphlo.is_secret(argument.type)]

    # What crosses over: public values, constants aside, that a secret operation reads.
    crossing: dict[SSAValue, None] = {}
    moved = set(public_ops)
    for op in block.ops:
        if op is last or op in moved:
            continue
        for value in pphlo.inputs_of(op):
            if not pphlo.is_secret(value.type) and not has_any(value.owner, Constant):
                crossing[value] = None
    outputs: list[int] = []
    public_results: list[SSAValue] = list(crossing)
    secret_results: list[SSAValue] = []
    for value in last.arguments:
        results = secret_results if pphlo.is_secret(value.type) else public_results
        outputs.append(len(results) if results is secret_results else -1 - len(results))
        results.append(value)

    prologue_block = Block(arg_types=[argument.type for argument in public_arguments])
    mapper: dict[SSAValue, SSAValue] = dict(zip(public_arguments, prologue_block.args, strict=True))
    for op in public_ops:
        prologue_block.add_op(op.clone(value_mapper=mapper))
    prologue_block.add_op(ReturnOp(*(mapper[value] for value in public_results)))
    erase_dead(prologue_block)

    for value in crossing:
        argument = block.insert_arg(value.type, len(block.args))
        value.replace_all_uses_with(argument)
    Rewriter.replace_op(last, ReturnOp(*secret_results))
    for op in reversed(public_ops):
        if all(result.first_use is None for result in op.results):
            erase(op)
    erase_dead(block)
    for argument in public_arguments:
        block.erase_arg(argument)
    function.function_type = FunctionType.from_lists(
        [argument.type for argument in block.args], [value.type for value in secret_results]
    )
    positions = {argument: index for index, argument in enumerate(arguments)}
    secret_positions = [positions[argument] for argument in block.args if argument in positions]
    function.attributes[INPUTS] = pphlo.i64_array(secret_positions)
    function.attributes[OUTPUTS] = pphlo.i64_array(outputs)
    prologue_type = FunctionType.from_lists(
        [argument.type for argument in prologue_block.args], [value.type for value in public_results]
    )
    prologue = FuncOp(PROLOGUE, prologue_type, Region(prologue_block))
    prologue.attributes[INPUTS] = pphlo.i64_array(positions[argument] for argument in public_arguments)
    return prologue


@dataclass(frozen=True)
class SplitPublic(ModulePass):
    name = "split-public"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        main = function_named(op, MAIN)
        prologue = split_function(main)
        op.body.block.insert_op_before(prologue, main)
