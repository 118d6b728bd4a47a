"""Encoding arrays for rings and decoding results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ditto.encoding import ValueType, check_dtype, decode_result, encode_argument
from spu_ditto.errors import RangeError

FM32 = ValueType("fxp", (2,), 32, 8)
FM64 = ValueType("fxp", (2,), 64, 18)
INT8 = ValueType("fxp", (2,), 8, 0)
PUBLIC = ValueType("public", (2,), 64, 18)
MASK = ValueType("public", (2,), 64, 18, range_bits=10, mask=12)
F32 = np.dtype(np.float32)


def test_floats_round_to_the_nearest() -> None:
    assert encode_argument(np.array([1.0, -0.99]), FM32, "x").tolist() == [256, -253]


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(-(2.0**22), 2.0**22, width=32))
def test_what_is_encoded_comes_back(x: float) -> None:
    back = decode_result(encode_argument(np.float32([x, x]), FM64, "x"), FM64, np.dtype(np.float64))
    assert np.all(np.abs(back - x) <= 2.0**-19)


@pytest.mark.parametrize("bad", [128, 300, -129])
def test_integers_that_do_not_fit_are_refused(bad: int) -> None:
    assert encode_argument(np.array([127, -128]), INT8, "x").tolist() == [127, -128]
    with pytest.raises(RangeError, match="argument x .*fxp<8, 0> takes less than 128"):
        encode_argument(np.array([0, bad]), INT8, "x")


@pytest.mark.parametrize("kind", ["fxp", "bit", "public", "index"])
@pytest.mark.parametrize("scalar", [1, True, 1.0, np.float32(1)])
def test_scalars_become_arrays(kind: Any, scalar: Any) -> None:
    for value in (scalar, np.asarray(scalar)):
        encoded = encode_argument(value, ValueType(kind, (), 32, 0), "x")
        assert isinstance(encoded, np.ndarray)
        assert (encoded.shape, encoded.dtype, encoded.item()) == ((), np.int64, 1)


@pytest.mark.parametrize("bad", [5000.0, -65000.0, np.nan])
def test_a_number_that_stands_for_no_infinity_is_not_cut(bad: float) -> None:
    masked = encode_argument(np.array([-np.inf, -65504.0]), MASK, "m")
    assert masked.tolist() == [-(2 ** (12 + 18))] * 2
    with pytest.raises(RangeError, match="argument m holds NaN, or a number of magnitude 4097 or more"):
        encode_argument(np.array([0, bad]), MASK, "m")


def test_integers_are_exact() -> None:
    ends = [2**63 - 1, -(2**63)]
    assert encode_argument(np.array(ends), ValueType("public", (2,), 64, 0), "x").tolist() == ends
    assert encode_argument(np.array(ends), ValueType("fxp", (2,), 64, 0), "x").tolist() == ends


def test_an_integer_beyond_its_dtype_is_refused() -> None:
    check_dtype(np.array([2**31 - 1, -(2**31)]), np.dtype(np.int32), "x")
    check_dtype(np.zeros((0,), np.int64), np.dtype(np.int32), "x")
    for bad in (2**31, -(2**31) - 1, 2**40):
        with pytest.raises(RangeError, match="argument x holds an integer beyond its dtype int32"):
            check_dtype(np.array([0, bad]), np.dtype(np.int32), "x")


@pytest.mark.parametrize("mask", [-np.inf, -3.4e38, -65504.0])
def test_infinities_are_as_large_as_the_compiler_says(mask: float) -> None:
    check_dtype(np.array([mask]), F32, "x")
    assert encode_argument(np.array([mask, 1.0]), MASK, "x").tolist() == [-(2**30), 2**18]


@pytest.mark.parametrize("mask", [-np.inf, -3.4e38, np.inf])
def test_infinities_are_refused_where_more_than_an_order_is_asked_of_them(mask: float) -> None:
    with pytest.raises(RangeError, match="argument x .*for which the program was not compiled"):
        encode_argument(np.array([mask, 1.0]), PUBLIC, "x")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3.4e38, 2.0**45])
def test_public_floats_that_are_no_masks_are_refused(bad: float) -> None:
    with pytest.raises(RangeError, match="argument x holds NaN, or a number of magnitude 1.75922e[+]13 or more"):
        encode_argument(np.array([0.0, bad]), PUBLIC, "x")


def test_a_public_number_within_the_bound_is_taken_and_none_beyond() -> None:
    bounded = ValueType("public", (2,), 64, 18, range_bits=10)
    assert encode_argument(np.array([1023.5, -1023.5]), bounded, "x").tolist() == [4094 * 2**16, -4094 * 2**16]
    for bad in (1024.0, -1024.0):
        with pytest.raises(RangeError, match="magnitude 1024 or more"):
            encode_argument(np.array([0.0, bad]), bounded, "x")


def test_public_integers_are_no_masks() -> None:
    assert encode_argument(np.array([-(10**6)]), PUBLIC, "x").tolist() == [-(10**6) * 2**18]
    with pytest.raises(RangeError, match="argument x"):
        encode_argument(np.array([-(2**46)]), PUBLIC, "x")


def test_errors_hold_no_value() -> None:
    for bad in (123456789.0, 2**40 + 123456789):
        with pytest.raises(RangeError) as caught:
            encode_argument(np.array([bad]), FM32, "x")
        assert "1234" not in str(caught.value)


def test_results_are_signed_and_reduced() -> None:
    raw = np.array([2**32 - 256, 256 + 2**32], np.int64)
    assert decode_result(raw, FM32, F32).tolist() == [-1.0, 1.0]
    assert decode_result(np.array([255, 3]), INT8, np.dtype(np.int32)).tolist() == [-1, 3]


def test_bits_are_booleans() -> None:
    bit = ValueType("bit", (2,))
    assert encode_argument(np.array([True, False]), bit, "x").tolist() == [1, 0]
    assert decode_result(np.array([1, 0]), bit, np.dtype(np.bool_)).tolist() == [True, False]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 2.0**23])
def test_what_does_not_fit_is_refused_by_name(bad: float) -> None:
    with pytest.raises(RangeError, match="argument params/w .*fxp<32, 8>"):
        encode_argument(np.array([0.0, bad]), FM32, "params/w")


def test_an_assumed_range_is_enforced() -> None:
    narrow = ValueType("fxp", (1,), 32, 8, range_bits=21)
    assert encode_argument(np.array([8191.0]), narrow, "x").tolist() == [8191 * 256]
    with pytest.raises(RangeError, match="less than 8192"):
        encode_argument(np.array([8192.0]), narrow, "x")


def test_a_result_beyond_its_dtype_is_named() -> None:
    half, big = np.dtype(np.float16), ValueType("fxp", (1,), 40, 8)
    assert decode_result(np.array([256 * 60000]), big, half).tolist() == [60000]
    with pytest.raises(RangeError, match="the result logits/0 is beyond its dtype float16; compute it in float32"):
        decode_result(np.array([256 * 70000]), big, half, "logits/0")
