"""The network among the parties, as far as it decides what is cheap: what a round costs beside bits."""

from __future__ import annotations

from dataclasses import dataclass

from ditto.errors import UnsupportedError


@dataclass(frozen=True)
class Link:
    """Links between every two of three parties.

    Attributes:
        bits_per_second: each way of each link, at once.
        round_trip_seconds: for a message and its answer.
    """

    name: str
    bits_per_second: float
    round_trip_seconds: float

    @property
    def round_bits(self) -> float:
        """The bits that a link could carry in the time of a round."""
        return self.bits_per_second * self.round_trip_seconds


# As Ditto measures them: Wu et al., "Ditto: Quantization-aware Secure Inference of Transformers upon MPC", section 5.
LAN = Link("LAN", 5e9, 0.4e-3)
WAN = Link("WAN", 400e6, 40e-3)

_NAMED = {link.name: link for link in (LAN, WAN)}


def get_link(network: str | Link) -> Link:
    """The network of this name, "LAN" (5 Gbit/s, 0.4 ms) or "WAN" (400 Mbit/s, 40 ms), or the one given.

    Raises:
        UnsupportedError: there is no network of this name.
    """
    if isinstance(network, Link):
        return network
    if not isinstance(network, str) or network not in _NAMED:
        raise UnsupportedError(f'network {network!r} is not one of "LAN", "WAN"; give a spu_ditto.Link')
    return _NAMED[network]
