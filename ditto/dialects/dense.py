"""Dense literals: the payload of constants, kept as text or as an array and converted only when asked.

xDSL's own `dense` attribute expands splats, reads `0xFC00 : f16` as the integer 64512 and cannot read packed `i1`
blobs; a model's constants are also far too many to convert on parsing. So a literal is either the text between
`dense<` and `>` exactly as it was read (printing is then byte-identical), or a NumPy array that a pass has computed.
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ComplexType, Float16Type, Float32Type, Float64Type, IntegerType, Signedness
from xdsl.ir import Attribute, Data
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

Array = npt.NDArray[Any]

# MLIR prints longer literals as one hexadecimal blob.
_LONGEST_LIST = 100
_TOKEN = re.compile(r"[^\[\](),\s]+")


def dtype_of(element: Attribute) -> np.dtype[Any]:
    """The NumPy dtype that holds a builtin element type (`i1` is bool, signless integers are signed).

    Raises TypeError for any other type.
    """
    match element:
        case Float16Type():
            return np.dtype(np.float16)
        case Float32Type():
            return np.dtype(np.float32)
        case Float64Type():
            return np.dtype(np.float64)
        case IntegerType() if element.width.data == 1:
            return np.dtype(np.bool_)
        case IntegerType() if element.width.data in (8, 16, 32, 64):
            sign = "u" if element.signedness.data is Signedness.UNSIGNED else ""
            return np.dtype(f"{sign}int{element.width.data}")
        case ComplexType(element_type=Float32Type()):
            return np.dtype(np.complex64)
        case ComplexType(element_type=Float64Type()):
            return np.dtype(np.complex128)
    supported = "f16, f32, f64, i1, 8 to 64 bit integers and complex numbers of f32 and f64"
    raise TypeError(f"no dtype for element type {element}; {supported} are supported")


def element_of(dtype: np.dtype[Any]) -> Attribute:
    """The builtin element type that a dtype holds (signed integers are signless)."""
    if dtype.kind == "f":
        return {2: Float16Type(), 4: Float32Type(), 8: Float64Type()}[dtype.itemsize]
    if dtype.kind == "c":
        return ComplexType(Float32Type() if dtype.itemsize == 8 else Float64Type())
    if dtype.kind == "b":
        return IntegerType(1)
    return IntegerType(8 * dtype.itemsize, Signedness.UNSIGNED if dtype.kind == "u" else Signedness.SIGNLESS)


def _decode_token(token: str, dtype: np.dtype[Any]) -> Any:
    if token in ("true", "false"):
        return token == "true"
    if token.startswith("0x"):
        # The bits of the number, not its value.
        return np.frombuffer(int(token, 16).to_bytes(dtype.itemsize, "little"), dtype)[0]
    return float(token) if dtype.kind == "f" else int(token)


def decode(text: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The array written as `text` (what stands between `dense<` and `>`): a splat, a nested list or a hex blob.

    A splat comes back as a read-only broadcast view that occupies one element.
    """
    count = int(np.prod(shape, dtype=np.int64))
    if text.startswith('"0x'):
        raw = bytes.fromhex(text[3:-1])
        if dtype.kind == "b" and len(raw) == 1 and raw in (b"\xff", b"\x00"):
            return np.broadcast_to(np.array(raw == b"\xff"), shape)
        if dtype.kind == "b":
            flat = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")[:count].astype(np.bool_)
        else:
            flat = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype, copy=False)
        if flat.size == 1:
            return np.broadcast_to(flat.reshape(()), shape)
        if flat.size != count:
            raise ValueError(f"dense literal holds {flat.size} elements where its type has {count}")
        return flat.reshape(shape)
    tokens = _TOKEN.findall(text)
    if not tokens:
        return np.zeros(shape, dtype)
    # A complex number is written as its two parts.
    part = np.empty(0, dtype).real.dtype
    numbers = np.array([_decode_token(token, part) for token in tokens], part).view(dtype)
    if "[" not in text:
        return np.broadcast_to(numbers.reshape(()), shape)
    if numbers.size != count:
        raise ValueError(f"dense literal holds {numbers.size} elements where its type has {count}")
    return numbers.reshape(shape)


def _encode_element(value: Any) -> str:
    if isinstance(value, np.bool_):
        return "true" if value else "false"
    if isinstance(value, np.integer):
        return str(int(value))
    if isinstance(value, np.complexfloating):
        return f"({_encode_element(value.real)},{_encode_element(value.imag)})"
    # The shortest of MLIR's two float forms that reads back as the same number; otherwise the bits.
    if np.isfinite(value):
        for form in (f"{float(value):.6e}", f"{float(value):.9g}", f"{float(value):.17e}"):
            if "." in form and type(value)(float(form)) == value:
                return form
    return f"0x{value.tobytes()[::-1].hex().upper()}"


def _encode_list(array: Array) -> str:
    if array.ndim == 0:
        return _encode_element(array[()])
    return "[" + ", ".join(_encode_list(part) for part in array) + "]"


def encode(array: Array) -> str:
    """The literal MLIR would print for an array: what stands between `dense<` and `>`."""
    if array.size == 0:
        return ""
    if is_splat(array):
        return _encode_element(array.flat[0])
    if array.size <= _LONGEST_LIST:
        return _encode_list(array)
    if array.dtype.kind == "b":
        raw = np.packbits(array.reshape(-1), bitorder="little").tobytes()
    else:
        raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return f'"0x{raw.hex().upper()}"'


def is_splat(array: Array) -> bool:
    """Whether every element has the same bits. A broadcast view of one element is recognised without reading it."""
    if array.size == 0:
        return False
    if all(stride == 0 or extent == 1 for stride, extent in zip(array.strides, array.shape, strict=True)):
        return True
    if array.dtype.kind == "c":
        return is_splat(array.real) and is_splat(array.imag)
    bits = array.view(f"u{array.dtype.itemsize}")
    first = bits[(0,) * bits.ndim]
    # Most arrays that are not a splat show it at the other end.
    return bool(bits[(-1,) * bits.ndim] == first and np.all(bits == first))


def cast(array: Array, dtype: np.dtype[Any]) -> Array:
    """The array in another dtype; what is repeated without memory (a broadcast view) stays so."""
    if array.dtype == dtype:
        return array
    compact = array[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in array.strides)]
    # Too large for f16 is infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.broadcast_to(compact.astype(dtype), array.shape)


class DenseLiteral:
    """A literal as it was read (`text`) or as it was computed (`array`); immutable and hashable."""

    def __init__(self, text: str | None = None, array: Array | None = None) -> None:
        if (text is None) == (array is None):
            raise ValueError("a dense literal has either a text or an array")
        self._text = text
        self._array = array

    def text(self) -> str:
        """What stands between `dense<` and `>`."""
        return self._text if self._text is not None else encode(self._require_array())

    def numpy(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """The elements, read-only. An array that was handed in must have this shape and dtype."""
        if self._array is None:
            self._array = decode(self.text(), shape, dtype)
        if self._array.shape != shape or self._array.dtype != dtype:
            raise ValueError(f"constant of {self._array.dtype}{self._array.shape} has the type of {dtype}{shape}")
        view = self._array.view()
        view.flags.writeable = False
        return view

    def _require_array(self) -> Array:
        assert self._array is not None
        return self._array

    @cached_property
    def _key(self) -> tuple[str, ...]:
        if self._text is not None:
            return ("text", self._text)
        array = self._require_array()
        if is_splat(array) or array.size <= _LONGEST_LIST:
            return ("text", encode(array))
        return ("array", hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DenseLiteral) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@irdl_attr_definition
class DenseAttr(Data[DenseLiteral]):
    """`dense<...>` without its type, which is that of the constant it belongs to."""

    name = "pphlo.dense"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> DenseLiteral:
        with parser.in_angle_brackets():
            return DenseLiteral(text=parser.parse_str_literal())

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(self.data.text())
