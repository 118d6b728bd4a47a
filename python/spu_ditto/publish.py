"""Gives compiled functions, with weights, a name under which data owners may call them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ditto.encoding import Array, ValueType, encode_argument
from ditto.parties import publication as told
from ditto.parties.client import TOKENIZER
from ditto.parties.session import RemoteParties, RemoteValue
from ditto.parties.texts import TextTask
from spu_ditto import lowering
from spu_ditto.chain import Chain
from spu_ditto.compiled import Compiled
from spu_ditto.errors import UnsupportedError
from spu_ditto.handle import SharedArray, share
from spu_ditto.kept import KeptArray
from spu_ditto.tracebacks import ends_here


@ends_here
def publish(
    parties: RemoteParties,
    name: str,
    programs: Compiled | Chain | Iterable[Compiled | Chain],
    weights: Mapping[str, Any],
    *,
    callers: Sequence[str] | None = None,
    most_calls: int | None = None,
    most_per_hour: int | None = None,
    task: TextTask | None = None,
    labels: Sequence[str] | None = None,
    tokenizer: str | Path | bytes | None = None,
) -> bytes:
    """Publishes a model: the nodes keep its programs and their shares of its weights, under its name.

    Who may call it learns the results of these programs on inputs of its own, and shapes, dtypes and ranges; the owner
    learns nothing of the calls. Publishing again takes the place of what was there.

    Args:
        parties: a session of an identity with the right to publish.
        name: letters, digits, and . _ - after the first.
        programs: one or several of the same parameters, for other shapes: `spu.compile(fn, ...).lower(...).compile()`.
        weights: the arguments that are published, by the names of the function's parameters, as pytrees of arrays or
            handles; all others are arguments of calls.
        callers: the identities that may call it; by default all that have the right to call.
        most_calls, most_per_hour: how often each of them may, in all and within an hour; by default as often as they
            like. Counted by the nodes as long as there is a publication of this name.
        task, labels, tokenizer: what `Client.pipeline` needs: what the classes are called, and a tokenizer.json as
            Hugging Face has it, its path or what it holds.

    Returns:
        What identifies the publication: SHA-256 of all but the weights.

    Raises:
        UnsupportedError: a program takes public arguments, or gives something that is public; or it is several.
        RangeError: a weight does not fit.
        RuntimeFailure: a party refuses it, or failed.
    """
    compiled = [programs] if isinstance(programs, Compiled | Chain) else list(programs)
    handles = {name: share(tree) for name, tree in weights.items()}
    collected = _Collected(parties)
    described = [collected.program(name, program, handles) for program in compiled]
    if isinstance(tokenizer, str | Path):
        tokenizer = Path(tokenizer).read_bytes()
    files = {} if tokenizer is None else {TOKENIZER: tokenizer}
    text = told.Described(
        name=name,
        callers=None if callers is None else tuple(callers),
        most_calls=most_calls,
        most_per_hour=most_per_hour,
        values=tuple(collected.types),
        programs=tuple(described),
        files=tuple(files),
        task=task,
        labels=None if labels is None else tuple(labels),
    )
    return parties.publish(text.model_dump_json(), collected.values, [*collected.buffers, *files.values()])


class _Collected:
    """What programs bring along: published values, each once, and buffers."""

    def __init__(self, parties: RemoteParties) -> None:
        self._parties = parties
        self._places: dict[int, int] = {}
        self.values: list[RemoteValue] = []
        self.types: list[ValueType] = []
        self.buffers: list[Any] = []

    def program(self, name: str, compiled: Compiled | Chain, weights: Mapping[str, Any]) -> told.Program:
        if isinstance(compiled, Chain):
            raise UnsupportedError(f"{name}: {compiled.signature.name} has a long loop, and is several programs")
        signature, program = compiled.signature, compiled.program
        if any(argument.visibility == "public" for argument in signature.arguments):
            raise UnsupportedError(f"{name}: {signature.name} takes public arguments; make them secret, or static")
        leaves = _weight_leaves(compiled, weights)
        public = lowering.evaluate_public(program, [])
        arguments = [n for n in range(len(signature.arguments)) if n not in leaves]
        inputs, numbers = [], list[Array]()
        for binding in program.inputs:
            assert binding.type is not None
            type = binding.type
            if binding.source == "public":
                numbers.append(np.asarray(encode_argument(public[binding.index], binding.type, "a constant"), "<i8"))
                inputs.append(told.Input(constant=len(numbers) - 1, type=type))
            elif binding.index in leaves:
                inputs.append(told.Input(value=self._placed(leaves[binding.index], binding.type, name), type=type))
            else:
                inputs.append(told.Input(argument=arguments.index(binding.index), type=type))
        outputs, results = [], []
        for n, binding in enumerate(program.outputs):
            if binding.source != "program" or binding.type is None:
                raise UnsupportedError(f"{name}: result {n} of {signature.name} is no secret; leave it out")
            outputs.append(told.Output(output=binding.index, type=binding.type))
            shape, dtype = signature.outputs[n].shape, np.dtype(signature.outputs[n].dtype).name
            results.append(told.NamedArray(name=signature.result_name(n), shape=shape, dtype=dtype))
        constants = [np.asarray(constant, "<i8") for constant in program.constants]
        self.buffers += [program.engine.encode(), *constants, *numbers]
        return told.Program(
            constants=tuple(constant.shape for constant in constants),
            numbers=tuple(array.shape for array in numbers),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            arguments=tuple(
                told.NamedArray(name=a.name, shape=a.shape, dtype=a.dtype.name)
                for a in (signature.arguments[n] for n in arguments)
            ),
            results=tuple(results),
        )

    def _placed(self, handle: SharedArray, type: ValueType, name: str) -> int:
        """The place among the published values of a weight in the ring in which a program takes it."""
        stored = handle.placed(self._parties, type, name).stored
        assert isinstance(stored, RemoteValue)
        if stored.id not in self._places:
            self._places[stored.id] = len(self.values)
            self.values.append(stored)
            self.types.append(type)
        return self._places[stored.id]


def _weight_leaves(compiled: Compiled, weights: Mapping[str, Any]) -> dict[int, SharedArray]:
    """The arguments of a program (by position) that are published."""
    signature = compiled.signature
    if unknown := [name for name in weights if name not in signature.parameters]:
        raise UnsupportedError(f"{signature.name} has no parameters {unknown}; it has {list(signature.parameters)}")
    found: dict[int, SharedArray] = {}
    for name, tree in weights.items():
        given = jax.tree_util.tree_leaves(tree)
        places = [n for n, a in enumerate(signature.arguments) if a.name == name or a.name.startswith(f"{name}/")]
        if len(given) != len(places):
            raise UnsupportedError(f"{signature.name} takes {len(places)} arrays in {name}, not {len(given)}")
        for n, leaf in zip(places, given, strict=True):
            if tuple(leaf.shape) != signature.arguments[n].shape:
                argument = signature.arguments[n]
                raise UnsupportedError(f"{argument.name} is {list(argument.shape)}, not {list(leaf.shape)}")
            if isinstance(leaf, KeptArray):
                raise UnsupportedError(
                    f"{signature.arguments[n].name} is a kept result; reveal it, and publish the array"
                )
            found[n] = leaf
    return found
