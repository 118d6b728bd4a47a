"""What importing spu_ditto does to SPU, and what it leaves alone."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import spu

import spu_ditto
from spu_ditto.frontend import trace

STABLEHLO = trace(lambda a: a + a, (np.ones(3, np.float32),)).stablehlo


def _source() -> spu.CompilationSource:
    return spu.CompilationSource(spu.SourceIRType.STABLEHLO, STABLEHLO.encode(), [spu.Visibility.VIS_SECRET])


def test_spu_compile_keeps_its_meaning() -> None:
    code = spu.compile(_source(), spu.CompilerOptions())
    assert "pphlo.add" in (code.decode() if isinstance(code, bytes) else code)
    assert code == spu.compile(source=_source(), copts=spu.CompilerOptions())
    with pytest.raises(TypeError):
        spu.compile(_source())


def test_spu_api_is_untouched() -> None:
    assert not hasattr(spu.api.compile, "__spu_ditto__")


def test_importing_twice_wraps_once() -> None:
    before = spu.compile
    importlib.reload(spu_ditto)
    assert spu.compile is before


def test_a_ring_policy_makes_a_secure_function() -> None:
    secure = spu.compile(lambda x: x + 1, ring_policy="ditto")
    assert callable(secure.lower) and callable(secure.share)


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(spu_ditto.PolicyError, match="fm128.*ditto.*fm64"):
        spu.compile(lambda x: x, ring_policy="fm128")


def test_an_unknown_network_is_refused_with_the_known_ones() -> None:
    with pytest.raises(spu_ditto.UnsupportedError, match="5G.*LAN.*WAN"):
        spu.compile(lambda x: x, ring_policy="ditto", network="5G")
    assert callable(spu.compile(lambda x: x, ring_policy="ditto", network=spu_ditto.Link("5G", 1e9, 0.01)).lower)
