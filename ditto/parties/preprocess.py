"""Fills the nodes' stock: runs of a published model that are dealt before there are inputs for them."""

from __future__ import annotations

from collections.abc import Iterator

from ditto.errors import RuntimeFailure
from ditto.parties.client import describe
from ditto.parties.config import Config
from ditto.parties.identity import Identity
from ditto.parties.session import RemoteParties


def preprocess(config: Config, identity: Identity, name: str, count: int) -> Iterator[tuple[int, int]]:
    """Has the nodes deal until there are `count` runs of each of a model's programs.

    Calls of it then need P1 and P2 alone, as many times. What is in stock is lost when the model is published anew.

    Args:
        identity: the owner's of the model.

    Yields:
        How many runs there are, and how many there will be; after every one that was dealt.

    Raises:
        RuntimeFailure: there is no such model of this owner, a node's stock is full, or a party failed.
    """
    counts = _stock(config, identity, name)
    wanted = count * len(counts)
    yield sum(min(held, count) for held in counts), wanted
    if min(counts) >= count:
        return
    parties = RemoteParties(config, identity)
    try:
        # The number of its first program.
        first = parties.use(name, lambda text, buffers, program, value: program)
        while min(counts) < count:
            program = counts.index(min(counts))
            parties.deal(first + program)
            counts[program] += 1
            yield sum(min(held, count) for held in counts), wanted
    finally:
        parties.close()


def _stock(config: Config, identity: Identity, name: str) -> list[int]:
    """How many runs of each program both P1 and P2 have."""
    held = []
    for role in (1, 2):
        found = [p for p in describe(config, role, identity).publications if p.name == name]
        if not found:
            raise RuntimeFailure(f"P{role} has no publication {name!r} that you may use")
        held.append(list(found[0].stock))
    return [min(pair) for pair in zip(*held, strict=True)]
