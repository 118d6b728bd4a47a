"""Ring programs in the cache on disk: found by their StableHLO, the policy with its plan, and the compiler's versions.

A program that captured arrays is not kept (`Exported.captured`), nor one that is calibrated now: its plan is made from
samples, and is the caller's to save.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

from ditto.policy.policy import Policy
from spu_ditto import disk_cache
from spu_ditto.errors import CompileError
from spu_ditto.frontend import Exported
from spu_ditto.program import RingProgram, load_program, save_program


def found_or_made(exported: Exported, policy: Policy, make: Callable[[], RingProgram]) -> RingProgram:
    """The program of a traced function under a policy, from the cache or else by `make`."""
    name = disk_cache.name_of("program", _identity(exported, policy))
    known = disk_cache.read(name)
    if known is not None:
        try:
            return load_program(io.BytesIO(known))[0]
        except CompileError:  # Not what this version writes: made anew and replaced.
            pass
    program = make()
    file = io.BytesIO()
    save_program(file, program, {})
    disk_cache.write(name, file.getvalue())
    return program


def _identity(exported: Exported, policy: Policy) -> list[Any]:
    arguments = [(argument.name, argument.visibility) for argument in exported.arguments]
    return [*disk_cache.versions(), exported.stablehlo, arguments, dataclasses.asdict(policy)]
