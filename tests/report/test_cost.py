"""What a network takes of a program, predicted from its bytes and rounds."""

from __future__ import annotations

from typing import Any

import pytest

import spu_ditto


def _analysis(offline: int, online: int, rounds: int) -> spu_ditto.CostAnalysis:
    return spu_ditto.CostAnalysis(offline, online, rounds, (), ())


def test_the_busiest_link_and_the_rounds_make_the_time() -> None:
    # 5 Gbit/s and 0.4 ms; 400 Mbit/s and 40 ms.
    assert _analysis(625_000_000, 100, 0).seconds("LAN") == pytest.approx(1.0)
    assert _analysis(0, 1_250_000_000, 1000).seconds("LAN") == pytest.approx(1.0 + 0.4)
    assert _analysis(50_000_000, 50_000_000, 25).seconds("WAN") == pytest.approx(1.0 + 1.0)


def test_any_network_can_be_given() -> None:
    assert _analysis(0, 2_000_000, 10).seconds(spu_ditto.Link("office", 8e6, 0.1)) == pytest.approx(1 + 1)
    assert _analysis(9, 8, 7).seconds(spu_ditto.WAN) == _analysis(9, 8, 7).seconds("WAN")
    with pytest.raises(spu_ditto.UnsupportedError, match="MOON.*LAN.*WAN"):
        _analysis(0, 0, 0).seconds("MOON")


def test_both_parties_send_half_of_the_online_bytes(network: Any) -> None:
    cost = network.compiled.cost_analysis()
    assert network.run.sent == (cost.offline_bytes, cost.online_bytes // 2, cost.online_bytes // 2)
    assert network.run.rounds == cost.rounds
    assert "in a LAN" in str(cost)
