"""Parties with a slow network between them: how it is named, and what they take there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest

import spu_ditto
from ditto.policy.link import get_link
from tests.e2e.programs import repeated_products


@pytest.mark.parametrize(
    ("text", "bits_per_second", "round_trip_seconds"),
    [
        ("LAN", 5e9, 0.4e-3),
        ("wan", 400e6, 40e-3),
        ("400mbit,40ms", 400e6, 40e-3),
        ("1.5Gbit, 250us", 1.5e9, 250e-6),
        ("64kbit,2s", 64e3, 2.0),
        ("9600bit,0ms", 9600.0, 0.0),
    ],
)
def test_networks_have_names_or_numbers(text: str, bits_per_second: float, round_trip_seconds: float) -> None:
    link = get_link(text)
    assert link.bits_per_second == pytest.approx(bits_per_second, rel=1e-12)
    assert link.round_trip_seconds == pytest.approx(round_trip_seconds, rel=1e-12)
    assert link.one_way_seconds == link.round_trip_seconds / 2


@pytest.mark.parametrize(
    "wrong", ["", "moon", "400mbit", "400,40", "400mbit,40", "400mb,40ms", "-1mbit,40ms", "400mbit,40ms,3", None, 400]
)
def test_what_is_no_network_is_told_what_it_may_be(wrong: Any) -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match=r'LAN.*WAN.*"400mbit,40ms"'):
        get_link(wrong)


@pytest.mark.parametrize("numbers", [(0, 1), (-5e9, 1), (1e9, -1), (float("nan"), 1), (float("inf"), 1)])
def test_a_link_carries_something_in_time(numbers: tuple[float, float]) -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match="at least one bit a second"):
        spu_ditto.Link("none", *numbers)
    with pytest.raises(spu_ditto.UnsupportedError, match="at least one bit a second"):
        get_link("0bit,1ms")


@contextlib.contextmanager
def _simulator(**options: Any) -> Any:
    yield spu_ditto.Simulator(**options)


@pytest.mark.parametrize("parties", [_simulator, spu_ditto.processes], ids=["simulator", "processes"])
def test_a_round_takes_half_a_round_trip_and_the_bits_their_time(
    parties: Callable[..., AbstractContextManager[Any]],
) -> None:
    program = repeated_products(16, 6)
    (kind,) = [binding.type for binding in program.inputs]
    reports = []
    for network in (None, "1mbit,100ms"):
        with parties(network=network) as running:
            share = running.put(np.ones((1, 16, 16), np.int64), kind)
            # The quickest of some: a machine may be busy.
            runs = [running.run(program, [share], offline_first=True)[1] for _ in range(3)]
            reports.append(min(runs, key=lambda run: run.online_seconds or 0.0))
    bare, shaped = reports
    assert (shaped.sent, shaped.rounds) == (bare.sent, bare.rounds) and bare.rounds > 0
    offline, online, _ = shaped.sent
    expected = bare.rounds * 0.05 + 8 * online / 1e6
    assert shaped.online_seconds is not None and bare.online_seconds is not None
    assert expected <= shaped.online_seconds < 1.5 * expected + bare.online_seconds
    assert shaped.seconds >= expected + 8 * offline / 1e6


def test_parties_on_no_network_do_not_start() -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match="moon"):
        spu_ditto.Simulator(network="moon")
    with pytest.raises(spu_ditto.UnsupportedError, match="moon"), spu_ditto.processes(network="moon"):
        pass
