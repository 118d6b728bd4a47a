"""From a JAX function and its arguments to StableHLO that SPU's compiler accepts and our dialects cover.

What cannot run on shares is refused here, because only StableHLO still knows the user's source lines.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
from jaxlib.mlir import ir

from spu_ditto.errors import ShapeError, UnsupportedError

Visibility = Literal["secret", "public"]

# StableHLO operations whose PPHLO forms our dialect covers. SPU rewrites several on the way (subtract, maximum,
# sqrt under a division, gather), so this list is longer than the dialect's.
_STABLEHLO_OPS = frozenset(
    "stablehlo." + name
    for name in (
        "abs add and broadcast_in_dim ceil clamp compare concatenate constant convert convolution custom_call divide "
        "dot_general dynamic_slice dynamic_update_slice exponential floor gather iota log maximum minimum multiply "
        "negate not or pad reduce reduce_window reshape return reverse rsqrt scatter select select_and_scatter sign "
        "slice sort sqrt subtract tanh transpose while xor"
    ).split()
)
_STRUCTURE_OPS = frozenset({"func.func", "func.call", "func.return"})

# SPU's parser does not know the chlo dialect. As custom calls these stay whole and reach our passes.
_KEPT_WHOLE = {"chlo.erf": "mpc.erf", "chlo.erfc": "mpc.erfc", "chlo.top_k": "mpc.topk"}
_CUSTOM_CALLS = frozenset(_KEPT_WHOLE.values())

_ELEMENT_TYPES = frozenset({"f16", "f32", "i1", "i8", "i16", "i32", "i64"})
_DTYPE_REMEDY = {
    "bf16": "use float16",
    "f64": "use float32",
    "ui8": "convert to a signed integer first",
    "ui16": "convert to a signed integer first",
    "ui32": "convert to a signed integer first",
    "ui64": "convert to a signed integer first",
}


@dataclass(frozen=True)
class Argument:
    """One array argument of a traced function: its path in the argument tree, shape, dtype and who may see it."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    visibility: Visibility


@dataclass(frozen=True)
class Traced:
    """A function as StableHLO text, with and without source locations."""

    name: str
    stablehlo: str
    located_stablehlo: str
    arguments: tuple[Argument, ...]
    in_tree: Any
    out_tree: Any
    outputs: tuple[jax.ShapeDtypeStruct, ...]


def abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    """The shape and JAX dtype of an array, a scalar, or anything with `shape` and `dtype`."""
    if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        leaf = np.asarray(leaf)
        if leaf.dtype.kind not in "bifcu":
            raise UnsupportedError(f"an argument of type {leaf.dtype} is no numeric array; pass it as static_argnums")
    return jax.ShapeDtypeStruct(leaf.shape, jax.dtypes.canonicalize_dtype(leaf.dtype))


def path_name(path: Sequence[Any]) -> str:
    """A pytree path as one slash-separated name, e.g. `0/params/encoder/layer/1/kernel`."""
    parts = []
    for key in path:
        value = next((getattr(key, a) for a in ("key", "name", "idx") if hasattr(key, a)), key)
        parts.append(str(value))
    return "/".join(parts)


def leaf_visibility(input_visibility: Any, args: tuple[Any, ...]) -> list[Visibility]:
    """Expands `input_visibility` to one entry per leaf of `args`.

    Args:
        input_visibility: None (all secret), one of "secret" and "public", or a sequence with one such entry (or a
            pytree prefix of them) per positional argument.

    Raises:
        ShapeError: the entries do not match the arguments.
        UnsupportedError: an entry is neither "secret" nor "public".
    """
    prefix = "secret" if input_visibility is None else input_visibility
    if isinstance(prefix, (list, tuple)):
        if len(prefix) != len(args):
            raise ShapeError(f"input_visibility has {len(prefix)} entries for {len(args)} arguments")
        prefix = tuple(prefix)
    try:
        leaves: list[Any] = jax.tree_util.tree_leaves(
            jax.tree_util.tree_map(lambda mark, part: jax.tree_util.tree_map(lambda _: mark, part), prefix, args)
        )
    except ValueError as error:
        raise ShapeError(f"input_visibility does not match the arguments: {error}") from error
    for mark in leaves:
        if mark not in ("secret", "public"):
            raise UnsupportedError(f'input_visibility is "secret" or "public", not {mark!r}')
    return leaves


def trace(
    fn: Callable[..., Any], args: tuple[Any, ...], input_visibility: Any = None, static_argnums: Sequence[int] = ()
) -> Traced:
    """Traces `fn` for the shapes and dtypes of `args` and checks that the result can run on shares.

    Args:
        args: pytrees whose leaves have a shape and a dtype; static ones are passed to `fn` as they are.

    Raises:
        UnsupportedError: an operation or a dtype is not supported; names it and its source line.
        ShapeError: a shape is dynamic.
    """
    static = {n % len(args) for n in static_argnums} if args else set()
    abstract_args = tuple(a if n in static else jax.tree_util.tree_map(abstract, a) for n, a in enumerate(args))
    dynamic = tuple(arg for n, arg in enumerate(abstract_args) if n not in static)
    paths = _argument_paths(fn, args, static)
    leaves = jax.tree_util.tree_leaves(dynamic)
    for path, leaf in zip(paths, leaves, strict=True):
        if not all(isinstance(size, int) for size in leaf.shape):
            raise ShapeError(f"argument {path} has the dynamic shape {leaf.shape}; lower with concrete dimensions")
    # keep_unused: without it jit drops unused arguments, visibilities shift, and a secret is compiled as public.
    traced = jax.jit(_bind(fn, args, static) if static else fn, keep_unused=True).trace(*dynamic)
    lowered = traced.lower(lowering_platforms=("interpreter",))
    visibility = leaf_visibility(input_visibility, dynamic)
    module = lowered.compiler_ir("stablehlo")
    main_inputs = module.body.operations[0].type.inputs
    if not len(main_inputs) == len(visibility) == len(leaves) == len(paths):
        raise AssertionError(f"{len(main_inputs)} inputs, {len(leaves)} leaves, {len(visibility)} visibilities")
    _prepare(module)
    outputs, out_tree = jax.tree_util.tree_flatten(lowered.out_info)
    return Traced(
        name=getattr(fn, "__name__", type(fn).__name__),
        stablehlo=module.operation.get_asm(),
        located_stablehlo=module.operation.get_asm(enable_debug_info=True),
        arguments=tuple(
            Argument(p, tuple(x.shape), np.dtype(x.dtype), v) for p, x, v in zip(paths, leaves, visibility, strict=True)
        ),
        in_tree=jax.tree_util.tree_structure(dynamic),
        out_tree=out_tree,
        outputs=tuple(jax.ShapeDtypeStruct(o.shape, o.dtype) for o in outputs),
    )


def _bind(fn: Callable[..., Any], args: tuple[Any, ...], static: set[int]) -> Callable[..., Any]:
    """`fn` of the other arguments alone. A new function, as JAX would take the trace of (1,) for that of (True,)."""

    def bound(*dynamic: Any) -> Any:
        rest = iter(dynamic)
        return fn(*(arg if n in static else next(rest) for n, arg in enumerate(args)))

    bound.__name__ = getattr(fn, "__name__", type(fn).__name__)
    return bound


def _argument_paths(fn: Callable[..., Any], args: tuple[Any, ...], static: set[int]) -> list[str]:
    try:
        names = list(inspect.signature(fn).parameters)
    except ValueError:  # Some callables written in C have no signature.
        names = []
    paths = []
    for n, arg in enumerate(args):
        if n in static:
            continue
        root = names[n] if n < len(names) else f"arg{n}"
        for path, _ in jax.tree_util.tree_flatten_with_path(arg)[0]:
            paths.append("/".join(filter(None, (root, path_name(path)))))
    return paths


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
            elif op.name == "stablehlo.custom_call":
                target = ir.StringAttr(op.attributes["call_target_name"]).value
                if target not in _CUSTOM_CALLS:
                    raise UnsupportedError(f"custom call @{target} cannot run on shares{source_line(op)}")
            elif op.name not in _STABLEHLO_OPS and op.name not in _STRUCTURE_OPS:
                raise UnsupportedError(f"operation {op.name} cannot run on shares{source_line(op)}")


def _check_types(op: Any) -> None:
    for value in (*op.results, *(a for r in op.regions for b in r.blocks for a in b.arguments)):
        if not ir.RankedTensorType.isinstance(value.type):
            raise UnsupportedError(f"{op.name} has a value of type {value.type}, not a tensor{source_line(op)}")
        tensor = ir.RankedTensorType(value.type)
        element = str(tensor.element_type)
        if element not in _ELEMENT_TYPES:
            remedy = _DTYPE_REMEDY.get(element, f"use one of {', '.join(sorted(_ELEMENT_TYPES))}")
            raise UnsupportedError(f"{op.name} has dtype {element}, which no ring holds: {remedy}{source_line(op)}")


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


def source_line(op: Any) -> str:
    """` (JAX operation ..., file:line)` as far as the operation's location tells, else an empty string."""
    text = str(op.location)
    # The innermost frame comes first in a call-site chain.
    name = re.search(r'loc\("([^"]+)"\(', text)
    place = re.search(r'"([^"]+)":(\d+):\d+', text)
    parts = ([f"JAX operation {name[1]}"] if name else []) + ([f"{place[1]}:{place[2]}"] if place else [])
    return f" ({', '.join(parts)})" if parts else ""
