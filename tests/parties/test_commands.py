"""What a party holds for a caller is bounded, and what it holds no more does not count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ditto.parties import commands, wire
from ditto.parties import wire_pb2 as pb
from ditto.parties.budget import Account, Budget, OverBudget


class FakeCore:
    """An open session of the engine that holds nothing."""

    def mask(self, id: int, shape: list[int], width: int) -> None:
        """P0 has no part of an input's mask to tell."""

    def drop(self, id: int) -> None:
        pass

    def abort(self, reason: str) -> None:
        pass


class Caller:
    """Requests to one party, whose limit is 100 numbers of 16 bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, budget: Budget) -> None:
        monkeypatch.setattr(commands, "_MOST_ELEMENTS", 100)
        party: Any = SimpleNamespace(name="P0", role=0, config=SimpleNamespace(rights={}), budget=budget)
        self.session = commands.Session(party, "caller")
        core: Any = FakeCore()
        self.session._session = core
        self.number = 0

    def shares(self, *sizes: int, first: int, drop: tuple[int, ...] = ()) -> str:
        """Shares arrays numbered from `first` on. Returns the error, if any."""
        self.number += 1
        values = [pb.Array(id=id, shape=[size], width=32) for id, size in enumerate(sizes, first)]
        reply, _ = self.session.handle(pb.Request(number=self.number, drop=drop, mask=pb.Mask(values=values)), [])
        return reply.error


@pytest.fixture
def caller(monkeypatch: pytest.MonkeyPatch) -> Caller:
    return Caller(monkeypatch, Budget(1600))


def test_a_session_goes_on_while_it_drops_what_it_shared(caller: Caller) -> None:
    assert caller.shares(60, 40, first=0) == ""
    for n in range(2, 20, 2):
        assert caller.shares(60, 40, first=n, drop=(n - 2, n - 1)) == ""


def test_a_session_that_keeps_too_much_is_ended(caller: Caller) -> None:
    assert caller.shares(60, first=0) == ""
    assert "holds no more than 1,600 bytes for caller" in caller.shares(60, first=1)
    assert "holds no more than 1,600 bytes for caller" in caller.shares(1, first=2, drop=(0, 1))


def test_a_drop_told_twice_counts_once(caller: Caller) -> None:
    assert caller.shares(50, 50, first=0) == ""
    assert caller.shares(50, first=2, drop=(0, 0)) == ""
    assert "holds no more than 1,600 bytes for caller" in caller.shares(50, first=3)


def test_no_single_array_is_larger(caller: Caller) -> None:
    assert "got a value of shape [101]" in caller.shares(101, first=0)


def test_the_sessions_of_a_caller_share_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(1600)
    first, second = Caller(monkeypatch, budget), Caller(monkeypatch, budget)
    assert first.shares(60, first=0) == ""
    assert "who has 960 and asks for 960 more" in second.shares(60, first=0)
    first.session.close()
    assert Caller(monkeypatch, budget).shares(100, first=0) == ""
    # That of others is their own.
    Account(budget, "other").hold("x", 1600)


def test_what_a_request_brings_is_asked_for_before_it_comes(caller: Caller) -> None:
    def request(size: int) -> list[pb.Message]:
        return [pb.Message(request=pb.Request(masked=pb.Masked(), buffers=[size])), pb.Message(piece=bytes(size))]

    for _ in range(3):
        for told, buffers in wire.received(request(1600), "request", caller.session.expect):
            caller.number += 1
            told.number = caller.number
            assert caller.session.handle(told, buffers)[0].error == ""
    with pytest.raises(OverBudget, match="asks for 1,601 more"):
        list(wire.received(request(1601)[:1], "request", caller.session.expect))
