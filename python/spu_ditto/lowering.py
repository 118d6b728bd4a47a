"""From PPHLO to a ring program: our passes, with their errors turned into this package's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute

from ditto.dialects import pphlo
from ditto.dialects.mlir_text import InvalidProgram, UnsupportedOp
from ditto.passes import policy as policies
from ditto.passes.errors import CompileError as PassError
from spu_ditto.errors import CompileError, PolicyError, UnsupportedError
from spu_ditto.frontend import Argument

FractionBits = int | Mapping[str, int] | None


def get_policy(name: str, fraction_bits: FractionBits = None) -> policies.Policy:
    """The ring policy of this name.

    Raises:
        PolicyError: there is no such policy or field, or the fraction bits are out of range.
    """
    try:
        return policies.get_policy(name, fraction_bits)
    except ValueError as error:
        raise PolicyError(str(error)) from error


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Raises what dialects and passes complain of as this package's errors."""
    try:
        yield
    except UnsupportedOp as error:
        raise UnsupportedError(str(error)) from error
    except (InvalidProgram, PassError) as error:
        raise CompileError(str(error)) from error


def pphlo_signature(
    text: str, names: Sequence[str] = ()
) -> tuple[tuple[Argument, ...], tuple[jax.ShapeDtypeStruct, ...]]:
    """The arguments and results of @main of a PPHLO module; arguments without a name are called arg0, arg1, ..."""
    with translated_errors():
        module = pphlo.parse_module(text)
    functions = [op for op in module.ops if isinstance(op, FuncOp) and op.sym_name.data == "main"]
    if len(functions) != 1:
        raise CompileError("the PPHLO module has no function @main")
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
