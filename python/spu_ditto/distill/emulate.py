"""A secure program in floating point JAX: rounded where the parties round, differentiable, quick enough to train with.

    lowered = spu_ditto.compile(model.apply, calibration=samples).lower(params, inputs)
    emulated(lowered)(params, inputs)                      # what the parties would give, but for their coins
    jax.grad(lambda params, key: loss(emulated(lowered, key)(params, inputs)))(params, key)

Nothing wraps here: what leaves its ring is refused by the parties, and is a number like any other to who trains. In
float32, numbers of more than 24 bits are rounded as float32 rounds; with jax_enable_x64 all is in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import BlockArgument

from ditto.dialects import ring
from ditto.encoding import ValueType
from ditto.interpreter.walk import walk
from spu_ditto.arguments import as_known, by_position
from spu_ditto.compiled import Compiled
from spu_ditto.distill.emulate_kernels import OneHot, Rounding, Value, nearest, number, run
from spu_ditto.errors import UnsupportedError
from spu_ditto.lowered import Lowered
from spu_ditto.plain_run import ring_module
from spu_ditto.public_part import results_of


def emulated(lowered: Lowered, key: jax.Array | None = None) -> Callable[..., Any]:
    """The function that a lowered one is among three parties, to be jitted and differentiated by secret arguments.

    Args:
        lowered: what `SecureFunction.lower` gives, calibrated or not.
        key: decides the coins of all roundings; without it they go to the nearest (`Rounding`). May be traced.

    Returns:
        A function of the same arguments with the same results. Raises ShapeError for other arguments.

    Raises:
        UnsupportedError: the function runs as several programs.
    """
    compiled = lowered.compile()
    if not isinstance(compiled, Compiled):
        raise UnsupportedError(f"{lowered.signature.name} runs as several programs, one for each part of a loop")
    program = compiled.program
    module = ring_module(program.ring)

    def function(*args: Any, **kwargs: Any) -> Any:
        leaves = _leaves(compiled, args, kwargs)
        rounding = Rounding(key, list(ring.main(module).body.block.ops))
        secret = [leaves[binding.index] for binding in program.inputs if binding.source == "argument"]
        public, opened = _public(compiled, module, leaves, len(secret))

        inputs = [jnp.asarray(leaf) for leaf in secret]
        values = walk(module, [*inputs, *public], _entered, lambda op, operands: run(op, operands, rounding))
        found = [_plain(value) for _, value in values]
        results = []
        for n, binding in enumerate(program.outputs):
            output = compiled.signature.outputs[n]
            if binding.source == "program":
                assert binding.type is not None
                result = _decoded(found[binding.index], binding.type, output.dtype)
            else:
                result = leaves[binding.index] if binding.source == "argument" else opened[n]
            results.append(jnp.asarray(result, output.dtype).reshape(output.shape))
        return jax.tree_util.tree_unflatten(compiled.signature.out_tree, results)

    return function


def _leaves(compiled: Compiled, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    """The leaves of the arguments, which may be traced. Raises ShapeError if the function was lowered for others."""
    every = by_position(args, kwargs, compiled.signature.parameters)
    arguments, keywords = jax.tree_util.tree_map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype) if isinstance(x, jax.core.Tracer) else x, every
    )
    compiled.signature.leaves(arguments, keywords)
    return jax.tree_util.tree_leaves(as_known(every))


def _plain(value: Value) -> jax.Array:
    return value.rows() if isinstance(value, OneHot) else jnp.asarray(value)


def _entered(argument: BlockArgument, array: Any) -> Value:
    if ring.is_public(argument):
        return array
    if ring.is_bit(argument):
        return array != 0
    if ring.fraction(argument) == 0:
        return number(array)
    return nearest(number(array) * 2.0 ** ring.fraction(argument))


def _decoded(scaled: jax.Array, type: ValueType, dtype: np.dtype[Any]) -> jax.Array:
    """A result as `ditto.encoding.decode_result` reads it."""
    if type.kind == "bit" or np.dtype(dtype).kind in "biu":
        return jnp.floor(scaled * 2.0**-type.fraction) if type.kind != "bit" else scaled
    numbers = scaled * 2.0**-type.fraction
    if type.infinities is not None and type.mask is not None:
        half, (below, above) = 2.0 ** (type.mask - 1), type.infinities
        numbers = jnp.where(numbers <= -half, below, jnp.where(numbers >= half, above, numbers))
    return numbers


def _public(
    compiled: Compiled, module: ModuleOp, leaves: Sequence[Any], secret: int
) -> tuple[list[Any], dict[int, Any]]:
    """What the caller computes: public arguments of @main, and by position the function's results that are no secrets.

    By the caller's own interpreter, at every call and without a gradient; now where the public arguments are known.
    """
    program, signature = compiled.program, compiled.signature
    taken = ring.main(module).body.block.args[secret:]
    opened = {n: b for n, b in enumerate(program.outputs) if b.source in ("public", "computed")}
    places = [n for n, argument in enumerate(signature.arguments) if argument.visibility == "public"]

    def computed(*given: Any) -> list[Any]:
        every: list[Any] = [None] * len(leaves)
        for n, leaf in zip(places, given, strict=True):
            every[n] = np.asarray(leaf, signature.arguments[n].dtype)
        made = compiled.public_part(every)
        if compiled.program is not program:
            raise UnsupportedError(f"{signature.name} was lowered for other values of {program.main}: lower it again")
        known = {"public": made, "computed": results_of(program.part, every)}
        return [*made[: len(taken)], *(known[binding.source][binding.index] for binding in opened.values())]

    given = [leaves[n] for n in places]
    if any(isinstance(leaf, jax.core.Tracer) for leaf in given):
        shapes = [jax.ShapeDtypeStruct(ring.shape(argument), _dtype(argument)) for argument in taken]
        shapes += [signature.outputs[n] for n in opened]
        found = jax.pure_callback(
            lambda *arrays: [np.asarray(a, s.dtype) for a, s in zip(computed(*arrays), shapes, strict=True)],
            shapes,
            *given,
        )
    else:
        found = computed(*given)
    return list(found[: len(taken)]), dict(zip(opened, found[len(taken) :], strict=True))


def _dtype(argument: BlockArgument) -> Any:
    """What JAX keeps a public argument in."""
    if ring.is_public_bit(argument):
        return jnp.bool_
    return jnp.result_type(int if ring.is_public_integer(argument) else float)
