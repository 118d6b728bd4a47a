"""The network among the parties: what decides which is cheap, a round or bits, and what measurements are shaped to."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ditto.errors import UnsupportedError


@dataclass(frozen=True)
class Link:
    """Links between every two of three parties.

    Attributes:
        bits_per_second: each way of each link, at once.
        round_trip_seconds: for a message and its answer.

    Raises:
        UnsupportedError: no link is like that.
    """

    name: str
    bits_per_second: float
    round_trip_seconds: float

    def __post_init__(self) -> None:
        if not (1 <= self.bits_per_second < math.inf and 0 <= self.round_trip_seconds < math.inf):
            raise UnsupportedError(
                f"a link of {self.bits_per_second} bits a second and a round trip of {self.round_trip_seconds} s: it "
                "carries at least one bit a second, and takes a finite time, 0 or more"
            )

    @property
    def one_way_seconds(self) -> float:
        """For a message, beside its bits."""
        return self.round_trip_seconds / 2

    @property
    def round_bits(self) -> float:
        """The bits that both ways of a link could carry in the time of a round, which is that of a message."""
        return 2 * self.bits_per_second * self.one_way_seconds


# As Ditto measures them: Wu et al., "Ditto: Quantization-aware Secure Inference of Transformers upon MPC", section 5.
LAN = Link("LAN", 5e9, 0.4e-3)
WAN = Link("WAN", 400e6, 40e-3)

_NAMED = {link.name: link for link in (LAN, WAN)}
_NUMBERS = re.compile(r"(\d+(?:\.\d+)?)(|k|m|g)bit,(\d+(?:\.\d+)?)(us|ms|s)")
_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def get_link(network: str | Link) -> Link:
    """The network that is meant.

    Args:
        network: "LAN" (5 Gbit/s, 0.4 ms) or "WAN" (400 Mbit/s, 40 ms); bandwidth and round-trip time in tc's units,
            such as "400mbit,40ms"; or the one given. Upper and lower case are the same.

    Raises:
        UnsupportedError: it is none of them.
    """
    if isinstance(network, Link):
        return network
    if isinstance(network, str):
        if network.upper() in _NAMED:
            return _NAMED[network.upper()]
        if match := _NUMBERS.fullmatch(network.lower().replace(" ", "")):
            rate, rate_unit, trip, trip_unit = match.groups()
            return Link(network, float(rate) * _UNITS[rate_unit], float(trip) * _UNITS[trip_unit])
    raise UnsupportedError(
        f'network {network!r} is not "LAN", "WAN", or bandwidth and round-trip time such as "400mbit,40ms" (bit, kbit, '
        "mbit, gbit; us, ms, s); or give a spu_ditto.Link"
    )
