"""What a function costs among three parties: bytes and rounds, seconds predicted for networks, and seconds measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from provenance import spread

import spu_ditto

NETWORKS = ("LAN", "WAN")
# Without a network in between, and with one. The first execution of all is not counted.
_AT_ONCE, _SHAPED = 3, 1


def priced(
    function: Callable[..., Any],
    params: Any,
    inputs: Any,
    fraction_bits: Mapping[str, int],
    *,
    run: bool,
    networks: Sequence[str] = (),
    ring_policy: str = "ditto",
) -> dict[str, Any]:
    """One inference, uncalibrated, with secret weights.

    Args:
        function: of `params` and `inputs`.
        run: whether it is run, by threads of this process; what the parties send has to be what was predicted.
        networks: that it is run with in between, besides without.
        ring_policy: "ditto", or "fm64" for all values in 64 bits.

    Returns:
        JSON: `bytes` of all parties, offline and online; `rounds`; the `layers` of the cost analysis; seconds
        `predicted` for a LAN and a WAN, computing included, and what the `network` alone takes of them; and `measured`,
        a spread for "none" and each network, or None.

    Raises:
        RuntimeError: what was metered is not what was predicted.
    """
    secure = spu_ditto.compile(function, ring_policy=ring_policy, fraction_bits=dict(fraction_bits))
    compiled = secure.lower(params, inputs).compile()
    cost = compiled.cost_analysis()
    result = {
        "bytes": {"offline": cost.offline_bytes, "online": cost.online_bytes},
        "rounds": cost.rounds,
        "layers": [asdict(line) for line in cost.layers],
        "predicted": {name: cost.seconds(name) for name in NETWORKS},
        "network": {name: cost.network_seconds(name) for name in NETWORKS},
        "measured": None,
    }
    if not run:
        return result
    seconds = {}
    for network in (None, *networks):
        with spu_ditto.use_runtime(spu_ditto.Simulator(network=network)):
            weights = secure.share(params)
            reports = [compiled.run(weights, inputs)[1] for _ in range(_SHAPED if network else 1 + _AT_ONCE)]
        for report in reports:
            metered = report.offline_bytes, report.online_bytes, report.rounds
            if metered != (cost.offline_bytes, cost.online_bytes, cost.rounds):
                raise RuntimeError(f"predicted were {cost}, and metered {metered}")
        seconds[network or "none"] = spread([report.seconds for report in reports[0 if network else 1 :]])
    return {**result, "measured": seconds}


def times_less(first: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, float]:
    """How many times fewer bytes than the first a row sends, and how many times faster networks alone are done."""
    networks = {name: first["network"][name] / row["network"][name] for name in NETWORKS}
    return {"bytes": megabytes(first) / megabytes(row), **networks}


def megabytes(row: Mapping[str, Any]) -> float:
    """Of all parties, offline and online."""
    return float(row["bytes"]["offline"] + row["bytes"]["online"]) / 1e6
