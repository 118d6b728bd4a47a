"""From PPHLO to a ring program."""

from __future__ import annotations

from spu_ditto.errors import PolicyError

POLICIES = ("ditto", "fm64")


def check_policy(ring_policy: str) -> None:
    """Raises PolicyError, listing the policies, if there is none of this name."""
    if ring_policy not in POLICIES:
        raise PolicyError(f"ring policy {ring_policy!r} does not exist; the policies are {', '.join(POLICIES)}")
