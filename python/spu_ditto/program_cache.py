"""Ring programs in the cache on disk: found by their StableHLO with its constants, the values they were made for, the
policy with its plan, and the compiler's versions. What the caller does is not kept, as it is made by tracing anyway.

A program that captured arrays is not kept (`Exported.captured`), nor one that is calibrated now: its plan is made from
samples, and is the caller's to save.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ditto.dialects.dense import Array
from ditto.parties.program import PublicPart, RingProgram, load_program, save_program
from ditto.policy.policy import Policy
from spu_ditto import disk_cache
from spu_ditto.errors import CompileError
from spu_ditto.frontend import Exported


def found_or_made(
    exported: Exported, fixed: Mapping[int, Array], policy: Policy, make: Callable[[], RingProgram]
) -> RingProgram:
    """The program of a traced function for some values under a policy, from the cache or else by `make`."""
    name = disk_cache.name_of("program", _identity(exported, fixed, policy))
    known = disk_cache.read(name)
    if known is not None:
        try:
            return dataclasses.replace(load_program(io.BytesIO(known))[0], part=exported.part)
        except CompileError:  # Not what this version writes: made anew and replaced.
            pass
    program = make()
    file = io.BytesIO()
    save_program(file, dataclasses.replace(program, part=PublicPart((), ())), {})
    disk_cache.write(name, file.getvalue())
    return program


def _identity(exported: Exported, fixed: Mapping[int, Array], policy: Policy) -> list[Any]:
    arguments = [(argument.name, argument.visibility) for argument in exported.main]
    values = [[(n, _digest(value)) for n, value in fixed.items()], [_digest(value) for value in exported.constants]]
    outputs = exported.part.outputs
    return [*disk_cache.versions(), exported.stablehlo, arguments, outputs, values, dataclasses.asdict(policy)]


def _digest(array: Array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
