"""Gives every secret value a ring, as its dtype and the policy say, and every operation its ring form.

    %0 = pphlo.add %x, %y : tensor<4x8x!pphlo.secret<f16>>
    %1 = pphlo.convert %0 : (tensor<4x8x!pphlo.secret<f16>>) -> tensor<4x8x!pphlo.secret<f32>>
becomes
    %0 = ring.add %x, %y : (..<32, 8>>, ..<32, 8>>) -> tensor<4x8x!ring.fxp<32, 8>>
    %1 = ring.convert %0 : (..<32, 8>>) -> tensor<4x8x!ring.fxp<64, 8>>

The width of a type is its policy's ring, in which products are thought to be computed; `assign-widths` later says in
how many bits each value rests. Fractions are chosen here, value by value: activations have the policy's, a value
computed from a coarse one has few bits more, parameters that feed a dot or a look-up have 12 or more, public factors
have 12 significant bits, softmax outputs 16 fraction bits. A change of precision is a `ring.convert`, of which
`insert-casts` makes a cast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, FunctionType, ModuleOp, StringAttr, TensorType, f64, i1, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from ditto.analysis.intervals import ARGUMENT_TYPES, Intervals
from ditto.analysis.look_through import beyond, is_argument, known_numbers
from ditto.analysis.sum_terms import is_sum_term, resting_fraction
from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Dot, Moves, Rescales
from ditto.interpreter import evaluate_values
from ditto.lowering import (
    arithmetic,
    bitwise,
    contraction,
    functions,
    integers,
    movement,
    powers,
    public,
    rounding,
    trigonometry,
)
from ditto.lowering.arithmetic import Rule, bit_to_number, complement
from ditto.lowering.arithmetic import zero as is_zero
from ditto.lowering.emitter import Emitter, Public, Value, integer_bits, is_bits, is_unsigned
from ditto.lowering.rounding import convert
from ditto.policy.policy import LONG_TABLE, SUM_TERM_FRACTION, TABLE_FRACTION, WEIGHT_FRACTION, Policy

# The dtypes of the results, by which callers decode.
RESULT_TYPES = "ditto.result_types"

_RULES: dict[str, Rule] = {
    **arithmetic.RULES,
    **functions.RULES,
    **movement.RULES,
    **contraction.RULES,
    **rounding.RULES,
    **integers.RULES,
    **bitwise.RULES,
    **powers.RULES,
    **trigonometry.RULES,
}
_CALLS: dict[str, Rule] = {
    **functions.CALLS,
    **movement.CALLS,
    **contraction.CALLS,
    **powers.CALLS,
    **public.CALLS,
    **trigonometry.CALLS,
}

_TABLES = ("ditto.embedding", "ditto.take", "spu.gather")


def reached(value: SSAValue) -> set[str]:
    """Where a parameter arrives after moves and converts, if there: "dot", "table" (of rows to pick)."""
    found: set[str] = set()
    for use in beyond(value, Moves, Rescales):
        if use.operation.has_trait(Dot):
            found.add("dot")
        elif pphlo.calls(use.operation, *_TABLES) and use.index == 0:
            found.add("table")
    return found


class _Walk:
    """One walk over the function, with a memo of what each PPHLO value has become."""

    def __init__(self, policy: Policy, function: FuncOp) -> None:
        self.function = function
        self.block = Block()
        self.made = FuncOp("main", ([], []), Region(self.block))
        self.made.attributes.update(function.attributes)
        self.made.attributes[ARGUMENT_TYPES] = _names([argument.type for argument in function.body.block.args])
        self.emitter = Emitter(policy, self.block, Intervals(self.made))
        self.memo: dict[SSAValue, Value] = {}

    def run(self) -> FuncOp:
        source = self.function.body.block
        if self.emitter.policy.plan is not None:
            self.emitter.planned = self.emitter.policy.plan.fractions(source)
        for parameter in source.args:
            self.memo[parameter] = self.argument(parameter)
        results: list[SSAValue] = []
        for op in source.ops:
            if isinstance(op, ReturnOp):
                self.emitter.begin(op, None)
                results = [self.returned(value) for value in op.arguments]
                break
            for result, value in zip(op.results, self.converted(op), strict=True):
                self.memo[result] = value
        self.block.add_op(ReturnOp(*results))
        made = self.made
        made.function_type = FunctionType.from_lists(
            [a.type for a in self.block.args], [value.type for value in results]
        )
        assert isinstance(source.last_op, ReturnOp)
        made.attributes[RESULT_TYPES] = _names([value.type for value in source.last_op.arguments])
        return made

    def argument(self, argument: SSAValue) -> Value:
        type = argument.type
        if not pphlo.is_secret(type):
            integers = i1 if is_bits(type) else i64
            element = f64 if pphlo.is_float(type) else integers
            value = self.block.insert_arg(TensorType(element, list(ring.shape(type))), len(self.block.args))
            return Public(type, None, value)
        ring_type = self.emitter.secret_type(type)
        if ring.is_fxp(ring_type) and ring.fraction(ring_type):
            ring_type = self.emitter.secret_type(type, self.parameter_fraction(argument, type))
        return self.block.insert_arg(ring_type, len(self.block.args))

    def parameter_fraction(self, parameter: SSAValue, type: Attribute) -> int:
        """The fraction a parameter of a PPHLO type rests at, by what it is used for."""
        width, usual = self.emitter.ring_of(type)[0], self.emitter.usual_fraction(parameter)
        uses = reached(parameter)
        if "dot" in uses and width == 32 and self.emitter.policy.plan is not None:
            return WEIGHT_FRACTION
        if "dot" in uses:
            return self.emitter.policy.parameter_fraction(width)
        if "table" in uses and pphlo.shape_of(parameter)[0] >= LONG_TABLE:
            return TABLE_FRACTION
        return resting_fraction(parameter, usual)

    def returned(self, value: SSAValue) -> SSAValue:
        result = self.memo[value]
        return result if isinstance(result, SSAValue) else self.hidden(result)

    def hidden(self, public: Public) -> SSAValue:
        """Public numbers as a secret: zeros made of some argument, plus the numbers."""
        e, wanted = self.emitter, self.emitter.secret_type(public.type)
        secrets = [argument for argument in self.block.args if not ring.is_public(argument)]
        if not secrets:
            raise e.fail("the program has no secret argument, so nothing of it has to run in secret")
        like = next((value for value in secrets if ring.is_bit(value) == ring.is_bit(wanted)), secrets[0])
        zero = e.made_secret(Public(like.type, np.zeros((), np.int64)), like)
        if ring.is_bit(wanted):
            if not ring.is_bit(zero):
                zero = complement(e, is_zero(e, zero))
            return e.made_secret(public, zero)
        if ring.is_bit(zero):
            zero = bit_to_number(e, zero, public.type)
        zero = e.with_fraction(e.converted(zero, public.type), ring.fraction(wanted))
        return e.made_secret(public, zero)

    def converted(self, op: Operation) -> list[Value]:
        self.emitter.begin(op, _numbers_of(op))
        values = [self.memo[operand] for operand in op.operands]
        if (numbers := known_numbers(op.results[0])) is not None:
            return [Public(op.results[0].type, numbers)]
        if op.has_trait(Rescales):
            return [self.convert(op, values[0])]
        if len(op.results) == 2 and (pair := movement.PAIRS.get(op.name)) is not None:
            return pair(self.emitter, op, values)
        target = pphlo.target_of(op)
        rule = _RULES.get(op.name) if target is None else _CALLS.get(target)
        if rule is None:
            raise self.emitter.fail("has no secure protocol here; compute it before or after the secure program")
        known = [value for value in values if isinstance(value, Public)]
        if values and len(known) == len(values):
            if all(value.numbers is not None for value in known):
                return [self.folded(op, known)]
            values = [self.hidden(known[0]), *known[1:]]
        return [rule(self.emitter, op, values)]

    def convert(self, op: Operation, value: Value) -> Value:
        [operand], [result] = op.operands, op.results
        source, target = operand.type, result.type
        if isinstance(value, Public):
            if value.numbers is None and (integer_bits(target) or 64) >= (integer_bits(source) or 1):
                return Public(target, None, value.value)
            if value.numbers is None:
                return convert(self.emitter, self.hidden(value), source, target, None)
            return self.folded(op, [value])
        fraction = None
        floats = pphlo.is_float(source) and pphlo.is_float(target)
        if floats and is_argument(operand):
            fraction = min(self.parameter_fraction(result, target), ring.fraction(value))
        elif floats and is_sum_term(result):
            fraction = min(SUM_TERM_FRACTION, ring.fraction(value))
        elif floats and result in self.emitter.planned:
            fraction = min(self.emitter.planned[result], ring.fraction(value))
        return convert(self.emitter, value, source, target, fraction)

    def folded(self, op: Operation, values: list[Public]) -> Public:
        """A public result that SPU has marked secret, computed now."""
        known = {operand: _as_typed(value) for operand, value in zip(op.operands, values)}
        return Public(op.results[0].type, evaluate_values([op.results[0]], known, exact=True)[0])


def _numbers_of(op: Operation) -> Attribute:
    """The type of the numbers that an operation makes, or, if it makes booleans, compares."""
    type = op.results[0].type
    return op.operands[-1].type if is_bits(type) and op.operands else type


def _as_typed(value: Public) -> Array:
    """The numbers of a public operand in its own dtype."""
    return (
        value.known().view(pphlo.dtype_of(pphlo.element_type(value.type))) if is_unsigned(value.type) else value.known()
    )


def _names(types: list[Attribute]) -> ArrayAttr[StringAttr]:
    return ArrayAttr([StringAttr(str(pphlo.element_type(type))) for type in types])


@dataclass(frozen=True)
class AssignRings(ModulePass):
    """`policy` decides which ring a dtype has."""

    name = "assign-rings"
    policy: Policy

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = ring.main(op)
        made = _Walk(self.policy, function).run()
        op.body.block.insert_op_before(made, function)
        function.detach()
        function.erase()
