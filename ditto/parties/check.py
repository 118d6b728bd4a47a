"""Whether a configuration works: certificates, nodes, versions, clocks, and the links among nodes. Says what is wrong
and how to mend it."""

from __future__ import annotations

import contextlib
import datetime
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ditto.errors import DittoError
from ditto.parties import wire
from ditto.parties import wire_pb2 as pb
from ditto.parties.agreement import engine_digest
from ditto.parties.client import describe
from ditto.parties.config import Config, shown
from ditto.parties.identity import Identity, expiry
from ditto.parties.session import RemoteParties

# Certificates' times are compared with clocks.
_MOST_SKEW = 30.0
_SOON = datetime.timedelta(days=14)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        wrong: what is wrong and what mends it; empty if nothing is.
    """

    what: str
    told: str
    wrong: str = ""


def check(config: Config, identity: Identity) -> Iterator[Finding]:
    """Looks at everything that a caller can see."""
    now = datetime.datetime.now(datetime.UTC)
    for name, certificate in config.certificates.items():
        end = expiry(certificate)
        wrong = "make another with `spu-ditto init`, and give it to all" if end - now < _SOON else ""
        yield Finding(f"certificate of {name}", f"valid until {end:%Y-%m-%d}", wrong)
    own = config.name_of(identity.certificate)
    rights = ", ".join(sorted(config.rights.get(own or "", ())))
    yield Finding(
        "this caller",
        f"{own or 'unknown'}, {rights or 'no rights'}",
        "" if own else "the configuration does not have this identity's certificate: add it, at every node too",
    )
    well = True
    for role, (name, address) in enumerate(zip(config.names, config.nodes, strict=True)):
        for finding in _node(config, identity, role, f"{name} (P{role}) at {shown(address)}"):
            well = well and not finding.wrong
            yield finding
    if well:
        yield from _links(config, identity)


def _links(config: Config, identity: Identity) -> Iterator[Finding]:
    """Has the nodes open a session, which takes every two of them, and measure it."""
    try:
        parties = RemoteParties(config, identity)
        with contextlib.closing(parties):
            found = parties.probe()
    except DittoError as error:
        mend = "Do the addresses in spu_internal_addrs lead to the nodes, and are those ports open for the other nodes?"
        yield Finding("links among nodes", "a session does not open", f"{error}. {mend}")
        return
    for (low, high), (trip, bits) in found.items():
        yield Finding(f"P{low} - P{high}", f"{1000 * trip:.2f} ms to and back, {bits / 1e6:.0f} Mbit/s")


def _node(config: Config, identity: Identity, role: int, what: str) -> Iterator[Finding]:
    try:
        told = describe(config, role, identity)
    except DittoError as error:
        yield Finding(what, "does not answer", f"{error}. Is it started, and its port open for this machine?")
        return
    trips = []
    for _ in range(5):
        began = time.perf_counter()
        told = describe(config, role, identity)
        trips.append(time.perf_counter() - began)
    wrong = "; ".join(filter(None, _differences(config, told, role)))
    yield Finding(what, f"answers in {1000 * statistics.median(trips):.1f} ms, {told.memory_bytes / 1e6:.0f} MB", wrong)


def _differences(config: Config, told: pb.Description, role: int) -> Iterator[str]:
    if told.party != role:
        yield f"it runs as P{told.party}: start it with --party {role}"
    if told.agreement != config.agreement():
        yield "its configuration names other parties, addresses or certificates: compare the files"
    if told.version != wire.version():
        yield f"it has version {told.version}, this is {wire.version()}: install the same"
    if told.engine != engine_digest():
        yield "its engine is another build than this one: all three nodes need the same"
    skew = told.time - time.time()
    if abs(skew) > _MOST_SKEW:
        yield f"its clock is {skew:+.0f} s off: set it"
