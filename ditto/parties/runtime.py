"""Where secure programs run: the interface three parties have for a caller, and which of them the next call uses."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Collection, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from ditto.encoding import Encoded, ValueType
from ditto.errors import RuntimeFailure
from ditto.parties.program import RingProgram
from ditto.parties.run_report import RunReport


class Stored(Protocol):
    """A value that three parties hold shares of."""

    @property
    def input_bytes(self) -> int:
        """Bytes sent between the caller and the parties for sharing it."""


class Runtime(Protocol):
    """Three parties as a caller sees them. Must be hashable and weakly referenceable: handles cache shares by it.

    Attributes:
        check_ranges: debug mode. Before the parties start, a call evaluates the ring program on its own plain inputs,
            checks every value of it, and raises RangeError at the first that is out of its range, with the operation,
            the layer, the value (which the caller could compute anyway), the range and a remedy. It costs a plain run
            in this process, and the parties do and send what they always do.
    """

    check_ranges: bool

    def put(self, encoded: Encoded, type: ValueType) -> Stored:
        """Shares an encoded array among the parties; they hold it until the result is garbage."""

    def run(
        self,
        program: RingProgram,
        inputs: Sequence[Stored | Encoded],
        *,
        offline_first: bool = False,
        keep: Collection[int] = (),
    ) -> tuple[Sequence[Encoded | Stored], RunReport]:
        """Runs a program.

        Args:
            inputs: for each of `program.inputs` a stored value if it is secret, an int64 array if it is public.
            offline_first: P1 and P2 start once P0's whole stream has arrived, and the report tells their online time.
            keep: the engine's outputs that nobody is shown, by position.

        Returns:
            The revealed outputs as int64 arrays, those kept as stored values, and what the run cost, without the cost
            of `inputs`.

        Raises:
            RuntimeFailure: a party failed; names the party and the operation.
            RangeError: a value left its range (OUT_OF_RANGE). The results are withheld; the parties stay as they are.
        """


# All that anybody learns of a run whose guard was set off.
OUT_OF_RANGE = (
    "a value left the range that the program assumes; the results are withheld. Run with Simulator(check_ranges=True) "
    "to find it (or processes(check_ranges=True)), calibrate on such inputs, or state ranges="
)


@dataclass(eq=False)
class _Block:
    """An open `use_runtime`, or one that has ended."""

    runtime: Runtime
    ended: bool = False


# New tasks inherit a context, new threads do not: those find the open blocks here.
_innermost: ContextVar[_Block | None] = ContextVar("spu_ditto_runtime", default=None)
_open: list[_Block] = []
# Threads that were started inside a block and have outlived it.
_outlived: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
_lock = threading.Lock()
_default: list[Runtime] = []


def default_runtime() -> Runtime:
    """Three parties inside this process, made at the first use."""
    from ditto.parties.simulator import Simulator  # a cycle otherwise

    with _lock:
        if not _default:
            _default.append(Simulator())
        return _default[0]


def current_runtime() -> Runtime:
    """The runtime of the innermost open `use_runtime` around the caller, else the simulator.

    A thread that has opened no block itself is inside the block that is open in this process.

    Raises:
        RuntimeFailure: the caller's block has ended, or blocks of several runtimes are open and none is the caller's.
    """
    block = _innermost.get()
    if block is not None:
        if block.ended:
            raise _outside("the `with` block this task was started in has ended")
        return block.runtime
    runtimes = list({id(block.runtime): block.runtime for block in tuple(_open)}.values())
    if len(runtimes) > 1:
        raise _outside(f"{len(runtimes)} runtimes are open, and this thread is inside none of their `with` blocks")
    if runtimes:
        return runtimes[0]
    if threading.current_thread() in _outlived:
        raise _outside("the `with` block this thread was started in has ended")
    return default_runtime()


def _outside(reason: str) -> RuntimeFailure:
    return RuntimeFailure(f"{reason}; call inside `with use_runtime(parties):`")


@contextlib.contextmanager
def use_runtime(runtime: Runtime) -> Iterator[Runtime]:
    """Sends secure calls inside the `with` block to `runtime`, those of threads and tasks started inside it too."""
    block = _Block(runtime)
    before = weakref.WeakSet(threading.enumerate())
    _open.append(block)
    token = _innermost.set(block)
    try:
        yield runtime
    finally:
        block.ended = True
        _open.remove(block)
        _outlived.update(thread for thread in threading.enumerate() if thread not in before)
        # The cells of a notebook have contexts of their own: what another one was told goes with it.
        with contextlib.suppress(ValueError):
            _innermost.reset(token)
        # One that was open when this began, and has ended before it.
        outer = _innermost.get()
        if outer is not None and outer.ended and outer is not block:
            _innermost.set(None)
