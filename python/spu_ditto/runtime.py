"""Where secure programs run: the interface three parties have for a caller, and which of them the next call uses."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Protocol

from spu_ditto.encoding import Encoded, ValueType
from spu_ditto.program import RingProgram
from spu_ditto.reports.run_report import RunReport


class Stored(Protocol):
    """A value that three parties hold shares of."""

    @property
    def input_bytes(self) -> int:
        """Bytes sent between the caller and the parties for sharing it."""


class Runtime(Protocol):
    """Three parties as a caller sees them. Must be hashable and weakly referenceable: handles cache shares by it."""

    def put(self, encoded: Encoded, type: ValueType) -> Stored:
        """Shares an encoded array among the parties; they hold it until the result is garbage."""

    def run(
        self, program: RingProgram, inputs: Sequence[Stored | Encoded], *, offline_first: bool = False
    ) -> tuple[list[Encoded], RunReport]:
        """Runs a program.

        Args:
            inputs: for each of `program.inputs` a stored value if it is secret, an int64 array if it is public.
            offline_first: P1 and P2 start once P0's whole stream has arrived, and the report tells their online time.

        Returns:
            The revealed outputs as int64 arrays, and what the run cost, without the cost of `inputs`.

        Raises:
            RuntimeFailure: a party failed; names the party and the operation.
            RangeError: a value left its range (OUT_OF_RANGE). The results are withheld; the parties stay as they are.
        """


# All that anybody learns of a run whose guard was set off.
OUT_OF_RANGE = (
    "a value left the range that the program assumes; the results are withheld. Run with Simulator(check_ranges=True) "
    "to find it, calibrate on such inputs, or state ranges="
)


_current: ContextVar[Runtime | None] = ContextVar("spu_ditto_runtime", default=None)


@functools.cache
def default_runtime() -> Runtime:
    """Three parties inside this process, made at the first use."""
    from spu_ditto.simulator import Simulator  # a cycle otherwise

    return Simulator()


def current_runtime() -> Runtime:
    """The runtime of the innermost open `use_runtime`, else the simulator."""
    return _current.get() or default_runtime()


@contextlib.contextmanager
def use_runtime(runtime: Runtime) -> Iterator[Runtime]:
    """Sends secure calls inside the `with` block to `runtime`."""
    token = _current.set(runtime)
    try:
        yield runtime
    finally:
        _current.reset(token)
