"""What a network takes of a program, predicted from its bytes and rounds, and what computing takes, tried out."""

from __future__ import annotations

import json
from typing import Any

import pytest

import spu_ditto


def _analysis(offline: int, online: int, rounds: int) -> spu_ditto.CostAnalysis:
    return spu_ditto.CostAnalysis(offline, online, rounds, (), ())


def test_a_round_is_half_a_round_trip_and_each_direction_a_link_of_its_own() -> None:
    # 5 Gbit/s and 0.4 ms; 400 Mbit/s and 40 ms. P0's stream is one message, and what takes longer counts.
    assert _analysis(625_000_000, 100, 0).network_seconds("LAN") == pytest.approx(1.0 + 0.2e-3)
    assert _analysis(0, 1_250_000_000, 1000).network_seconds("LAN") == pytest.approx(1.0 + 0.2)
    assert _analysis(50_000_000, 50_000_000, 25).network_seconds("WAN") == pytest.approx(0.5 + 0.5 + 0.02)
    assert _analysis(50_000_000, 50_000_000, 50).network_seconds("WAN") == pytest.approx(0.5 + 1.0)


def test_any_network_can_be_given() -> None:
    assert _analysis(0, 2_000_000, 10).network_seconds(spu_ditto.Link("office", 8e6, 0.1)) == pytest.approx(1 + 0.5)
    assert _analysis(0, 2_000_000, 10).network_seconds("8mbit,100ms") == pytest.approx(1 + 0.5)
    assert _analysis(9, 8, 7).seconds(spu_ditto.WAN) == _analysis(9, 8, 7).seconds("WAN")
    for predicted in (_analysis(0, 0, 0).seconds, _analysis(0, 0, 0).online_seconds):
        with pytest.raises(spu_ditto.UnsupportedError, match="MOON.*LAN.*WAN"):
            predicted("MOON")


def test_both_parties_send_half_of_the_online_bytes(network: Any) -> None:
    cost = network.compiled.cost_analysis()
    assert network.run.sent == (cost.offline_bytes, cost.online_bytes // 2, cost.online_bytes // 2)
    assert network.run.rounds == cost.rounds
    assert "in a LAN" in str(cost)


def test_computing_comes_on_top_of_the_network(network: Any) -> None:
    cost = network.compiled.cost_analysis()
    computing = cost.online_seconds("LAN") - cost.network_seconds("LAN")
    assert 0 < computing < cost.seconds("LAN") - cost.network_seconds("LAN")
    # It is tried out once, whatever the network.
    assert cost.online_seconds("WAN") - cost.network_seconds("WAN") == pytest.approx(computing)
    assert (cost + cost).seconds("WAN") == pytest.approx(2 * cost.seconds("WAN"))
    assert (cost * 3).online_seconds("WAN") == pytest.approx(3 * cost.online_seconds("WAN"))


def test_it_is_what_a_run_takes(network: Any) -> None:
    cost, slow = network.compiled.cost_analysis(), "10mbit,100ms"
    with spu_ditto.use_runtime(spu_ditto.Simulator(network=slow)):
        runs = [network.compiled.run(network.params, network.x)[1] for _ in range(3)]
        online = [network.compiled.run(network.params, network.x, offline_first=True)[1] for _ in range(3)]
    # The least of some: a machine may be busy.
    assert min(run.seconds for run in runs) == pytest.approx(cost.seconds(slow), rel=0.2)
    # P2 knows first that P0's stream is there, and waits for P1.
    quickest = min(run.online_seconds or 0.0 for run in online)
    assert quickest == pytest.approx(cost.online_seconds(slow) + 0.05, rel=0.2)


def test_the_dearest_comes_first(network: Any) -> None:
    cost = network.compiled.cost_analysis()
    by_operation = str(cost).split("by layer")[0].splitlines()[2:]
    sizes = [sum(int(word.replace(",", "")) for word in line.split()[-3:-1]) for line in by_operation]
    assert sizes == sorted(sizes, reverse=True) and sum(sizes) == cost.total_bytes
    shares = [float(line.split()[1]) for line in by_operation]
    assert sum(shares) == pytest.approx(100, abs=0.1 * len(shares))


def test_it_goes_into_json(network: Any) -> None:
    cost = network.compiled.cost_analysis()
    told = json.loads(json.dumps(cost.to_dict()))
    assert told["total_bytes"] == sum(one["offline_bytes"] + one["online_bytes"] for one in told["operations"])
    assert {one["name"] for one in told["layers"]} == {row.name for row in cost.layers}


def test_it_is_shown_in_80_columns(network: Any) -> None:
    shown = str(network.compiled.cost_analysis())
    assert "mlp/1" in shown and max(len(line) for line in shown.splitlines()) <= 80
