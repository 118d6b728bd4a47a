"""Three parties inside this process: the runtime that secure functions use unless told otherwise."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ditto import _core
from ditto.encoding import Encoded, ValueType
from ditto.errors import RangeError, RuntimeFailure
from ditto.parties.accounting import ring_width, run_report, sharing_bytes, threads_of_a_local_party
from ditto.parties.config import TIMEOUT
from ditto.parties.program import RingProgram
from ditto.parties.run_report import RunReport
from ditto.parties.runtime import OUT_OF_RANGE, Stored
from ditto.policy.link import Link, get_link


@dataclass(frozen=True, eq=False)
class SimulatedValue:
    """A value that one simulator's parties hold shares of, until this is garbage."""

    session: object
    id: int
    input_bytes: int


class Simulator:
    """Three parties as threads of this process, connected by memory. It computes and sends what three machines would;
    nothing is hidden from this process. Threads may share it: calls wait for each other. A call that is
    interrupted (Ctrl-C) ends before its next operations; later calls are served as ever.

    Args:
        check_ranges: debug mode, as in `Runtime`.
        network: what lies between the parties: "LAN", "WAN", "400mbit,40ms" or a `Link`; memory if it is None. Messages
            then arrive as late as they would there.

    Raises:
        UnsupportedError: there is no such network.
    """

    def __init__(self, *, check_ranges: bool = False, network: str | Link | None = None) -> None:
        link = None if network is None else get_link(network)
        _core.set_threads(threads_of_a_local_party())
        self._engine = _core.Simulator(TIMEOUT, None if link is None else (link.bits_per_second, link.one_way_seconds))
        self.check_ranges = check_ranges
        self._session = object()
        self._process = os.getpid()
        self._lock = threading.Lock()
        # Garbage collection may happen anywhere, also inside a run.
        self._dropped: deque[int] = deque()
        self._programs: weakref.WeakKeyDictionary[RingProgram, _core.Program] = weakref.WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"<Simulator in process {self._process}{', checks ranges' if self.check_ranges else ''}>"

    def put(self, encoded: Encoded, type: ValueType) -> Stored:
        """Shares an encoded array; see `Runtime.put`."""
        width = ring_width(type)
        values = np.asarray(encoded, np.int64, order="C")
        self._refuse_forks()
        with self._lock:
            self._drop_garbage()
            id = self._engine.put(values, width)
        return self._value(id, sharing_bytes(values.size, width))

    def run(
        self,
        program: RingProgram,
        inputs: Sequence[Stored | Encoded],
        *,
        offline_first: bool = False,
        keep: Collection[int] = (),
    ) -> tuple[Sequence[Encoded | Stored], RunReport]:
        """Runs a program; see `Runtime.run`.

        Args:
            offline_first: P0 runs to its end before P1 and P2 start, and the report tells their online time.
        """
        self._refuse_forks()
        values: list[int | Encoded] = []
        for n, value in enumerate(inputs):
            if isinstance(value, np.ndarray):
                values.append(value)
            elif isinstance(value, SimulatedValue) and value.session is self._session:
                values.append(value.id)
            else:
                raise RuntimeFailure(f"input {n} is a value of another session; share it in this one")
        with self._lock:
            self._drop_garbage()
            try:
                outputs, seconds, parties = self._engine.run(
                    self._loaded(program), values, offline_first=offline_first, keep=sorted(keep)
                )
            except (_core.ProgramError, _core.RunError, _core.ChannelError) as error:
                raise RuntimeFailure(str(error)) from error
            except _core.RangeViolation as error:
                raise RangeError(OUT_OF_RANGE) from error
        revealed = [self._value(output, 0) if isinstance(output, int) else output for output in outputs]
        return revealed, run_report(seconds, parties, offline_first=offline_first)

    def _value(self, id: int, input_bytes: int) -> SimulatedValue:
        value = SimulatedValue(self._session, id, input_bytes)
        weakref.finalize(value, self._dropped.append, id)
        return value

    def _refuse_forks(self) -> None:
        # The engine's threads do not live on in a forked process.
        if os.getpid() != self._process:
            raise RuntimeFailure(f"the simulator belongs to process {self._process}; make another one after a fork")

    def _drop_garbage(self) -> None:
        while self._dropped:
            self._engine.drop(self._dropped.popleft())

    def _loaded(self, program: RingProgram) -> _core.Program:
        loaded = self._programs.get(program)
        if loaded is None:
            loaded = self._programs[program] = _core.Program(program.engine, program.constants)
        return loaded
