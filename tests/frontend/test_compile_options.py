"""The options of `spu.compile(..., ring_policy=...)`: a wrong one is told by name, with what it may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import spu

import spu_ditto
from tests.frontend.plaintext import PlaintextRuntime

X = np.linspace(-1, 1, 6, dtype=np.float32)


def twice(x: Any) -> Any:
    return x + x


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ring_policy": None}, r'ring_policy is "ditto", "fm64", a Plan, or the path of its .json file, not None'),
        ({"ring_policy": 64}, "ring_policy is .*not 64"),
        ({"ring_policy": "fm128"}, "'fm128' does not exist; choose 'ditto' or 'fm64'"),
        ({"fraction_bits": 8.5}, r'fraction_bits is a whole number, or a map such as {"FM32": 8}, not 8.5'),
        ({"fraction_bits": True}, "the fraction bits of FM32 are a whole number within 4..16, not True"),
        ({"fraction_bits": {"FM64": 18.5}}, "the fraction bits of FM64 are a whole number within 4..24, not 18.5"),
        ({"fraction_bits": {"FM128": 8}}, r"\['FM128'\] does not exist; fraction_bits takes \['FM32', 'FM64'\]"),
        ({"headroom": "two"}, "headroom 'two' is not a factor of at least 1"),
        ({"ranges": 10}, r'ranges is a map of magnitudes by argument, such as {"x": 10}, not 10'),
        ({"ranges": {"x": "ten"}}, r"ranges\['x'\] = 'ten' is not a magnitude between 0 and 2\^44"),
        ({"guard": True}, 'guard is "on" or "off", not True'),
        ({"calibration": [X]}, r"calibration is a sequence of tuples.*\[\(params, x\), ...\]"),
        ({"static_argnums": 3}, "static_argnums names position 3, but twice has 1 positional arguments"),
        ({"static_argnames": "n"}, r"static_argnames names \['n'\], but the parameters of twice are \['x'\]"),
    ],
)
def test_an_option_that_is_none_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(spu_ditto.PolicyError, match=message):
        spu.compile(twice, **{"ring_policy": "ditto", **options})


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TypeError, match="does not take the argument 'fractions'; it takes .*fraction_bits, .*guard"):
        spu.compile(twice, ring_policy="ditto", fractions=8)
    with pytest.raises(TypeError, match="does not take 2 arguments by position"):
        spu.compile(twice, spu.CompilerOptions(), ring_policy="ditto")
    with pytest.raises(TypeError, match="takes a function, not a ndarray"):
        spu.compile(X, ring_policy="ditto")


def test_what_lacks_a_ring_policy_says_so() -> None:
    with pytest.raises(TypeError, match='takes a function with a ring_policy only: add ring_policy="ditto".*copts'):
        spu.compile(twice)
    with pytest.raises(TypeError, match="takes calibration with a ring_policy only"):
        spu.compile(calibration=[])


def test_an_unknown_visibility_names_the_arguments() -> None:
    for visibility, message in (
        ({"y": "public"}, r"input_visibility names \['y'\], but the arguments are \['x'\]"),
        (("secret", "public"), "input_visibility has 2 entries for 1 arguments"),
    ):
        with pytest.raises(spu_ditto.ShapeError, match=message):
            spu.compile(twice, ring_policy="ditto", input_visibility=visibility).lower(X)


def test_decorators_with_and_without_arguments() -> None:
    @spu.compile(ring_policy="ditto", fraction_bits=16)
    def scaled(x: Any) -> Any:
        """Scales."""
        return x * 3

    with spu_ditto.use_runtime(PlaintextRuntime()):
        np.testing.assert_allclose(scaled(X), 3 * X, atol=1e-3)
    assert (scaled.__name__, scaled.__doc__, scaled.__module__) == ("scaled", "Scales.", __name__)
    assert spu.compile(ring_policy="ditto")(twice).__wrapped__ is twice
