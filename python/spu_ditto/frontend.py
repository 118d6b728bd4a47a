"""From a JAX function and its arguments to StableHLO that SPU's compiler accepts and our dialects cover.

What cannot run on shares is refused here, because only StableHLO still knows the user's source lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxlib.mlir import ir

from ditto.dialects.dense import Array
from ditto.parties.program import PublicPart
from spu_ditto.arguments import Argument, Call, Parameters, Visibility, abstract, leaf_visibility, name_of
from spu_ditto.errors import ShapeError, UnsupportedError
from spu_ditto.public_part import divide
from spu_ditto.signature import Signature
from spu_ditto.tracebacks import users_place

# StableHLO operations whose PPHLO forms our dialect covers. SPU rewrites several on the way (subtract, maximum,
# sqrt under a division, gather), so this list is longer than the dialect's.
_STABLEHLO_OPS = frozenset(
    "stablehlo." + name
    for name in (
        "abs add and atan2 bitcast_convert broadcast_in_dim case ceil clamp compare complex concatenate constant "
        "convert convolution cosine custom_call divide dot_general dynamic_slice dynamic_update_slice exponential "
        "exponential_minus_one floor gather imag iota log log_plus_one maximum minimum multiply negate not or pad "
        "popcnt power real reduce reduce_window remainder reshape return reverse round_nearest_afz "
        "round_nearest_even rsqrt scatter select select_and_scatter shift_left shift_right_arithmetic "
        "shift_right_logical sign sine slice sort sqrt subtract tan tanh transpose while xor"
    ).split()
)
_STRUCTURE_OPS = frozenset({"func.func", "func.call", "func.return"})

_FLOATS = {"f16": jnp.float16, "bf16": jnp.bfloat16, "f32": jnp.float32, "f64": jnp.float64}

# SPU's parser does not know the chlo dialect, nor its compiler all of StableHLO. As custom calls these stay whole and
# reach our passes.
_KEPT_WHOLE = {
    **{f"chlo.{name}": f"mpc.{name}" for name in "acos acosh asin asinh atan atanh cosh erf erfc erf_inv sinh".split()},
    "chlo.top_k": "mpc.topk",
    "stablehlo.cbrt": "mpc.cbrt",
    "stablehlo.tan": "mpc.tan",
}
_CUSTOM_CALLS = frozenset(_KEPT_WHOLE.values())

# Why not, or what to use instead.
_REASONS = {
    "stablehlo.reduce_precision": "a ring has the precision of its dtype; leave it out",
    "stablehlo.fft": "multiply by the transform's matrix, whose parts are cosines and sines",
    **dict.fromkeys(
        ("chlo.lgamma", "chlo.digamma", "chlo.polygamma", "chlo.zeta"),
        "of this function there is no series here; on a known range use a polynomial of your own (jnp.polyval)",
    ),
    **dict.fromkeys(
        ("@Qr", "@ProductOfElementaryHouseholderReflectors"),
        "for least squares use jnp.linalg.solve(x.T @ x, x.T @ y), for R jnp.linalg.cholesky(x.T @ x).T",
    ),
    **dict.fromkeys(
        ("eigh", "eig", "svd", "schur"),
        "its rounds end when secrets agree; use a power iteration of a fixed number of rounds",
    ),
}

# How SPU's caches of random numbers are to be used: the value is the first operand.
_CACHES = ("spu.make_cached_var", "spu.drop_cached_var")

# Numbers that a program may have captured in one array: an index, a shape or a few coefficients, but hardly a weight.
CAPTURED = 16

_ELEMENT_TYPES = frozenset(
    {"bf16", "complex<f32>", "f16", "f32", "f64", "i1", "i8", "i16", "i32", "i64", "ui8", "ui16", "ui32", "ui64"}
)


@dataclass(frozen=True)
class Exported:
    """A function, divided: what the parties compute as StableHLO text, with and without source locations.

    Attributes:
        signature: that of the function.
        part: what the caller does.
        main: the arguments of the StableHLO, in the order of `part.main`; then come `constants`.
        constants: public arguments of the StableHLO that are known now.
        captured: how many numbers the largest array holds that the function did not get as an argument and that is not
            one number throughout. Above CAPTURED it may be a weight: such a program is not written to disk.
    """

    signature: Signature
    stablehlo: str
    located_stablehlo: str
    part: PublicPart
    main: tuple[Argument, ...]
    constants: tuple[Array, ...]
    captured: int

    def visibility(self) -> list[Visibility]:
        """Of the arguments of the StableHLO."""
        constants: list[Visibility] = ["public"] * len(self.constants)
        return [*(argument.visibility for argument in self.main), *constants]


def trace(
    fn: Callable[..., Any], args: tuple[Any, ...], input_visibility: Any = None, static_argnums: Sequence[int] = ()
) -> Exported:
    """Traces `fn` for the shapes and dtypes of `args` and checks that the result can run on shares.

    Args:
        args: pytrees whose leaves have a shape and a dtype; static ones are passed to `fn` as they are.

    Raises:
        UnsupportedError, ShapeError: as `traced_by_jax` and `to_stablehlo`.
    """
    call = Parameters(fn, static_argnums, ()).call(args, {})
    return to_stablehlo(traced_by_jax(call), call, input_visibility)


def traced_by_jax(call: Call) -> jax.stages.Traced:
    """Traces a function for the shapes and dtypes of a call's arguments.

    Raises:
        UnsupportedError: an argument is no array of numbers; names it.
        ShapeError: a shape is dynamic.
    """
    for name, leaf in call.named_leaves():
        shape = abstract(leaf, name).shape
        if not all(isinstance(size, int) for size in shape):
            raise ShapeError(f"argument {name} has the dynamic shape {shape}; lower with concrete dimensions")
    args, kwargs = jax.tree_util.tree_map(abstract, (call.args, call.kwargs))
    # keep_unused: without it jit drops unused arguments, visibilities shift, and a secret is compiled as public.
    return jax.jit(call.fn, keep_unused=True).trace(*args, **kwargs)


def to_stablehlo(traced: jax.stages.Traced, call: Call, input_visibility: Any = None) -> Exported:
    """A traced function as StableHLO, checked that it can run on shares.

    Raises:
        UnsupportedError: an operation or a dtype is not supported; names it and its source line.
        ShapeError: `input_visibility` does not match the arguments.
    """
    visibility = leaf_visibility(input_visibility, call)
    leaves = call.named_leaves()
    if not len(traced.jaxpr.in_avals) == len(visibility) == len(leaves):
        raise AssertionError(f"{traced.jaxpr.in_avals}, {len(leaves)} leaves, {len(visibility)} visibilities")
    arguments = []
    for (name, leaf), mark in zip(leaves, visibility, strict=True):
        described = abstract(leaf)
        arguments.append(Argument(name, tuple(described.shape), np.dtype(described.dtype), mark))
        if mark == "secret" and arguments[-1].dtype.kind == "c":
            raise UnsupportedError(f"argument {name} is secret and complex; pass its real and its imaginary part")
    divided = divide(traced.jaxpr, [mark == "secret" for mark in visibility])
    main = tuple(
        _argument_of_main([arguments[n] for n in origins], shape)
        for origins, shape in zip(divided.origins, divided.arguments)
    )
    divided.main.__name__ = name_of(call.fn)
    # keep_unused: without it jit drops unused arguments, visibilities shift, and a secret is compiled as public.
    hidden = jax.jit(divided.main, keep_unused=True).trace(*divided.arguments)
    try:
        module = hidden.lower(lowering_platforms=("interpreter",)).compiler_ir("stablehlo")
    except (NotImplementedError, ValueError) as error:
        # JAX has it for single devices only, as a call into their libraries or back into Python.
        primitive = re.search(r"primitive '(\w+)'", str(error))
        operation = f"JAX operation {primitive[1]}" if primitive else f"an operation ({error})"
        raise UnsupportedError(_refusal(operation, primitive[1] if primitive else "")) from None
    # Operations with functions of their own stand before it.
    [function] = [op for op in module.body.operations if op.name.value == "main"]
    for argument, type in zip(main, function.type.inputs, strict=False):
        _check_type(type, f"argument {argument.name}")
    _prepare(module)
    outputs, out_tree = jax.tree_util.tree_flatten(traced.out_info)
    for n, (output, (source, _)) in enumerate(zip(outputs, divided.part.outputs, strict=True)):
        if source == "program" and np.dtype(output.dtype).kind == "c":
            raise UnsupportedError(f"result {n} is secret and complex; return its real and its imaginary part")
    signature = Signature(
        name=name_of(call.fn),
        parameters=call.parameters,
        arguments=tuple(arguments),
        in_tree=jax.tree_util.tree_structure((call.args, call.kwargs)),
        out_tree=out_tree,
        outputs=tuple(jax.ShapeDtypeStruct(o.shape, o.dtype) for o in outputs),
    )
    return Exported(
        signature=signature,
        stablehlo=_without_bfloat16(module.operation.get_asm()),
        located_stablehlo=_without_bfloat16(module.operation.get_asm(enable_debug_info=True)),
        part=divided.part,
        main=main,
        constants=divided.constants,
        captured=max([divided.captured, *map(_captured, _walk(module.operation))]),
    )


def _argument_of_main(origins: Sequence[Argument], shape: jax.ShapeDtypeStruct) -> Argument:
    """A secret argument as it is, or a public value, named after the arguments that it is computed from."""
    if [argument.visibility for argument in origins] == ["secret"]:
        return origins[0]
    names = " or ".join(argument.name for argument in origins)
    return Argument(names or "a random number", tuple(shape.shape), np.dtype(shape.dtype), "public")


def _captured(op: Any) -> int:
    if op.name != "stablehlo.constant":
        return 0
    if "complex" in str(op.results[0].type):  # The bindings do not read these. `divide` has counted larger ones.
        return 0
    values = ir.DenseElementsAttr(op.attributes["value"])
    return 0 if values.is_splat else len(values)


def _walk(operation: Any) -> Iterator[Any]:
    for region in operation.regions:
        for block in region.blocks:
            for op in block.operations:
                yield op.operation
                yield from _walk(op.operation)


def _prepare(module: Any) -> None:
    """Refuses what cannot run and turns chlo operations into custom calls, in place."""
    with module.context:
        for op in list(_walk(module.operation)):
            _check_types(op)
            if op.name in _KEPT_WHOLE:
                _replace_by_custom_call(op, _KEPT_WHOLE[op.name])
            elif op.name == "stablehlo.or" and op.parent.name == "stablehlo.sort":
                # SPU's compiler dies of some comparators of two keys where the first key's comparison comes first.
                op.operands[0], op.operands[1] = op.operands[1], op.operands[0]
            elif op.name == "stablehlo.is_finite":
                _replace_is_finite(op)
            elif op.name == "stablehlo.abs" and op.operands[0].type != op.results[0].type:
                _replace_modulus(op)
            elif op.name == "stablehlo.optimization_barrier":  # of jax.checkpoint: what passes it is unchanged
                for operand, result in zip(op.operands, op.results, strict=True):
                    result.replace_all_uses_with(operand)
                op.erase()
            elif op.name == "stablehlo.custom_call":
                target = ir.StringAttr(op.attributes["call_target_name"]).value
                if target in _CACHES:
                    op.results[0].replace_all_uses_with(op.operands[0])
                    op.erase()
                elif target not in _CUSTOM_CALLS:
                    raise UnsupportedError(_refusal(f"custom call @{target}", f"@{target}") + source_line(op))
            elif op.name not in _STABLEHLO_OPS | _STRUCTURE_OPS:
                raise UnsupportedError(_refusal(f"operation {op.name}", op.name) + source_line(op))


def _refusal(operation: str, name: str) -> str:
    reason = _REASONS.get(name)
    return f"{operation} cannot run on shares" + (f": {reason}" if reason else "")


def _check_types(op: Any) -> None:
    for value in (*op.results, *(a for r in op.regions for b in r.blocks for a in b.arguments)):
        _check_type(value.type, op.name, op)


def _check_type(type: Any, what: str, op: Any = None) -> None:
    place = "" if op is None else source_line(op)
    if not ir.RankedTensorType.isinstance(type):
        raise UnsupportedError(f"{what} has a value of type {type}, not a tensor{place}")
    element = str(ir.RankedTensorType(type).element_type)
    if element not in _ELEMENT_TYPES:
        remedy = f"use one of {', '.join(sorted(_ELEMENT_TYPES))}"
        raise UnsupportedError(f"{what} has dtype {element}, which no ring holds: {remedy}{place}")


def _replace_by_custom_call(op: Any, target: str) -> None:
    call = ir.Operation.create(
        "stablehlo.custom_call",
        results=[r.type for r in op.results],
        # SPU wants as many operands as results, where there are several: the operand again.
        operands=list(op.operands) * len(op.results),
        attributes={"call_target_name": ir.StringAttr.get(target)},
        loc=op.location,
        ip=ir.InsertionPoint(op),
    )
    for n in range(len(op.results)):
        op.results[n].replace_all_uses_with(call.results[n])
    op.erase()


def _replace_is_finite(op: Any) -> None:
    """Shares hold numbers alone, but masks among them stand for infinity: a finite one lies between the extremes."""
    [x], place, bits = op.operands, ir.InsertionPoint(op), op.results[0].type
    kind = ir.RankedTensorType(x.type)
    most = float(jnp.finfo(_FLOATS[str(kind.element_type)]).max)  # type: ignore[no-untyped-call]

    def made(name: str, operands: list[Any], type: Any, **attributes: Any) -> Any:
        return ir.Operation.create(name, [type], operands, attributes, loc=op.location, ip=place).result

    def compared(direction: str, number: float) -> Any:
        value = ir.DenseElementsAttr.get_splat(kind, ir.FloatAttr.get(kind.element_type, number, loc=op.location))
        constant = made("stablehlo.constant", [], x.type, value=value)
        attribute = ir.Attribute.parse(f"#stablehlo<comparison_direction {direction}>")
        return made("stablehlo.compare", [x, constant], bits, comparison_direction=attribute)

    both = made("stablehlo.and", [compared("GT", -most), compared("LT", most)], bits)
    op.results[0].replace_all_uses_with(both)
    op.erase()


def _replace_modulus(op: Any) -> None:
    """Writes |z| by parts: SPU 0.9 does so, but 0.10 refuses it."""
    [z], place, type = op.operands, ir.InsertionPoint(op), op.results[0].type

    def made(name: str, *operands: Any) -> Any:
        return ir.Operation.create(name, [type], operands, loc=op.location, ip=place).result

    parts = [made("stablehlo.real", z), made("stablehlo.imag", z)]
    squares = [made("stablehlo.multiply", part, part) for part in parts]
    op.results[0].replace_all_uses_with(made("stablehlo.sqrt", made("stablehlo.add", *squares)))
    op.erase()


# The numbers of a constant, and its shape.
_BFLOAT16 = re.compile(r"dense<([^<>]*)> : tensor<([^<>]*)bf16>")
_NUMBER = re.compile(r'"?0x[0-9A-Fa-f]+"?|-?[0-9][0-9.]*(?:[eE][-+]?[0-9]+)?')


def _without_bfloat16(text: str) -> str:
    """A module with float16 in the place of bfloat16, which has the same ring: SPU's compiler does not know that.

    A constant beyond float16 becomes infinite.
    """
    text = _BFLOAT16.sub(lambda found: f"dense<{_NUMBER.sub(_as_float16, found[1])}> : tensor<{found[2]}f16>", text)
    return re.sub(r"(?<=[x<])bf16(?=>)", "f16", text)


def _as_float16(found: re.Match[str]) -> str:
    token = found[0]
    if token.startswith('"'):
        # The numbers themselves, one after the other.
        high = np.frombuffer(bytes.fromhex(token[3:-1]), np.uint16).astype(np.uint32) << 16
        return f'"0x{_bits(high.view(np.float32)).tobytes().hex().upper()}"'
    if token.startswith("0x"):
        number = np.array([int(token, 16) << 16], np.uint32).view(np.float32)
    else:
        number = np.array([float(token)], np.float32)
    return f"0x{_bits(number)[0]:04X}"


def _bits(numbers: Any) -> Any:
    with np.errstate(over="ignore"):
        return numbers.astype(np.float16).view(np.uint16)


def source_line(op: Any) -> str:
    """` (JAX operation ..., file:line)` as far as the operation's location tells, else an empty string."""
    text = str(op.location)
    name, place = re.search(r'loc\("([^"]+)"\(', text), users_place(text)
    parts = ([f"JAX operation {name[1]}"] if name else []) + ([place] if place else [])
    return f" ({', '.join(parts)})" if parts else ""
