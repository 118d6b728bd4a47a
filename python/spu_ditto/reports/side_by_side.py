"""Runs a program among three simulated parties and, beside it, on real numbers, and compares value by value.

The engine runs with the values that pass from layer to layer as further outputs; `ditto.interpreter.exact` runs the
same program where nothing is rounded and nothing wraps. A value of the one corresponds to the same value of the other.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import SSAValue

from ditto.analysis.look_through import behind, has_any
from ditto.dialects import ring
from ditto.dialects.dense import Array
from ditto.dialects.traits import Adds, Rearranges, Rescales
from ditto.encoding import ValueType
from ditto.interpreter.exact import evaluate_exactly
from ditto.parties.program import Binding
from spu_ditto.compiled import Compiled
from spu_ditto.errors import UnsupportedError
from spu_ditto.handle import SharedArray
from spu_ditto.plain_run import main_inputs, ring_module
from spu_ditto.reports.source_lines import Line, lines_of
from spu_ditto.stages import Traced


@dataclass(frozen=True)
class Error:
    """How far an array is from what it should be: the largest difference, and the largest magnitude it should have."""

    largest_error: float
    largest: float

    @property
    def relative(self) -> float:
        return self.largest_error / self.largest if self.largest else self.largest_error

    @property
    def rank(self) -> float:
        """What is worse is larger; errors that are no numbers are the worst."""
        return math.inf if math.isnan(self.relative) else self.relative


@dataclass
class Value:
    """A value that leaves layers, or the sum of such values: what was found of it in every sample.

    Attributes:
        operation: what computes it; not what moves or rounds it after that.
    """

    operation: str
    layers: list[str] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)


@dataclass
class Ranges:
    """The ranges in one layer.

    Attributes:
        headroom: bits that values could be larger by; None if nothing is assumed of them.
        outside: the first value that leaves its range, and by what operation and how far.
    """

    headroom: float | None = None
    outside: tuple[SSAValue, str] | None = None


class SideBySide:
    """A function, compared sample by sample; `values` and `layers` in the order of the program.

    Attributes:
        results: the errors of every result, sample by sample.
    """

    def __init__(self, traced: Traced) -> None:
        self._jaxpr = traced.jaxpr
        self._lowered = traced.lower()
        self._compiled = self._lowered.compile()
        self._program = self._compiled.program
        self._module = ring_module(self._program.ring)
        self.layers = {_layer(op): Ranges() for op in _operations(self._module)}
        self.values = _watched(self._module)
        self._showing = _showing(self._compiled, self._module, list(self.values))
        self.results: list[list[Error]] = [[] for _ in self._program.outputs]
        self._lines: dict[SSAValue, Line | None] = {}
        # With the leaves themselves, which their identity is told by.
        self._handles: dict[int, tuple[Any, SharedArray]] = {}

    def line(self, value: SSAValue) -> Line | None:
        """The line of the function that makes a value that was compared, or was the first to leave its range."""
        return self._lines[value]

    def add(self, sample: tuple[Any, ...]) -> None:
        """Runs a sample, among the parties of the current runtime.

        Raises:
            UnsupportedError: by its public arguments, the parties do something else than before.
            DittoError: as calling the compiled function.
        """
        leaves = self._compiled.signature.leaves(sample)
        arrays = [np.asarray(leaf) for leaf in leaves]
        public = self._compiled.public_part(arrays)
        if self._compiled.program is not self._program:
            raise UnsupportedError(
                "the parties do something else for the public arguments of another sample: compare it by itself"
            )
        revealed = self._showing(*self._shared(leaves))
        secure = dict(zip(self.values, revealed))
        exact = self._exactly(main_inputs(self._program, arrays, public), secure)
        ideal = self._lowered.exactly(arrays)
        for errors, actual, target in zip(self.results, revealed[len(secure) :], ideal, strict=True):
            errors.append(_error(actual, target))
        if exact:
            self._lines.update(zip(exact, lines_of(self._jaxpr, arrays, list(exact.values())), strict=True))

    def _shared(self, leaves: Sequence[Any]) -> Any:
        """The arguments; what samples have in common, such as weights, is shared once."""
        signature = self._compiled.signature
        given = [
            leaf
            if argument.visibility == "public"
            else self._handles.setdefault(id(leaf), (leaf, SharedArray(leaf)))[1]
            for leaf, argument in zip(leaves, signature.arguments, strict=True)
        ]
        args, _ = jax.tree_util.tree_unflatten(signature.in_tree, given)
        return args

    def _exactly(self, inputs: Sequence[Array], secure: dict[SSAValue, Array]) -> dict[SSAValue, Array]:
        """Compares every value with what it is on real numbers.

        Returns:
            The real numbers of those whose lines are to be found.
        """
        found: dict[SSAValue, Array] = {}

        def observe(op: ring.RingOp, scaled: Array) -> None:
            if ring.is_public(op.result):
                return
            left = ring.is_fxp(op.result) and self._leaves_range(op, scaled)
            if op.result not in self.values and not left:
                return
            numbers = np.ldexp(scaled, -ring.fraction(op.result))
            if op.result in self.values:
                self.values[op.result].errors.append(_error(secure[op.result], numbers))
            if op.result not in self._lines:
                found[op.result] = numbers

        evaluate_exactly(self._module, inputs, observe)
        return found

    def _leaves_range(self, op: ring.RingOp, scaled: Array) -> bool:
        """Notes how close a result is to the end of its range; whether it is the first of its layer beyond it."""
        bits, ranges = op.get("range"), self.layers[_layer(op)]
        if bits is None or op.get("modular"):
            return False
        largest = float(np.max(np.abs(scaled), initial=0.0))
        spare = bits - math.log2(largest) if largest else float(bits)
        ranges.headroom = spare if ranges.headroom is None else min(spare, ranges.headroom)
        if largest < 2.0**bits or ranges.outside is not None:
            return False
        unit = 2.0 ** -ring.fraction(op.result)
        ranges.outside = op.result, f"{op.name} gives {largest * unit:g}, outside its range of {2.0**bits * unit:g}"
        return True


def _operations(module: ModuleOp) -> list[ring.RingOp]:
    """Those the engine has, in its order; encodings and constants are the caller's."""
    block = ring.main(module).body.block
    return [op for op in block.ops if isinstance(op, ring.RingOp) and not ring.is_public(op.result)]


def _layer(op: ring.RingOp) -> str:
    return str(op.get("layer", ""))


def _watched(module: ModuleOp) -> dict[SSAValue, Value]:
    """The numbers that leave a layer, for another one or as results, and the layers they speak for."""
    watched: dict[SSAValue, Value] = {}
    for op in _operations(module):
        users = (use.operation for use in op.result.uses)
        leaves = any(not isinstance(user, ring.RingOp) or _layer(user) != _layer(op) for user in users)
        if leaves and ring.is_fxp(op.result):
            for value in _sums(op.result):
                layers = watched.setdefault(value, Value(_computed_by(value))).layers
                if _layer(op) not in layers:
                    layers.append(_layer(op))
    return watched


def _sums(value: SSAValue) -> list[SSAValue]:
    """A value, or the sums it goes into if that is all that happens to it: what matters of a term is its sum."""
    users = [use.operation for use in value.uses]
    if users and all(has_any(user, Adds, Rearranges, Rescales) for user in users):
        return [inner for user in users for inner in _sums(user.results[0])]
    return [value]


def _computed_by(value: SSAValue) -> str:
    origin = behind(value, Rearranges, Rescales).owner
    # Behind an argument that is moved there is no operation.
    op = origin if isinstance(origin, ring.RingOp) else value.owner
    assert isinstance(op, ring.RingOp)
    return op.name


def _showing(compiled: Compiled, module: ModuleOp, watched: Sequence[SSAValue]) -> Compiled:
    """The program with some values before its results, all in a list of real numbers."""
    program, signature = compiled.program, compiled.signature
    engine = unguarded(json.loads(program.engine))
    ids: dict[SSAValue, int] = {
        op.result: entry["out"][0] for op, entry in zip(_operations(module), engine["ops"], strict=True)
    }
    count = len(engine["outputs"])
    engine["outputs"] += [ids[value] for value in watched]
    types = [ValueType("fxp", ring.shape(value), ring.width(value), ring.fraction(value)) for value in watched]
    bindings = tuple(Binding("program", count + n, type) for n, type in enumerate(types))
    shown = dataclasses.replace(program, engine=json.dumps(engine), outputs=(*bindings, *program.outputs))
    # A wrong result may be beyond its dtype.
    results = (o if not np.issubdtype(o.dtype, np.floating) else _float64(o.shape) for o in signature.outputs)
    outputs = (*(_float64(type.shape) for type in types), *results)
    tree = jax.tree_util.tree_structure([0] * len(outputs))
    return Compiled(dataclasses.replace(signature, out_tree=tree, outputs=outputs), shown)


def _float64(shape: Sequence[int]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(tuple(shape), np.float64)


def unguarded(engine: dict[str, Any]) -> dict[str, Any]:
    """An engine program that looks at no ranges: which values leave theirs is to be shown, not refused."""
    ops = [
        {**op, "op": "reshape", "in": op["in"][:1], "attrs": {}} if op["op"].startswith("require_") else op
        for op in engine["ops"]
    ]
    return {**engine, "ops": ops}


def _error(actual: Array, ideal: Array) -> Error:
    target = np.asarray(ideal, np.float64)
    with np.errstate(all="ignore"):
        error = float(np.max(np.abs(np.asarray(actual, np.float64) - target), initial=0.0))
    return Error(error, float(np.max(np.abs(target), initial=0.0)))
