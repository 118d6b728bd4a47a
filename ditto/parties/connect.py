"""Sessions with the nodes of a configuration file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ditto.parties.config import read_config
from ditto.parties.identity import Identity, IdentityError
from ditto.parties.runtime import use_runtime
from ditto.parties.session import RemoteParties


@contextlib.contextmanager
def connect(
    config: str | Path, *, identity: str | Path | Identity | None = None, check_ranges: bool = False
) -> Iterator[RemoteParties]:
    """Sends secure calls inside the `with` block to the three parties of a configuration file.

    A call that is interrupted (Ctrl-C) ends the session: later calls raise RuntimeFailure; open another block.

    Args:
        config: JSON in the form of SPU's examples, with certificates (`ditto.parties.config`); each party runs
            `spu-ditto node --config FILE --party N`.
        identity: this caller's: the path of its .pem and .key without the ending, by default $DITTO_IDENTITY. The
            configuration has to give it the right to compute.
        check_ranges: debug mode, as in `Runtime`.

    Raises:
        ConfigError: the file is not what it must be.
        IdentityError: there is no identity, or it cannot be read.
        RuntimeFailure: a party cannot be reached, refuses this caller, or failed in a call.
    """
    parties = RemoteParties(read_config(config), own_identity(identity), check_ranges=check_ranges)
    with contextlib.closing(parties), use_runtime(parties):
        yield parties


def own_identity(identity: str | Path | Identity | None) -> Identity:
    """The identity that is given, or that of $DITTO_IDENTITY. Raises IdentityError."""
    if isinstance(identity, Identity):
        return identity
    stem = identity or os.environ.get("DITTO_IDENTITY")
    if not stem:
        raise IdentityError(
            "who is calling? Pass identity=, or set DITTO_IDENTITY: the path of a .pem and a .key, without the ending"
        )
    return Identity.load(stem)
