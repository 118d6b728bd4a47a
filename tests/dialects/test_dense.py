"""Dense literals: every written form reads as the numbers it stands for, and arrays print so that they read back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ditto.dialects import pphlo
from ditto.dialects.dense import DenseLiteral, cast, decode, encode, is_splat

F16, F32, I32, BIT, C64 = (np.dtype(name) for name in ("float16", "float32", "int32", "bool", "complex64"))


@pytest.mark.parametrize(
    ("text", "shape", "dtype", "expected"),
    [
        ("1.250000e-01", (2,), F16, [0.125, 0.125]),
        ("0xFC00", (2,), F16, [-np.inf, -np.inf]),
        ("0x7E00", (1,), F16, [np.nan]),
        ("0xFF800000", (1,), F32, [-np.inf]),
        ("-3.40282347E+38", (1,), F32, [np.finfo(np.float32).min]),
        ("[[1, -2], [3, 0]]", (2, 2), I32, [[1, -2], [3, 0]]),
        ("[1.500000e+00, 0x7C00]", (2,), F16, [1.5, np.inf]),
        ("true", (3,), BIT, [True] * 3),
        ("[true, false]", (2,), BIT, [True, False]),
        ('"0x0100000000000080"', (2,), I32, [1, -(2**31)]),
        ('"0x003C00BC"', (2,), F16, [1, -1]),
        ('"0x05"', (4,), BIT, [True, False, True, False]),
        ("", (0, 2), F32, np.zeros((0, 2))),
        ("(1.500000e+00,0xFF800000)", (2,), C64, [complex(1.5, -np.inf)] * 2),
        ("[(1.0,2.0), (-3.0,0.0)]", (2,), C64, [1 + 2j, -3]),
        ('"0x0000803F00000040"', (1,), C64, [1 + 2j]),
    ],
)
def test_decode(text: str, shape: tuple[int, ...], dtype: np.dtype[Any], expected: Any) -> None:
    array = decode(text, shape, dtype)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, np.array(expected, dtype))


def test_splat_occupies_one_element() -> None:
    array = decode("1.0", (30522, 768), F32)
    assert array.strides == (0, 0) and is_splat(array)
    assert encode(array) == "1.000000e+00"
    assert cast(array, np.dtype(np.float64)).strides == (0, 0)


@pytest.mark.parametrize(("text", "shape"), [("[1, 2]", (3,)), ('"0x0100000002000000"', (3,))])
def test_wrong_number_of_elements(text: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="elements where its type has"):
        decode(text, shape, I32)


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(
        [
            np.float16,
            np.float32,
            np.float64,
            np.int8,
            np.int32,
            np.int64,
            np.uint8,
            np.uint64,
            np.complex64,
            np.complex128,
            np.bool_,
        ]
    ).flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=3, max_side=7)))
)
def test_encode_reads_back(array: Any) -> None:
    again = decode(encode(array), array.shape, array.dtype)
    # Equal bits for every number; a NaN stays one.
    np.testing.assert_array_equal(again, array)
    if array.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(again), np.signbit(array))


def test_constant_from_numpy_is_lazy_and_prints() -> None:
    array = np.arange(200, dtype=np.float32).reshape(2, 100)
    constant = pphlo.ConstantOp.from_numpy(array)
    assert np.shares_memory(constant.numpy(), array)
    assert not constant.numpy().flags.writeable
    operation = f"%0 = pphlo.constant dense<{constant.value.data.text()}> : tensor<2x100xf32>"
    text = f"func.func @main() {{\n  {operation}\n  return\n}}"
    read = next(op for op in pphlo.parse_module(text).walk() if isinstance(op, pphlo.ConstantOp))
    np.testing.assert_array_equal(read.numpy(), array)


def test_literals_compare_by_content() -> None:
    assert DenseLiteral(text="1.000000e+00") == DenseLiteral(array=np.ones((4, 4), np.float32))
    first, second = np.random.default_rng(0).standard_normal((2, 20, 20))
    assert DenseLiteral(array=first) == DenseLiteral(array=first.copy()) != DenseLiteral(array=second)
