"""From PPHLO to a ring program, by our passes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from xdsl.dialects.builtin import ModuleOp, StringAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute

from ditto.analysis.arguments import ValueNeeded, arguments_of
from ditto.dialects import pphlo, ring
from ditto.dialects.dense import Array
from ditto.encoding import ValueType
from ditto.errors import CompileError, PolicyError, UnsupportedError
from ditto.interpreter import function_named
from ditto.lowering.lower_to_program import Slot, lower_to_program
from ditto.parties.program import Binding, PublicPart, RingProgram
from ditto.passes import pipeline
from ditto.passes.pipeline import run_pipeline
from ditto.passes.pphlo import split_public
from ditto.passes.pphlo.bind_constants import bind_constants
from ditto.passes.ring.infer_layers import set_argument_names
from ditto.passes.ring.reround_results import ReroundResults
from ditto.policy import policy as policies
from ditto.policy.calibrate import calibrate
from ditto.policy.plan import HEADROOM, InvalidPlan, Plan
from spu_ditto import progress
from spu_ditto.arguments import Argument
from spu_ditto.conversion import convert_result

_POLICIES = '"ditto", "fm64", a Plan, or the path of its .json file'

FractionBits = int | Mapping[str, int] | None


# How a program was made, for people who read it: on its module.
POLICY, CALIBRATION = "ditto.policy", "ditto.calibration"

# What a compilation is made of: SPU's compiler, and our passes.
STEPS = 1 + len(pipeline.STEPS)


def get_policy(ring_policy: str | Path | Plan, fraction_bits: FractionBits = None) -> policies.Policy:
    """The ring policy of this name, or that of a plan (or of the `.json` file of one).

    Raises:
        PolicyError: there is no such policy, field or file, or the fraction bits are out of range.
    """
    try:
        if isinstance(ring_policy, Path) or (isinstance(ring_policy, str) and ring_policy.endswith(".json")):
            ring_policy = Plan.load(ring_policy)
        elif isinstance(ring_policy, Plan):
            # What was edited in Python is checked as a file is.
            ring_policy = Plan.from_json(ring_policy.to_json())
        if not isinstance(ring_policy, (str, Plan)):
            raise PolicyError(f"ring_policy is {_POLICIES}, not {ring_policy!r}")
        if isinstance(ring_policy, str):
            return policies.get_policy(ring_policy, fraction_bits)
        if fraction_bits is not None:
            raise PolicyError("a plan has its own fraction bits; leave fraction_bits out")
        policy = policies.get_policy(ring_policy.policy, ring_policy.fraction_bits)
        return dataclasses.replace(policy, plan=ring_policy)
    except InvalidPlan:
        raise
    except OSError as error:
        raise PolicyError(f"the plan {ring_policy} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise PolicyError(str(error)) from error


@dataclasses.dataclass(frozen=True)
class Source:
    """A program as SPU's compiler gave it, and what the caller does around it.

    Attributes:
        text: PPHLO.
        arguments: those of @main that the caller passes, in order; `constants` follow.
        part: where they come from, and where the function's results are.
        constants: the last arguments of @main.
        samples: arrays for `arguments`, per sample, to calibrate with.
        headroom: how many times the largest magnitude of the samples a value may have.
    """

    text: str
    arguments: Sequence[Argument]
    part: PublicPart
    constants: Sequence[Array] = ()
    samples: Sequence[Sequence[Array]] = ()
    headroom: float = HEADROOM


def public_names(arguments: Sequence[Argument]) -> tuple[str, ...]:
    """The names of public arguments, "" for secret ones."""
    return tuple(argument.name if argument.visibility == "public" else "" for argument in arguments)


def check_range_names(policy: policies.Policy, arguments: Sequence[Argument]) -> None:
    """Raises PolicyError if the policy states the range of something that is no argument."""
    names = [argument.name for argument in arguments]
    if unknown := sorted(set(policy.ranges) - set(names)):
        raise PolicyError(f"ranges names {unknown}, but the arguments are {names[:20]}")


def lower_pphlo(
    source: Source, policy: policies.Policy, fixed: Mapping[int, Array] | None = None
) -> tuple[RingProgram, Plan | None]:
    """Runs the passes on a PPHLO module.

    Args:
        fixed: values of public arguments (by position) to make the program for.

    Returns:
        The program, and its plan if the policy has one or samples were given.

    Raises:
        UnsupportedError: an operation has no form here.
        CompileError: the program cannot be compiled; names the operation and its layer.
        ValueNeeded: what the program does depends on public arguments that are not fixed.
    """
    fixed = fixed or {}
    module = _parsed(source.text).clone()
    bind_constants(module, {**dict(enumerate(source.constants, len(source.arguments))), **fixed})
    left = [n for n in range(len(source.arguments)) if n not in fixed]
    set_argument_names(module, [source.arguments[n].name for n in left])
    try:
        if source.samples:
            progress.begin("calibration")
            samples = [[sample[n] for n in left] for sample in source.samples]
            policy = dataclasses.replace(policy, plan=calibrate(module, policy, samples, source.headroom))
        run_pipeline(module, policy, after_pass=lambda done, *_: progress.begin(f"after {done.name}"))
    except ValueNeeded as needed:
        needed.arguments = tuple(left[n] for n in needed.arguments)
        raise
    module.attributes[POLICY] = StringAttr(str(policy))
    module.attributes[CALIBRATION] = StringAttr("none" if policy.plan is None else policy.plan.evidence)
    signature = split_public.signature(module)
    program = lower_to_program(module)
    results = [
        Binding("program", k, _value_type(program.outputs[k])) if k >= 0 else Binding("public", -1 - k, None)
        for k in signature.outputs
    ]
    made = RingProgram(
        ring=ring.to_text(module),
        engine=program.json,
        constants=[np.asarray(c, np.int64) for c in program.constants],
        public=pphlo.to_text(ModuleOp([function_named(module, split_public.PROLOGUE).clone()])),
        inputs=tuple(_input_binding(slot, signature, source.part, left) for slot in program.inputs),
        outputs=tuple(results[n] if kind == "program" else Binding(kind, n, None) for kind, n in source.part.outputs),
        part=source.part,
        main=public_names(source.arguments),
        fixed=dict(fixed),
    )
    return made, policy.plan


def program_of(module: ModuleOp, inputs: Sequence[Binding], outputs: Sequence[Binding]) -> RingProgram:
    """A program of a finished ring module alone, of secret arguments."""
    made = lower_to_program(module)
    constants = [np.asarray(c, np.int64) for c in made.constants]
    return RingProgram(ring.to_text(module), made.json, constants, "", tuple(inputs), tuple(outputs))


def rerounded(program: RingProgram, bits: int | None) -> RingProgram:
    """The program with its results rounded once more before they are opened (`reround_results.py`).

    Args:
        bits: how many fraction bits go; None for half of them.

    Raises:
        UnsupportedError: `bits` is below 2.
    """
    if bits is not None and bits < 2:
        raise UnsupportedError(f"an exact run rounds off 2 bits or more, not {bits}")
    module = ring.parse_module(program.ring)
    ReroundResults(bits).apply(ring.context(), module)
    types = [_value_type(slot) for slot in lower_to_program(module).outputs]
    return _changed(program, module, dict(enumerate(types)))


def _changed(program: RingProgram, module: ModuleOp, types: Mapping[int, ValueType]) -> RingProgram:
    """A program whose module was changed, and with it the types of some outputs of the engine."""
    module.verify()
    made = lower_to_program(module)
    return dataclasses.replace(
        program,
        ring=ring.to_text(module),
        engine=made.json,
        constants=[np.asarray(c, np.int64) for c in made.constants],
        outputs=tuple(
            dataclasses.replace(b, type=types.get(b.index, b.type)) if b.source == "program" else b
            for b in program.outputs
        ),
    )


def ending_in(program: RingProgram, types: Mapping[int, ValueType]) -> RingProgram:
    """The program with results in the rings of arguments of others, checked for certain to be within their ranges.

    Args:
        types: what results of the function become, by position; those that are not of the program stay.

    Raises:
        UnsupportedError: there is no conversion.
    """
    wanted = {
        program.outputs[n].index: type
        for n, type in types.items()
        if n < len(program.outputs) and program.outputs[n].source == "program"
    }
    if not wanted:
        return program
    # An output may be several results.
    made = {b.index: b.type for b in program.outputs if b.source == "program"}
    module = ring.parse_module(program.ring)
    for output, target in wanted.items():
        source = made[output]
        assert source is not None
        convert_result(module, output, source, target)
    return _changed(program, module, wanted)


def _input_binding(slot: Slot, signature: split_public.Signature, part: PublicPart, left: Sequence[int]) -> Binding:
    if slot.secret:
        _, index = part.main[left[signature.secret_inputs[slot.argument]]]
        return Binding("argument", index, _value_type(slot))
    return Binding("public", slot.argument - len(signature.secret_inputs), _value_type(slot))


def _value_type(slot: Slot) -> ValueType:
    if slot.kind == "public":
        kind: Literal["public", "index"] = "index" if slot.fraction is None else "public"
        return ValueType(kind, slot.shape, 64, slot.fraction or 0, slot.range, slot.mask)
    if slot.kind == "bit":
        return ValueType("bit", slot.shape, 1)
    return ValueType("fxp", slot.shape, slot.width, slot.fraction or 0, slot.range, slot.mask, slot.infinities)


def evaluate_public(program: RingProgram, arguments: Sequence[Array]) -> list[Array]:
    """The results of `program.public` on its arguments, exactly (floats in float64)."""
    return [np.asarray(a) for a in split_public.run_prologue(_public_module(program.public), arguments)]


def public_origins(program: RingProgram, result: int) -> list[int]:
    """The positions of the arguments that a result of `program.public` is computed from."""
    block = function_named(_public_module(program.public), split_public.PROLOGUE).body.block
    assert block.last_op is not None
    return list(arguments_of([block.last_op.operands[result]]))


@functools.lru_cache(maxsize=1)
def _parsed(text: str) -> ModuleOp:
    """A PPHLO module, to read or to clone: the last one may be asked for its signature, or made for other values."""
    return pphlo.parse_module(text)


@functools.lru_cache(maxsize=16)
def _public_module(text: str) -> ModuleOp:
    return pphlo.parse_module(text, "<public part>")


def pphlo_signature(
    text: str, names: Sequence[str] = ()
) -> tuple[tuple[Argument, ...], tuple[jax.ShapeDtypeStruct, ...]]:
    """The arguments and results of @main of a PPHLO module; arguments without a name are called arg0, arg1, ..."""
    functions = [op for op in _parsed(text).ops if isinstance(op, FuncOp) and op.sym_name.data == "main"]
    if len(functions) != 1:
        raise CompileError(None, "the PPHLO module has no function @main")
    kind = functions[0].function_type
    inputs, outputs = (tuple(_shape_and_dtype(type) for type in types) for types in (kind.inputs, kind.outputs))
    arguments = tuple(
        Argument(
            names[n] if n < len(names) else f"arg{n}",
            *inputs[n],
            "secret" if pphlo.is_secret(type) else "public",
        )
        for n, type in enumerate(kind.inputs)
    )
    return arguments, tuple(jax.ShapeDtypeStruct(*described) for described in outputs)


def _shape_and_dtype(type: Attribute) -> tuple[tuple[int, ...], np.dtype[Any]]:
    assert isinstance(type, TensorType)
    return type.get_shape(), np.dtype(pphlo.dtype_of(pphlo.element_type(type)))
