"""Results that stay shared: handles that nobody has the numbers of, to be arguments of later calls, or revealed."""

from __future__ import annotations

import functools
import threading
import weakref
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import jax
import numpy as np

from ditto.encoding import Encoded, ValueType, decode_result
from ditto.parties.cost import CostAnalysis, cost_analysis, no_cost
from ditto.parties.program import Binding, RingProgram
from ditto.parties.run_report import RunReport
from ditto.parties.runtime import Runtime, Stored
from spu_ditto.conversion import conversion, needs_conversion, opening
from spu_ditto.errors import RangeError, RuntimeFailure, UnsupportedError
from spu_ditto.handle import Placed, SharedArray
from spu_ditto.lowering import program_of, rerounded
from spu_ditto.tracebacks import ends_here


class KeptArray(SharedArray):
    """A result that its parties keep. Where another ring is asked for than the one it is in, they convert it first, and
    check that it is within the range that an argument may have there.

    Args:
        checked: its numbers, of a run whose ranges were checked in plain.
    """

    def __init__(
        self, result: jax.ShapeDtypeStruct, runtime: Runtime, stored: Any, type: ValueType | None, checked: Any = None
    ) -> None:
        assert type is not None
        self.plain = None
        self._checked = checked
        self.shape, self.dtype = result.shape, np.dtype(result.dtype)
        self.type = type
        self._runtime = weakref.ref(runtime)
        self._first: Stored = stored
        self._lock = threading.Lock()
        self._converted: dict[ValueType, Stored] = {}

    def __repr__(self) -> str:
        return f"KeptArray({self.shape}, {self.dtype})"

    def checked_plain(self) -> Any:
        """See `SharedArray`."""
        return self._checked

    def placed(self, runtime: Runtime, type: ValueType, name: str) -> Placed:
        """Its shares in another ring.

        Raises:
            RuntimeFailure: other parties keep it; names the argument.
            RangeError: it is beyond what an argument may be there.
            UnsupportedError: there is no conversion.
        """
        if runtime is not self._runtime():
            raise RuntimeFailure(
                f"argument {name} was kept by the parties of another session, which alone can use it; reveal it there, "
                "and pass the array"
            )
        with self._lock:
            if type in self._converted:
                return Placed(self._converted[type])
            try:
                program = _conversion(self.type, type)
            except UnsupportedError as error:
                raise UnsupportedError(f"argument {name}: {error}") from error
            if program is None:
                return Placed(self._first)
            try:
                [stored], report = runtime.run(program, [self._first], keep=[0])
            except RangeError as error:
                limit = f"{2.0 ** ((type.range_bits or type.width - 1) - type.fraction):g}"
                raise RangeError(
                    f"argument {name} is a kept result with a number that is not below {limit}, which the program "
                    "takes: state its magnitude in ranges=, calibrate on it, or scale it"
                ) from error
            self._converted[type] = cast(Stored, stored)
            return Placed(self._converted[type], conversion=report)


@functools.lru_cache(maxsize=1024)
def _conversion(source: ValueType, target: ValueType) -> RingProgram | None:
    """The program that converts, or None if there is nothing to do."""
    if not needs_conversion(source, target):
        return None
    return program_of(conversion(source, target), [Binding("argument", 0, source)], [Binding("program", 0, target)])


@functools.lru_cache(maxsize=64)
def _opening(types: tuple[ValueType, ...], exact: bool, bits: int | None) -> RingProgram:
    inputs = [Binding("argument", n, type) for n, type in enumerate(types)]
    outputs = [Binding("program", n, type) for n, type in enumerate(types)]
    program = program_of(opening(types), inputs, outputs)
    return rerounded(program, bits) if exact else program


@ends_here
def reveal(tree: Any, *, exact: bool | int = False) -> Any:
    """The arrays behind handles: the same pytree with an array in place of every `SharedArray`.

    Args:
        exact: as in `Compiled.run`, for results that were kept.

    Raises:
        RuntimeFailure: the parties that keep a result are gone, or failed.
        RangeError: a number is beyond its dtype.
        UnsupportedError: `exact` is below 2.
    """
    leaves, structure = jax.tree_util.tree_flatten(tree)
    kept: dict[Runtime, list[int]] = defaultdict(list)
    for n, leaf in enumerate(leaves):
        if isinstance(leaf, KeptArray):
            runtime = leaf._runtime()
            if runtime is None:
                raise RuntimeFailure(
                    f"the parties that kept {leaf!r} are gone; keep what needs them inside their block"
                )
            kept[runtime].append(n)
        elif isinstance(leaf, SharedArray):
            leaves[n] = leaf.plain
    for places in kept.values():
        arrays, _ = opened([leaves[n] for n in places], exact)
        for n, array in zip(places, arrays, strict=True):
            leaves[n] = array
    return jax.tree_util.tree_unflatten(structure, leaves)


def opened(
    handles: Sequence[SharedArray], exact: bool | int = False, offline_first: bool = False
) -> tuple[list[np.ndarray[Any, Any]], list[RunReport]]:
    """The arrays behind handles that one runtime has kept, or that are known, and the run that has opened them."""
    arrays: list[Any] = [handle.plain for handle in handles]
    places = [n for n, handle in enumerate(handles) if isinstance(handle, KeptArray)]
    kept = [handle for handle in handles if isinstance(handle, KeptArray)]
    if not kept:
        return arrays, []
    runtime = kept[0]._runtime()
    assert runtime is not None
    bits = None if isinstance(exact, bool) else exact
    program = _opening(tuple(array.type for array in kept), bool(exact), bits)
    outputs, report = runtime.run(program, [array._first for array in kept], offline_first=offline_first)
    for n, handle, output, binding in zip(places, kept, outputs, program.outputs, strict=True):
        assert binding.type is not None
        decoded = decode_result(cast(Encoded, output), binding.type, handle.dtype)
        arrays[n] = np.asarray(decoded).reshape(handle.shape)
    return arrays, [report]


def opening_cost(types: Sequence[ValueType]) -> CostAnalysis:
    """What opening kept results sends."""
    return cost_analysis(_opening(tuple(types), False, None)) if types else no_cost()
