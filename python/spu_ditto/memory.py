"""What memory an execution needs."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from ditto.parties.program import RingProgram

# A party holds two of the three components of a value.
_COMPONENTS = 2
_PUBLIC_BYTES = 8


@dataclass(frozen=True)
class MemoryAnalysis:
    """Bytes at one party, with the names of `jax.stages.Compiled.memory_analysis`.

    Values lie in words (32-bit rings in 4 bytes, 64-bit rings in 8, bits in 1) and are freed after their last use, in
    the program's order. What a protocol needs while an operation runs comes on top, and buffers that are kept.

    Attributes:
        argument_size_in_bytes: shares of the arguments, and public numbers.
        output_size_in_bytes: shares of the results.
        temp_size_in_bytes: all other values, at the moment when there are most.
        generated_code_size_in_bytes: the program with its constants.
    """

    argument_size_in_bytes: int
    output_size_in_bytes: int
    temp_size_in_bytes: int
    generated_code_size_in_bytes: int
    alias_size_in_bytes: int = 0


def memory_analysis(program: RingProgram) -> MemoryAnalysis:
    """What memory an execution needs, without running it."""
    engine = json.loads(program.engine)
    sizes = [_size(value) for value in engine["values"]]
    inputs, outputs = engine["inputs"], set(engine["outputs"])
    last = {id: n for n, op in enumerate(engine["ops"]) for id in (*op["in"], *op["out"])}
    held = most = 0
    for n, op in enumerate(engine["ops"]):
        held += sum(sizes[id] for id in op["out"] if id not in outputs)
        most = max(most, held)
        made = {*op["in"], *op["out"]} - outputs - set(inputs) - set(engine["constants"])
        held -= sum(sizes[id] for id in made if last[id] == n)
    return MemoryAnalysis(
        argument_size_in_bytes=sum(sizes[id] for id in inputs),
        output_size_in_bytes=sum(sizes[id] for id in outputs),
        temp_size_in_bytes=most,
        generated_code_size_in_bytes=len(program.engine) + sum(constant.nbytes for constant in program.constants),
    )


def _size(value: dict[str, Any]) -> int:
    elements: int = math.prod(value["shape"])
    if value["kind"] not in ("fxp", "bit"):
        return elements * _PUBLIC_BYTES
    width = 1 if value["kind"] == "bit" else value["width"]
    return _COMPONENTS * elements * (1 if width == 1 else 4 if width <= 32 else 8)
