"""The programs of one function: another for every value of a public argument that decides what the parties do.

    def fn(n, x): return lax.fori_loop(0, n, lambda i, y: y * x, x)        # n public

has a program for n = 3 and another for n = 4. Most functions have one for all values. Which public arguments decide is
found by compiling: a pass that needs a value raises `ValueNeeded`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ditto.analysis.arguments import ValueNeeded
from ditto.dialects.dense import Array
from ditto.parties.program import PublicPart, RingProgram
from spu_ditto.errors import CompileError

# Programs that are kept, the last ones used.
_KEPT = 32

# Makes the program for some values of @main's arguments (by position), or raises ValueNeeded.
Make = Callable[[Mapping[int, Array]], RingProgram]


def specialised(make: Make, values: Sequence[Array | None]) -> RingProgram:
    """The program for these values of @main's arguments.

    Args:
        values: one for each argument; None for those that are secret, or not known.

    Raises:
        ValueNeeded: an argument decides whose value is None.
    """
    fixed: dict[int, Array] = {}
    while True:
        try:
            return make(fixed)
        except ValueNeeded as needed:
            missing = [(n, values[n]) for n in needed.arguments if n not in fixed]
            found = {n: value for n, value in missing if value is not None}
            if not missing or len(found) < len(missing):
                raise
            fixed.update(found)


class Programs:
    """The programs of a function by the values they were made for; safe to use from several threads.

    Args:
        first: one of them, if there is one already.
        make: makes others.
        part, main: those of all the programs (`RingProgram`).
    """

    def __init__(self, first: RingProgram | None, make: Make | None, part: PublicPart, main: Sequence[str]) -> None:
        self.part, self.main = part, main
        self._programs = [first] if first is not None else []
        self._make = make
        self._lock = threading.Lock()

    def last(self) -> RingProgram:
        """The program that was used last.

        Raises:
            CompileError: there is none yet.
        """
        with self._lock:
            if not self._programs:
                raise CompileError(None, "what the program does depends on public arguments; call it with some first")
            return self._programs[-1]

    def program_for(self, values: Sequence[Array | None]) -> RingProgram:
        """The program for these values of @main's arguments, made now if there is none.

        Raises:
            CompileError: there is none, and none can be made, because the program was loaded from a file.
        """
        with self._lock:
            found = [p for p in self._programs if all(_same(values[n], value) for n, value in p.fixed.items())]
            if found:
                program = found[0]
                self._programs.remove(program)
            elif self._make is None:
                decisive = ", ".join(f"{self.main[n]} = {value}" for n, value in self._programs[0].fixed.items())
                raise CompileError(None, f"the program was compiled for {decisive}; compile it for other values")
            else:
                program = specialised(self._make, values)
            self._programs.append(program)
            del self._programs[:-_KEPT]
            return program


def _same(given: Array | None, value: Array) -> bool:
    return given is not None and np.asarray(given).tobytes() == value.tobytes()
