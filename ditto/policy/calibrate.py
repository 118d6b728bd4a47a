"""Runs a program in plain on sample inputs, and chooses scales and bounds by what its values are.

First the PPHLO program, in its own dtypes: the fraction of each f16 value. A dot with a weight has operands of 32 bits
as long as the fractions of both and the integer bits of its result fit; where values are small, these go to the
fractions: 13 bits for weights, up to 12 for activations, in no more bits than 18 without the sign. Operands of a dot
of activations, and what a softmax compares, keep the fraction of their ring: there every bit is sent.
Then the ring program, in ideal integers: the largest magnitude of each value.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from xdsl.dialects.builtin import Float16Type, ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from ditto.analysis.look_through import has_any, is_argument
from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Adds, Constant, Divides, Dot, Moves, Multiplies, Rescales
from ditto.encoding import MASK_FROM
from ditto.interpreter import Interpreter
from ditto.interpreter.ring import RingInterpreter
from ditto.passes.pipeline import STEPS, run_pipeline
from ditto.passes.pphlo.split_public import run_prologue, signature
from ditto.passes.ring.infer_layers import argument_layers, layers_of
from ditto.policy.plan import HEADROOM, Plan, op_name, places
from ditto.policy.plan_rows import Range, Scale, bound_of
from ditto.policy.policy import WEIGHT_FRACTION, Policy

# The finest fraction of activations.
FINEST = 12
# Bits without the sign that an f16 value may rest in; operands of a dot with a weight, less two.
_RESTING, _OPERAND = 18, 30

Seen = dict[SSAValue, float]


def _record(
    block: Block, inputs: Sequence[Array], seen: Seen, run: Callable[[Operation, dict[SSAValue, Array]], None]
) -> None:
    """Runs a block and raises `seen` to the magnitudes of its values; values are dropped after their last use."""
    last = {operand: op for op in block.ops for operand in pphlo.inputs_of(op)}
    values: dict[SSAValue, Array] = dict(zip(block.args, inputs, strict=True))
    for value, array in values.items():
        _raise(seen, value, array)
    for op in block.ops:
        if isinstance(op, ReturnOp):
            return
        run(op, values)
        for result in op.results:
            _raise(seen, result, values[result])
        for operand in set(op.operands):
            if last[operand] is op:
                values.pop(operand, None)


def _raise(seen: Seen, value: SSAValue, array: Array) -> None:
    if array.dtype.kind in "fi":
        sizes = np.abs(array.astype(np.float64))
        largest = float(np.max(sizes, where=sizes < MASK_FROM, initial=0)) if array.dtype.kind == "f" else 0.0
        seen[value] = max(seen.get(value, 0.0), largest if array.dtype.kind == "f" else float(np.max(sizes, initial=0)))


def calibrate(module: ModuleOp, policy: Policy, samples: Sequence[Sequence[Array]], headroom: float = HEADROOM) -> Plan:
    """The plan of a program.

    Args:
        module: PPHLO as SPU's compiler gives it; left as it is.
        policy: a policy without a plan.
        samples: for each sample the values of the program's arguments, secret and public.
        headroom: how many times the largest magnitude seen a value may have.
    """
    module = module.clone()
    names = [step.make(policy).name for step in STEPS]
    rings, bounds = names.index("assign-rings"), names.index("note-evidence")
    run_pipeline(module, policy, steps=STEPS[:rings])
    function, parts = ring.main(module), signature(module)
    block = function.body.block
    inputs = []
    for sample in samples:
        public = run_prologue(module, [sample[index] for index in parts.public_inputs])
        secret = [sample[index] for index in parts.secret_inputs]
        inputs.append([np.asarray(array) for array in (*secret, *public[: len(block.args) - len(secret)])])
    small = policy.fractions["FM32"] if policy.name == "ditto" else FINEST
    chosen = scales(function, inputs, headroom, small)
    plan = Plan(policy.name, policy.fractions, headroom, len(samples), scales=chosen)
    run_pipeline(module, dataclasses.replace(policy, plan=plan), steps=STEPS[rings:bounds])
    return dataclasses.replace(plan, ranges=ranges(ring.main(module), inputs))


def scales(function: FuncOp, samples: Sequence[Sequence[Array]], headroom: float, usual: int) -> tuple[Scale, ...]:
    """The fractions of the f16 values of a PPHLO function, from its arguments' values."""
    block, seen = function.body.block, Seen()
    interpreter = Interpreter()
    for inputs in samples:
        typed = [np.asarray(array, interpreter.dtype(a.type)) for a, array in zip(block.args, inputs, strict=True)]
        _record(block, typed, seen, interpreter.run)
    found, arguments = [], argument_layers(function)
    layers = layers_of((op for op in block.ops if op.results and not has_any(op, Constant)), arguments)
    for value, place in places(block).items():
        if not isinstance(pphlo.element_type(value.type), Float16Type) or _is_unscaled(value):
            continue
        bits = math.ceil(math.log2(bound_of(seen[value], headroom)))
        limits = [limit for use in value.uses for limit in _limits(value, use.operation, seen, headroom)]
        fraction = max(usual, min([FINEST, _RESTING - max(bits, 0), *limits]))
        if fraction > usual:
            layer = layers.get(value.owner) if isinstance(value.owner, Operation) else arguments.get(value)
            found.append(Scale(place, op_name(value), layer, seen[value], fraction))
    return tuple(found)


def _is_unscaled(value: SSAValue) -> bool:
    """Whether a value has the scale of what it is made of, or none."""
    return has_any(value.owner, Constant, Moves)


def _limits(value: SSAValue, op: Operation, seen: Seen, headroom: float) -> list[int]:
    """The finest fractions that the uses of a value allow."""
    if op.has_trait(Dot):
        if not any(is_argument(operand) for operand in op.operands):
            return [0]
        bits = math.ceil(math.log2(bound_of(seen[op.results[0]], headroom)))
        return [_OPERAND - WEIGHT_FRACTION - max(bits, 0)]
    if pphlo.reduces(op):
        return [0] if pphlo.reduces(op, "pphlo.maximum") else []
    if has_any(op, Moves, Rescales, Adds, Multiplies, Divides):
        wide = not isinstance(pphlo.element_type(op.results[0].type), Float16Type)
        uses = op.results[0].uses
        if wide:
            reductions = [use.operation for use in uses if pphlo.reduces(use.operation)]
            return [0 for op in reductions if not pphlo.reduces(op, "pphlo.add")]
        return [limit for use in uses for limit in _limits(op.results[0], use.operation, seen, headroom)]
    return []


def ranges(function: FuncOp, samples: Sequence[Sequence[Array]]) -> tuple[Range, ...]:
    """What the fixed-point values of a ring function are, before widths are assigned."""
    block, seen = function.body.block, Seen()
    interpreter = RingInterpreter(wrap=False)

    variances: dict[SSAValue, tuple[float, float]] = {}

    def run(op: Operation, values: dict[SSAValue, Array]) -> None:
        values[op.results[0]] = interpreter.run(op, [values[operand] for operand in op.operands])
        if isinstance(op, ring.NormaliseOp):
            x = np.ldexp(values[op.arguments[0]].astype(np.float64), -ring.fraction(op.arguments[0]))
            found = x.var(tuple(op.get("dims")))
            least, most = variances.get(op.result, (math.inf, 0.0))
            variances[op.result] = min(least, float(found.min())), max(most, float(found.max()))

    for inputs in samples:
        entered = [interpreter.entered(argument, array) for argument, array in zip(block.args, inputs, strict=True)]
        _record(block, entered, seen, run)
    found, arguments = [], argument_layers(function)
    for value, place in places(block).items():
        if ring.is_fxp(value) and ring.fraction(value):
            kind = f"fxp<{ring.width(value)}, {ring.fraction(value)}>"
            size = seen[value] * 2.0 ** -ring.fraction(value)
            layer = value.owner.get("layer") if isinstance(value.owner, ring.RingOp) else arguments.get(value)
            found.append(Range(place, op_name(value), layer, kind, size, variances=variances.get(value)))
    return tuple(found)
