"""What whoever holds a program's inputs can compute without the parties: its ring program on plain numbers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.interpreter.checked import check_ranges
from ditto.parties.program import RingProgram
from spu_ditto.errors import UnsupportedError
from spu_ditto.handle import SharedArray


def plain(leaf: Any, name: str) -> Array:
    """The numbers of an argument: an array's own, or those a handle was made of.

    Raises:
        UnsupportedError: the handle does not have them; names the argument.
    """
    value = leaf.checked_plain() if isinstance(leaf, SharedArray) else leaf
    array = np.asarray(value)
    if array.dtype == object:
        raise UnsupportedError(
            f"argument {name} is a handle without its array, from which ranges cannot be checked; pass the array, or "
            "run without check_ranges"
        )
    return array


def main_inputs(program: RingProgram, leaves: Sequence[Array], public: Sequence[Array]) -> list[Array]:
    """The arguments of a ring program's @main: secret ones, then the first results of the public part."""
    secret = [leaves[binding.index] for binding in program.inputs if binding.source == "argument"]
    taken = len(ring.main(ring_module(program.ring)).body.block.args) - len(secret)
    return [*secret, *public[:taken]]


def check_program(program: RingProgram, leaves: Sequence[Array], public: Sequence[Array]) -> list[Array]:
    """Checks every value of a run on these arguments and results of the public part.

    Returns:
        The results of the ring program, as integers and bools.

    Raises:
        RangeError: one is out of its range; see `check_ranges`.
    """
    return check_ranges(ring_module(program.ring), main_inputs(program, leaves, public))


@functools.lru_cache(maxsize=4)
def ring_module(text: str) -> ModuleOp:
    """The module of a ring program's text; not to be changed."""
    return ring.parse_module(text)
