"""Opening a session can be given up at any time, and no other session notices."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from ditto import _core

TIMEOUT = 60.0


class Parties:
    """Three parties of this process, with one listener each."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self.listeners = [_core.Listener("127.0.0.1", 0) for _ in range(3)]
        self.addresses = [("127.0.0.1", listener.port) for listener in self.listeners]

    def open(self, role: int, session: int) -> Future[_core.Session]:
        id = bytes([session] * 16)
        return self._pool.submit(_core.Session, role, self.listeners[role], list(self.addresses), id, TIMEOUT)

    def cancel(self, role: int, session: int) -> None:
        self.listeners[role].cancel(bytes([session] * 16), "the caller has left")

    def check(self, session: int) -> None:
        """A session works, and is closed."""
        sessions = [future.result() for future in [self.open(role, session) for role in (2, 0, 1)]]
        agreed = [self._pool.submit(one.agree_on, "test", bytes([session])) for one in sessions]
        for future in agreed:
            future.result()
        # At once: the end of a session waits for the others'.
        ended = [self._pool.submit(_end, sessions, n) for n in range(3)]
        for future in ended:
            future.result()


def _end(sessions: list[_core.Session | None], n: int) -> None:
    sessions[n] = None


@pytest.fixture
def parties() -> Iterator[Parties]:
    with ThreadPoolExecutor(32) as pool:
        yield Parties(pool)


def expect_given_up(opening: Future[_core.Session]) -> None:
    with pytest.raises(_core.ChannelError, match="the caller has left"):
        opening.result()


def test_an_opening_is_given_up_before_it_begins(parties: Parties) -> None:
    parties.cancel(0, 1)
    expect_given_up(parties.open(0, 1))
    parties.check(2)


def test_an_opening_is_given_up_while_it_waits(parties: Parties) -> None:
    opening = parties.open(0, 1)
    parties.check(2)
    parties.cancel(0, 1)
    expect_given_up(opening)
    parties.check(3)


def test_an_opening_is_given_up_while_it_connects(parties: Parties) -> None:
    # P0 has not opened it yet; nobody is there; nobody answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        right = parties.addresses[0]
        for session, address in enumerate((right, ("127.0.0.1", 1), silent.getsockname())):
            parties.addresses[0] = address
            opening = parties.open(2, session)
            parties.addresses[0] = right
            parties.check(100 + session)
            parties.cancel(2, session)
            expect_given_up(opening)
    parties.check(200)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_an_opening_is_given_up_while_parties_agree_on_keys(parties: Parties, first: int) -> None:
    # All are connected to P0, which waits for their keys, while P2 waits for somebody who does not answer.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        opening = [parties.open(role, 1) for role in (0, 1)]
        parties.addresses[1], right = silent.getsockname(), parties.addresses[1]
        opening.append(parties.open(2, 1))
        connection, _ = silent.accept()
        with connection:
            for role in (first, 1, 2):
                parties.cancel(role, 1)
                expect_given_up(opening[role])
            # P0 learns it from P1, unless P1 left before it had read P0's greeting: then only that P1 has gone.
            with pytest.raises(_core.ChannelError, match="the caller has left|from P1: the connection was lost"):
                opening[0].result()
        parties.addresses[1] = right
    parties.check(2)


def test_sessions_open_at_once(parties: Parties) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(parties.check, range(8)))
