"""Wires that fail or are tampered with: an error on every side in time, and the next call works."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from ditto.parties.session import RemoteParties
from tests.e2e.nodes import connected, nodes_of
from tests.e2e.programs import Builder, fxp, value_type
from tests.e2e.service import IN_FULL, RIGHTS, Service, failing_soon, long_run
from tests.e2e.taps import Tap, tapped_configuration

# P2 connects to the others: nobody connects to it.
WIRES = {"to P0": 0, "to P1": 1, "to P2": 2, "P0 with others": 3, "P1 with P2": 4}


def square(parties: RemoteParties) -> None:
    """Shares a value, and has its square computed."""
    b = Builder()
    x = b.input(fxp(32, 8, [4]))
    program = b.program(b.op("square", [x], fxp(24, 8, [4]), shift=8))
    parties.run(program, [parties.put(np.arange(4), value_type(b.values[0]))])


@pytest.fixture(scope="module")
def tapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, list[Tap]]]:
    with tapped_configuration(tmp_path_factory.mktemp("tapped"), RIGHTS) as (config, taps), nodes_of(config) as nodes:
        yield Service(config, nodes), taps


@pytest.mark.parametrize("wire", WIRES)
def test_a_wire_is_cut(tapped: tuple[Service, list[Tap]], wire: str) -> None:
    service, taps = tapped
    with connected(service.config) as parties:
        timer = threading.Timer(1.0, taps[WIRES[wire]].cut)
        timer.start()
        with failing_soon():
            long_run(parties)
        timer.join()
    service.check()


@pytest.mark.parametrize("wire", WIRES)
def test_a_wire_changes_what_passes(tapped: tuple[Service, list[Tap]], wire: str) -> None:
    service, taps = tapped
    tap = taps[WIRES[wire]]

    def flip(data: bytes) -> bytes:
        return bytes([*data[:-1], data[-1] ^ 1])

    def tamper() -> None:
        tap.changed = flip

    with connected(service.config) as parties:
        timer = threading.Timer(1.0, tamper)
        timer.start()
        try:
            with failing_soon():
                # So that something goes over every wire all the time.
                while True:
                    square(parties)
            timer.join()
        finally:
            tap.changed = bytes
    service.check()


@IN_FULL
def test_a_wire_that_stops_half_way(tapped: tuple[Service, list[Tap]]) -> None:
    """The parties wait for each other as long as they were told to, and no longer."""
    service, taps = tapped
    silent = threading.Event()

    def hold(data: bytes) -> bytes:
        silent.wait(60)
        return data

    with connected(service.config) as parties:
        taps[4].changed = hold
        try:
            with failing_soon("none came within 20000 ms", 40):
                square(parties)
        finally:
            taps[4].changed = bytes
            silent.set()
    service.check()
