"""Encoding arrays for rings and decoding results."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ditto.encoding import ValueType, decode_result, encode_argument
from spu_ditto.errors import RangeError

FM32 = ValueType("fxp", (2,), 32, 8)
FM64 = ValueType("fxp", (2,), 64, 18)
INT8 = ValueType("fxp", (2,), 8, 0)
F32 = np.dtype(np.float32)


def test_floats_round_to_the_nearest() -> None:
    assert encode_argument(np.array([1.0, -0.99]), FM32, "x").tolist() == [256, -253]


@given(st.floats(-(2.0**22), 2.0**22, width=32))
def test_what_is_encoded_comes_back(x: float) -> None:
    back = decode_result(encode_argument(np.float32([x, x]), FM64, "x"), FM64, np.dtype(np.float64))
    assert np.all(np.abs(back - x) <= 2.0**-19)


def test_integers_wrap_as_the_program_does() -> None:
    assert encode_argument(np.array([300, -1]), INT8, "x").tolist() == [44, -1]


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
