"""Somebody on every wire of a service: between callers and nodes, and among the nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spu_ditto
from ditto import _core
from ditto.parties.client import Client
from tests.e2e.nodes import nodes_of
from tests.e2e.taps import Tap, tapped_configuration

RIGHTS = {"owner": ["compute", "publish"], "bank": ["call"]}


@pytest.fixture
def tapped(tmp_path: Path) -> Iterator[tuple[Path, list[Tap]]]:
    """A service whose advertised addresses are the taps'."""
    with tapped_configuration(tmp_path, RIGHTS) as (config, taps), nodes_of(config):
        yield config, taps


def test_what_passes_tells_nothing(tapped: tuple[Path, list[Tap]], monkeypatch: pytest.MonkeyPatch) -> None:
    config, taps = tapped
    secrets: list[bytes] = []

    def watched(name: str) -> Any:
        """What the callers put in or get out: masks, masked values, parts of results."""
        original = getattr(_core, name)

        def function(*arguments: Any) -> Any:
            result = original(*arguments)
            secrets.extend(part for part in arguments if isinstance(part, bytes))
            secrets.extend([result] if isinstance(result, bytes) else [])
            return result

        return function

    for name in ("mask_input", "reconstruct"):
        monkeypatch.setattr(_core, name, watched(name))
    w = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
    x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    compiled = spu_ditto.compile(lambda w, x: x @ w).lower(w, x).compile()
    with spu_ditto.connect(config, identity=config.parent / "owner") as parties:
        spu_ditto.publish(parties, "a-product-nobody-hears-of", compiled, {"w": w})
    with Client(config, config.parent / "bank") as client:
        found = client.call("a-product-nobody-hears-of", x=x)
    np.testing.assert_allclose(found, x @ w, atol=1e-3)
    # l1, l2 and m of the weights and of the argument, and two parts of the result.
    assert len(secrets) == 8 and min(map(len, secrets)) >= 300
    recorded = [bytes(tap.recorded) for tap in taps]
    # P2 connects to the others, so that nobody connects to it; whoever wants to reads what is sent to P0 and P1.
    assert all(len(record) > 1000 for n, record in enumerate(recorded) if n != 5)
    # What TLS itself says in the clear is there.
    assert all(f"node-{n}".encode() in recorded[n] for n in range(3))
    told = [b"a-product-nobody-hears-of", compiled.program.engine.encode()[:100], w.tobytes()[:16], x.tobytes()[:16]]
    for record in recorded:
        # Sixteen bytes are enough to be no accident.
        for secret in [*told, *(secret[start : start + 16] for secret in secrets for start in range(0, 64, 16))]:
            assert secret not in record
