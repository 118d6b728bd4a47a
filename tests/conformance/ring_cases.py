"""Every ring operation, as data: types, inputs that reach both ends of what its protocol's header allows, its meaning.

Meanings are on integers of any size (object arrays) for what is exact or truncated, on real numbers for functions. The
error allowed is in units of the result, from the header; relative errors come on top.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.special import erf
from xdsl.dialects.builtin import FunctionType, ModuleOp, TensorType, i64
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region

from ditto.analysis.intervals import ARGUMENT_RANGES
from ditto.analysis.series import power_series
from ditto.dialects import ring
from tests.conformance.outcome import Array

# Neither interpreter nor engine runs these: constants and encodings are computed when a program is lowered, a convert
# is replaced by a cast.
NOT_EXECUTED = {"ring.constant", "ring.encode", "ring.convert", "ring.normalise", "ring.wrap"}
CLASSES: dict[str, type[ring.RingOp]] = {
    ring.short_name(op): op for op in ring.RING.operations if issubclass(op, ring.RingOp)
}


@dataclass(frozen=True)
class Value:
    """An operand or result: fixed point ("x"), a bit ("b") or public integers ("p"); operands lie in low .. high."""

    kind: str
    shape: tuple[int, ...]
    width: int = 1
    fraction: int = 0
    low: int = 0
    high: int = 1
    numbers: tuple[Any, ...] = ()

    @property
    def type(self) -> Attribute:
        if self.kind == "x":
            return ring.fxp(self.shape, self.width, self.fraction)
        return ring.bits(self.shape) if self.kind == "b" else TensorType(i64, list(self.shape))

    def draw(self, rng: np.random.Generator) -> Array:
        """Integers of the range; its ends and what surrounds zero are among them where there is room."""
        if self.numbers:
            return np.resize(np.array(self.numbers, np.int64), self.shape)
        result = rng.integers(self.low, self.high, self.shape, np.int64, endpoint=True)
        flat = result.reshape(-1)
        notable = [
            v for v in (self.low, self.high, 0, -1, 1, self.low + 1, self.high - 1) if self.low <= v <= self.high
        ]
        chosen = rng.permutation(flat.size)[: len(notable)]
        flat[chosen] = notable[: chosen.size]
        return result


@dataclass(frozen=True)
class RingCase:
    """One operation. `exact` maps integers to integers; `real` real numbers to real numbers."""

    op: str
    operands: tuple[Value, ...]
    result: Value
    attributes: dict[str, Any] = field(default_factory=dict)
    exact: Callable[..., Any] | None = None
    real: Callable[..., Any] | None = None
    units: float = 0.0
    relative: float = 0.0

    @property
    def name(self) -> str:
        widths = "_".join(f"{v.kind}{v.width}.{v.fraction}" for v in (*self.operands, self.result))
        return f"{self.op}-{widths}"

    def module(self) -> ModuleOp:
        block = Block(arg_types=[v.type for v in self.operands])
        op = CLASSES[self.op].make(list(block.args), self.result.type, **self.attributes)
        block.add_ops([op, ReturnOp(op.result)])
        kind = FunctionType.from_lists([a.type for a in block.args], [op.result.type])
        function = FuncOp("main", kind, Region(block))
        function.attributes[ARGUMENT_RANGES] = ring.attribute(
            [max(-v.low - 1, v.high, 1).bit_length() if v.kind == "x" else 0 for v in self.operands]
        )
        module = ModuleOp([function])
        module.verify()
        return module

    def expected(self, inputs: Sequence[Array]) -> Array:
        """Integers (exact ones modulo the result's ring), as object arrays or float64."""
        if self.exact is not None:
            result = np.asarray(self.exact(*(a.astype(object) for a in inputs)), object)
            return np.asarray(_signed(result, self.result.width) if self.result.kind == "x" else result)
        assert self.real is not None
        reals = [np.ldexp(a.astype(np.float64), -v.fraction) for a, v in zip(inputs, self.operands)]
        return np.asarray(np.ldexp(self.real(*reals), self.result.fraction))


def _signed(x: Array, width: int) -> Array:
    half = 1 << (width - 1)
    return np.asarray((x + half) % (1 << width) - half)


# ------------------------------------------------------------------------------------------------ values

S = (4, 6)


def full(width: int, fraction: int = 0, shape: tuple[int, ...] = S) -> Value:
    """Any element of a ring."""
    return Value("x", shape, width, fraction, -(1 << (width - 1)), (1 << (width - 1)) - 1)


def span(width: int, fraction: int, low: int, high: int, shape: tuple[int, ...] = S) -> Value:
    return Value("x", shape, width, fraction, low, high)


def sized(width: int, fraction: int, most: int, shape: tuple[int, ...] = S) -> Value:
    return span(width, fraction, -most, most, shape)


def bit(shape: tuple[int, ...] = S) -> Value:
    return Value("b", shape)


def public(low: int, high: int, shape: tuple[int, ...] = S) -> Value:
    return Value("p", shape, 64, 0, low, high)


def chosen(*numbers: Any) -> Value:
    return Value("p", np.shape(numbers), 64, 0, numbers=tuple(np.ravel(numbers)))


CASES: list[RingCase] = []


def case(op: str, operands: Sequence[Value], result: Value, **options: Any) -> None:
    attributes = options.pop("attributes", {})
    CASES.append(RingCase(op, tuple(operands), result, attributes, **options))


# ------------------------------------------------------------------------------------------------ local

for w in (64, 52, 32, 20, 3):
    case("add", [full(w), full(w)], full(w), exact=lambda x, y: x + y)
    case("sub", [full(w), full(w)], full(w), exact=lambda x, y: x - y)
    case("neg", [full(w)], full(w), exact=lambda x: -x)
    case("add_public", [full(w), public(-(2**62), 2**62)], full(w), exact=lambda x, p: x + p)
    case("add_public", [full(w), public(-(2**62), 2**62, ())], full(w), exact=lambda x, p: x + p)
    case("mul_public", [full(w), public(-(2**62), 2**62)], full(w), attributes={"shift": 0}, exact=lambda x, p: x * p)
    case("sum", [full(w)], full(w, 0, (6,)), attributes={"dims": [0]}, exact=lambda x: x.sum(0))
    if w > 3:
        case("narrow", [full(w)], full(w - 3), exact=lambda x: x)
        case("shl", [full(w, 0)], full(w, 5), attributes={"bits": 5}, exact=lambda x: x << 5)
    case("relabel", [full(w, 3)], full(w, 1), exact=lambda x: x)

for w, f in ((32, 8), (64, 18), (40, 12)):
    # linear.h: 1.5 units, and the result must fit.
    most = (1 << (w - 1)) - 1
    case(
        "mul_public",
        [sized(w, f, most // 78), public(-77, 77)],
        full(w - 6, f),
        attributes={"shift": 6},
        exact=lambda x, p: x * p * Fraction(1, 64),
        units=1.5,
    )
    case(
        "matmul_public",
        [sized(w, f, most // 84, (2, 3, 4)), public(-20, 20, (2, 4, 5))],
        full(w - 4, f, (2, 3, 5)),
        attributes={"shift": 4},
        exact=lambda x, p: (x @ p) * Fraction(1, 16),
        units=1.5,
    )
    case(
        "down_cast",
        [sized(w, f, most - 64)],
        full(w - 5, f - 5),
        attributes={"shift": 5},
        real=lambda x: x,
        units=1.5,
    )

for w in (64, 32, 20):
    for kind in ("x", "b"):

        def of(*shape: int, kind: str = kind, w: int = w) -> Value:
            return full(w, 2, shape) if kind == "x" else bit(shape)

        if kind == "b" and w != 64:
            continue
        case("reshape", [of(2, 3, 4)], of(6, 4), exact=lambda x: x.reshape(6, 4))
        case(
            "transpose",
            [of(2, 3, 4)],
            of(4, 2, 3),
            attributes={"perm": [2, 0, 1]},
            exact=lambda x: x.transpose(2, 0, 1),
        )
        case(
            "broadcast",
            [of(3, 1)],
            of(2, 3, 4),
            attributes={"dims": [1, 2]},
            exact=lambda x: np.broadcast_to(x, (2, 3, 4)),
        )
        case(
            "slice",
            [of(2, 3, 4)],
            of(1, 2, 2),
            attributes={"start": [1, 0, 1], "limit": [2, 3, 4], "stride": [1, 2, 2]},
            exact=lambda x: x[1:2, 0:3:2, 1:4:2],
        )
        case(
            "concat",
            [of(2, 3), of(2, 1)],
            of(2, 4),
            attributes={"dim": 1},
            exact=lambda x, y: np.concatenate([x, y], 1),
        )
        case(
            "pad",
            [of(2, 2)],
            of(3, 5),
            attributes={"low": [1, 1], "high": [0, 1], "interior": [0, 1]},
            exact=lambda x: np.insert(np.pad(x, ((1, 0), (1, 1))), 2, 0, 1),
        )
        case("reverse", [of(2, 3)], of(2, 3), attributes={"dims": [0]}, exact=lambda x: x[::-1])
        case(
            "take",
            [of(2, 3), chosen([5, -1], [0, 4])],
            of(2, 2),
            exact=lambda x, p: np.where(p < 0, 0, x.reshape(-1)[p.astype(np.int64)]),
        )

case("bit_xor", [bit(), bit()], bit(), exact=lambda x, y: x ^ y)
case("bit_not", [bit()], bit(), exact=lambda x: 1 - x)
case("bit_xor_public", [bit(), public(0, 1)], bit(), exact=lambda x, p: x ^ p)
case("bit_and_public", [bit(), public(0, 1)], bit(), exact=lambda x, p: x & p)
case("bit_and", [bit(), bit()], bit(), exact=lambda x, y: x & y)

# ------------------------------------------------------------------------------------------------ products


def windows(x: Array, kernel: Array) -> Array:
    columns = [
        [np.einsum("nhwi,hwio->no", x[:, i : i + 2, j : j + 3], kernel) for j in range(0, 4, 2)] for i in range(0, 5, 2)
    ]
    return np.moveaxis(np.array(columns), 2, 0)


# multiply.h: the product must fit the result after the shift; 1.13 units.
for w, shift, out in ((32, 8, 24), (64, 18, 46), (64, 0, 64), (40, 12, 28), (20, 0, 20)):

    def factor(terms: int, shape: tuple[int, ...] = S, w: int = w, shift: int = shift, out: int = out) -> Value:
        most = math.isqrt(((1 << (shift + out - 1)) - (1 << shift) - 1) // terms)
        return sized(w, shift, min(most, (1 << (w - 1)) - 1), shape)

    options: dict[str, Any] = {"attributes": {"shift": shift}, "units": 1.2 if shift else 0}

    def product(function: Callable[..., Any], shift: int = shift) -> dict[str, Any]:
        return {"exact": function} if shift == 0 else {"real": function}

    case("mul", [factor(1), factor(1)], full(out, shift), **options, **product(lambda x, y: x * y))
    case("square", [factor(1)], full(out, shift), **options, **product(lambda x: x * x))
    case(
        "matmul",
        [factor(4, (2, 3, 4)), factor(4, (2, 4, 5))],
        full(out, shift, (2, 3, 5)),
        **options,
        **product(lambda x, y: x @ y),
    )
    case(
        "conv",
        [factor(18, (2, 6, 6, 3)), factor(18, (2, 3, 3, 4))],
        full(out, shift, (2, 3, 2, 4)),
        attributes={"shift": shift, "strides": [2, 2]},
        units=options["units"],
        **product(windows),
    )

# ------------------------------------------------------------------------------------------------ casts and bits

for w, to in ((20, 32), (32, 64), (63, 64), (8, 9), (3, 64)):
    # up_cast.h: -2^(w-2) <= x < 2^(w-2).
    case("up_cast", [span(w, 0, -(1 << (w - 2)), (1 << (w - 2)) - 1)], full(to), exact=lambda x: x)

for w, bits, drop in ((32, 32, 0), (64, 64, 0), (64, 41, 0), (32, 20, 0), (20, 20, 4), (64, 30, 6), (8, 2, 0)):
    # compare.h: -2^(bits-1) <= x <= 2^(bits-1) - 2^drop, right but where |x| < 2^drop.
    step = 1 << drop
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - step
    numbers = tuple(n for n in (low, low + 1, -step, step, high, high - 1, low // 2, high // 2) if abs(n) >= step)
    case(
        "msb",
        [Value("x", S, w, 0, low, high, (*numbers, *((0,) if drop == 0 else ())))],
        bit(),
        attributes={"bits": bits, "drop": drop},
        exact=lambda x: (x < 0).astype(int),
    )

for w, bits in ((32, 32), (64, 64), (20, 20), (64, 41), (32, 20), (3, 2)):
    # absolute.h: -2^(bits-1) <= x < 2^(bits-1).
    half = 1 << (bits - 1)
    case("abs", [span(w, 4, -half, half - 1)], full(w, 4), attributes={"bits": bits}, exact=lambda x: abs(x))

for w, bits in ((32, 32), (64, 64), (20, 20), (64, 20), (3, 2)):
    # equality.h: [x = 0 mod 2^bits], any x.
    edge = (0, 1, -1, 2, 1 << (bits - 1) if bits < w else -(1 << (bits - 1)), (1 << (bits - 1)) - 1, -2, 0)
    case(
        "equal_zero",
        [Value("x", S, w, 0, numbers=edge)],
        bit(),
        attributes={"bits": bits},
        exact=lambda x, bits=bits: (x % (1 << bits) == 0).astype(int),
    )

for w, bits in ((32, 32), (64, 64), (20, 20), (40, 22)):
    # maximum.h: differences satisfy what a comparison asks for.
    half = 1 << (bits - 2)
    low, high = -half, half - 1
    case(
        "max",
        [span(w, 4, low, high)],
        full(w, 4, (4,)),
        attributes={"axis": 1, "bits": bits, "drop": 0},
        exact=lambda x: x.max(1),
    )
    case(
        "argmax",
        [span(w, 4, low, high)],
        full(32, 0, (6,)),
        attributes={"axis": 0, "bits": bits},
        exact=lambda x: np.array(x.astype(np.int64).argmax(0), object),
    )
    # Short by less than levels * 2^drop units, never too large.
    case(
        "max",
        [span(w, 4, low, high - 16)],
        full(w, 4, (4,)),
        attributes={"axis": 1, "bits": bits, "drop": 4},
        exact=lambda x: x.max(1),
        units=3 * 16,
    )

for w in (64, 32, 20, 3):
    case("bit_to_fxp", [bit()], full(w), exact=lambda c: c)
    case("bit_mul", [bit(), full(w)], full(w), exact=lambda c, x: c * x)
    case("select", [bit(), full(w), full(w)], full(w), exact=lambda c, x, y: np.where(c == 1, x, y))

for w, depth in ((32, 9), (64, 9), (32, 16), (8, 100), (32, 1)):
    # one_hot.h: x - depth must not leave the ring; a zero row for one outside.
    top = (1 << (w - 1)) - 1
    inside = (0, depth - 1, -1, depth, top, depth - top - 1, depth // 2, -min(depth, top + 1 - depth))
    case(
        "one_hot",
        [Value("x", (8,), w, 0, numbers=inside)],
        full(24, 0, (8, depth)),
        attributes={"depth": depth},
        exact=lambda i, depth=depth: (i[:, None] == np.arange(depth)).astype(int),
    )

for w, depth in ((32, 9), (20, 16), (8, 100), (3, 2)):
    case(
        "one_hot",
        [Value("x", (3,), w, 0, numbers=(0, depth - 1, depth // 2))],
        full(24, 0, (3, depth)),
        attributes={"depth": depth, "within": 1},
        exact=lambda i, depth=depth: (i[:, None] == np.arange(depth)).astype(int),
    )

# ------------------------------------------------------------------------------------------------ functions

for f in (8, 10, 12):
    slack = 1 << (f - 2)
    for out, out_fraction in ((24, 14), (40, 16), (24, 8)):
        # exp.h: 1.7 units; with clip_bits the result falls to 0 between -12 and -16.
        tail = math.exp(-11.75) * 2**out_fraction
        case(
            "exp",
            [span(f + 7, f, -(16 << f) + slack + 1, slack)],
            full(out, out_fraction),
            attributes={"slack": slack},
            real=np.exp,
            units=1.7,
        )
        case(
            "exp",
            [span(32, f, -(1 << (f + 11)), slack)],
            full(out, out_fraction),
            attributes={"slack": slack, "clip_bits": f + 12},
            real=np.exp,
            units=1.7 + tail,
        )

for w, f in ((32, 8), (64, 18), (48, 12)):
    for lo, hi in ((0, 7), (-4, 10), (-8, 12)):
        if f + hi + 1 > w or f + lo < 0:
            continue
        # octaves.h: 2^-13 relative and one unit.
        wave = {"attributes": {"lo": lo, "hi": hi}, "units": 1.0, "relative": 2.0**-13}
        least = max(1, int(2.0 ** (f + lo)))
        most = (1 << (f + hi)) - 1
        case("reciprocal", [span(w, f, least, most)], full(30, 14), real=lambda x: 1 / x, **wave)
        case("rsqrt", [span(w, f, least, most)], full(30, 14), real=lambda x: x**-0.5, **wave)

for w, f in ((64, 18), (48, 12), (40, 20)):
    for lo, hi in ((0, 7), (-3, 2), (-6, 1), (1, 2)):
        for name, power in (("reciprocal", -1.0), ("rsqrt", -0.5)):
            series = power_series(power, lo, hi, 14)
            if series is None or f + hi + 14 > w:
                continue
            # fit_series.py: as octaves.h.
            case(
                name,
                [span(w, f, int(2.0 ** (f + lo)), (1 << (f + hi)) - 1)],
                full(30, 14),
                attributes={
                    "lo": lo,
                    "hi": hi,
                    "series": list(series.coefficients),
                    "table_bits": series.table_bits,
                    "dealt_bits": series.dealt_bits,
                },
                real=lambda x, power=power: x**power,
                units=1.0,
                relative=2.0**-13,
            )

for w, f in ((32, 8), (64, 18), (40, 12)):
    for bits in (f + 6, f + 12):
        most = (1 << (bits - 1)) - (5 << f) - 1
        for out, out_fraction in ((24, 14), (20, 8)):
            # tanh.h: 0.0019 beyond 3.5; before, 0.0025 and one unit.
            case(
                "tanh",
                [sized(w, f, most)],
                full(out, out_fraction),
                attributes={"bits": bits},
                real=np.tanh,
                units=1 + 0.0025 * 2**out_fraction,
            )
        # gelu.h: 0.0083 outside; 0.0050 and one unit between, 1.5 units more where the result is coarser.
        for out, out_fraction in ((max(24, bits + 2), f), (max(20, bits - f + 10), 8)):
            if out_fraction > f or out > w:
                continue
            case(
                "gelu",
                [sized(w, f, most)],
                full(out, out_fraction),
                attributes={"bits": bits},
                real=lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
                units=2.5 + 0.0083 * 2**out_fraction,
            )

for w, f in ((32, 8), (32, 12)):
    for coefficients in ([1.0, 0.5, -0.25], [0.0, 0.0, 1.0], [0.5, -1.0, 0.125, 0.0625]):
        # polynomial.h: 1.7 units.
        case(
            "polynomial",
            [sized(w, f, (1 << (f + 3)) - 1)],
            full(24, 8),
            attributes={"coefficients": coefficients},
            real=lambda x, c=tuple(coefficients): np.polyval(c[::-1], x),
            units=1.7,
        )

# ------------------------------------------------------------------------------------------------ wide protocols

for w, bits, to in ((32, 8, 32), (64, 32, 64), (20, 20, 64), (3, 2, 4), (63, 63, 64)):
    # extend.h: the signed number in the low `bits` bits, of any operand.
    case(
        "extend",
        [full(w)],
        full(to),
        attributes={"bits": bits},
        exact=lambda x, bits=bits: _signed(x, bits),
    )

for w, shift, out in ((32, 8, 24), (64, 18, 46), (64, 62, 2), (20, 1, 19), (64, 18, 20)):
    # floor_shift.h: any operand.
    case("floor_shift", [full(w, shift)], full(out), attributes={"shift": shift}, exact=lambda x, s=shift: x >> s)


def _planes(x: Array, bits: int) -> Array:
    return np.stack([x >> i & 1 for i in range(bits)])


for w, bits in ((32, 32), (64, 64), (20, 12), (8, 2)):
    # to_bits.h, from_bits.h: any operand.
    case("to_bits", [full(w)], bit((bits, *S)), attributes={"bits": bits}, exact=lambda x, n=bits: _planes(x, n))
    case(
        "from_bits",
        [bit((bits, *S))],
        full(w),
        exact=lambda b: sum(b[i] * (1 << i) for i in range(len(b))),
    )
case("parity", [full(20, 4)], bit(), exact=lambda x: x % 2)

for w, f, most in ((64, 18, 1 << 44), (40, 8, 1 << 16)):
    for out, out_fraction in ((20, 16), (12, 8)):
        for amplitudes in ([1.0, 0.0], [0.0, 1.0]):
            # sine.h: 2^-12 and one unit.
            case(
                "sine",
                [sized(w, f, most)],
                full(out, out_fraction),
                attributes={"amplitudes": amplitudes},
                real=lambda x, a=tuple(amplitudes): a[0] * np.cos(x) + a[1] * np.sin(x),
                units=1.25 + 2.0 ** (out_fraction - 12),
            )

for w, shift in ((20, 8), (40, 18), (64, 6)):
    # reround.h: -2^(w-1) <= x <= 2^(w-1) - 2^shift; less than one unit.
    case(
        "reround",
        [span(w, shift + 2, -(1 << (w - 1)), (1 << (w - 1)) - (1 << shift))],
        full(w - shift, 2),
        attributes={"shift": shift},
        exact=lambda x, shift=shift: x * Fraction(1, 1 << shift),
        units=1.0,
    )

for w, f, bits in ((40, 18, 36), (32, 8, 24)):
    for hi, out in ((4, 26), (16, 44), (21, 50)):
        # exp_below.h: 2^-10 relative and 2 units, down to the least operand.
        if hi << f >= 1 << (bits - 1):
            continue
        case(
            "exp_below",
            [span(w, f, -(1 << (bits - 1)) + 1, hi << f)],
            full(out, min(18, f + 6)),
            attributes={"bits": bits, "hi": hi},
            real=np.exp,
            units=2.0,
            relative=2.0**-10,
        )
        case(
            "exp_below",
            [span(w, f, -(12 << f), hi << f)],
            full(out, min(18, f + 6)),
            attributes={"bits": bits, "hi": hi},
            real=np.exp,
            units=2.0,
            relative=2.0**-10,
        )

for w, f, lo, hi in ((62, 18, -18, 43), (40, 18, -2, 10), (32, 8, -8, 20), (32, 8, 0, 1)):
    # log.h: 2^-12 and 2 units.
    least = max(1, int(2.0 ** (f + lo)))
    case(
        "log",
        [span(w, f, least, (1 << (f + hi)) - 1)],
        full(24, 16),
        attributes={"lo": lo, "hi": hi},
        real=np.log,
        units=2.0 + 2.0**-12 * 2**16,
    )
    case(
        "log",
        [Value("x", S, w, f, numbers=tuple(least << k for k in range(0, f + hi - least.bit_length() + 1, 2)))],
        full(24, 16),
        attributes={"lo": lo, "hi": hi},
        real=np.log,
        units=2.0 + 2.0**-12 * 2**16,
    )

for lo, hi in ((0, 8), (-8, 12), (-18, 24)):
    # divide.h: 2^-12 relative and 1.7 units.
    least, most = max(1, int(2.0 ** (18 + lo))), (1 << (18 + hi)) - 1
    out = 46
    case(
        "divide",
        [sized(46, 18, min((1 << 44) - 1, (1 << 26) * least)), span(46, 18, least, most)],
        full(out, 18),
        attributes={"lo": lo, "hi": hi},
        real=lambda x, y: x / y,
        units=1.7,
        relative=2.0**-12,
    )

for w, bits in ((32, 32), (64, 40), (20, 20)):
    # Guards: what is legal passes unchanged.
    case(
        "require_range",
        [sized(w, 0, 1 << (bits - 2))],
        full(w),
        attributes={"bits": bits},
        exact=lambda x: x,
    )
    case(
        "require_range",
        [sized(w, 0, 3 << (bits - 3))],
        full(w),
        attributes={"bits": bits, "legal": 3},
        exact=lambda x: x,
    )
for w, e, bits, legal in ((20, 27, 20, 2), (31, 64, 31, 2), (30, 27, 20, 2), (46, 50, 46, 3)):
    # sum_guard.h: y as `bits` bits say, sums that no more than 2^(bits-2) are missing from.
    case(
        "require_sums",
        [
            sized(e, 0, 1 << (bits - 2), (2, 3, 4)),
            Value("x", (2, 3, 5), w, 0, 0, 0),
            public(-20, 20, (2, 5, 4)),
        ],
        full(e, 0, (2, 3, 4)),
        attributes={"bits": bits, "legal": legal},
        exact=lambda e, y, r: e,
    )
case("require_false", [Value("b", S, low=0, high=0)], bit(), exact=lambda c: c)

for w, f, hi in ((62, 18, 43), (40, 18, 20), (24, 8, 14)):
    # sqrt.h: 2^-12 relative and 1.2 units; zero included.
    case(
        "sqrt",
        [span(w, f, 0, 1 << (hi + f) - 1)],
        full(2 + 18 + hi // 2 + 1, 18),
        attributes={"hi": hi},
        real=np.sqrt,
        units=2.0,
        relative=2.0**-12,
    )

# ------------------------------------------------------------------------------------------------ limits of operands


def fxp(width: int, fraction: int = 4, shape: str = "4x") -> str:
    return f"tensor<{shape}!ring.fxp<{width}, {fraction}>>"


def four(last: float) -> Any:
    """Three ones and another number."""
    return np.array([1.0, 1.0, 1.0, last])


F20, F64, BIT = fxp(20), fxp(64), "tensor<4x!ring.bit>"
ROWS, COLUMNS, CELL = fxp(20, 4, "1x1x4x"), fxp(20, 4, "1x4x1x"), fxp(12, 4, "1x1x1x")
PUBLIC = "tensor<4xi64>"
TRUE = np.ones(4, bool)
# Operation, types, result, attributes, inputs with the last legal number and with the first that is not, and what
# errors call it. Units are sixteenths.
LIMITS: dict[str, tuple[list[str], str, dict[str, Any], list[Any], list[Any], str]] = {
    "add": ([F20, F20], F20, {"range": 8}, [four(8), four(7)], [four(8), four(8)], "a value is 16 "),
    "sub": ([F20, F20], F20, {"range": 8}, [four(8), four(-7)], [four(8), four(-8)], "a value is 16 "),
    "neg": ([F20], F20, {"range": 8}, [four(15)], [four(16)], "a value is -16 "),
    "add_public": ([F20, PUBLIC], F20, {"range": 8}, [four(8), [127] * 4], [four(8), [128] * 4], "a value is 16 "),
    "mul_public": (
        [F64, PUBLIC],
        fxp(9),
        {"range": 8, "shift": 0},
        [four(5), [3] * 4],
        [four(5.5), [3] * 4],
        "a value is 16.5 ",
    ),
    "matmul_public": (
        [ROWS, "tensor<1x4x1xi64>"],
        CELL,
        {"range": 8, "shift": 0},
        [four(12).reshape(1, 1, 4), np.ones((1, 4, 1), int)],
        [four(13).reshape(1, 1, 4), np.ones((1, 4, 1), int)],
        "a value is 16 ",
    ),
    "down_cast": ([F20], fxp(9, 2), {"range": 6, "shift": 2}, [four(15.5)], [four(16)], "a value is 16 "),
    "narrow": ([F20], fxp(9), {}, [four(-16)], [four(16)], "a value is 16 "),
    "shl": ([F20], fxp(20, 6), {"range": 8, "bits": 2}, [four(3)], [four(4)], "a value is 4 "),
    "relabel": ([F20], fxp(20, 2), {"range": 8}, [four(15)], [four(16)], "a value is 64 "),
    "sum": ([F20], fxp(20, 4, ""), {"range": 8, "dims": "array<i64: 0>"}, [four(12)], [four(13)], "a value is 16,"),
    "take": ([F20, PUBLIC], F20, {}, [four(1), [0, 3, 2, -1]], [four(1), [0, 4, 2, -1]], "a public index is 4 "),
    "mul": ([F20, F20], fxp(16), {"shift": 4, "range": 8}, [four(3), four(5)], [four(4), four(4)], "a value is 16 "),
    "square": ([F20], fxp(16), {"shift": 4, "range": 8}, [four(3.9)], [four(-4)], "a value is 16 "),
    "matmul": (
        [ROWS, COLUMNS],
        CELL,
        {"shift": 4, "range": 8},
        [four(3).reshape(1, 1, 4), four(4).reshape(1, 4, 1)],
        [four(4).reshape(1, 1, 4), four(4).reshape(1, 4, 1)],
        "a value is 19 ",
    ),
    "conv": (
        [fxp(20, 4, "1x1x1x4x"), fxp(20, 4, "1x1x4x1x")],
        fxp(12, 4, "1x1x1x1x"),
        {"shift": 4, "range": 8, "strides": "array<i64: 1, 1>"},
        [four(3).reshape(1, 1, 1, 4), four(4).reshape(1, 1, 4, 1)],
        [four(4).reshape(1, 1, 1, 4), four(4).reshape(1, 1, 4, 1)],
        "a value is 19 ",
    ),
    "up_cast": ([fxp(10)], F20, {"range": 9}, [four(15.9)], [four(16)], "the operand is 16 "),
    "reround": ([F20], fxp(18, 2), {"shift": 2}, [four(32767.75)], [four(32767.9)], "the operand is 32767.9 "),
    "msb": ([F20], BIT, {"bits": 8, "drop": 2}, [four(7.75)], [four(7.8125)], "what is compared is 7.8125 "),
    "abs": ([F20], F20, {"bits": 8, "range": 7}, [four(-7.9)], [four(-8.1)], "what is compared is -8.125 "),
    "equal_zero": ([F20], BIT, {"bits": 8}, [four(-8)], [four(-9)], "what is compared is -9 "),
    "max": (
        [F20],
        fxp(20, 4, ""),
        {"axis": 0, "bits": 8, "drop": 0},
        [four(8)],
        [four(10)],
        "the difference of two elements of a row is 9,",
    ),
    "argmax": (
        [F20],
        fxp(20, 0, ""),
        {"axis": 0, "bits": 8},
        [four(-6)],
        [four(-8)],
        "the difference of two elements of a row is 9,",
    ),
    "bit_to_fxp": ([BIT], fxp(8, 0), {"range": 1}, [TRUE], [], ""),
    "bit_mul": ([BIT, F20], F20, {"range": 8}, [TRUE, four(15)], [TRUE, four(16)], "a value is 16 "),
    "select": (
        [BIT, F20, F20],
        F20,
        {"range": 8},
        [TRUE, four(15), four(99)],
        [~TRUE, four(15), four(99)],
        "a value is 99 ",
    ),
    "one_hot": ([fxp(20, 0)], fxp(4, 0, "4x5x"), {"depth": 5}, [four(4)], [four(5)], "an id is 5 "),
    "exp": (
        [F20],
        fxp(24, 14),
        {"slack": 1, "clip_bits": 10, "range": 15},
        [four(0.0625) - 1],
        [four(1.125) - 1],
        "the exponent is 0.125 ",
    ),
    "exp_below": (
        [F20],
        fxp(30, 14),
        {"hi": 3, "bits": 10, "range": 24},
        [four(3)],
        [four(3.25)],
        "the exponent is 3.25 ",
    ),
    "reciprocal": ([F20], fxp(30, 14), {"lo": 0, "hi": 3}, [four(7.9)], [four(0.9)], "the divisor is 0.875 "),
    "divide": (
        [F20, F20],
        fxp(30, 14),
        {"lo": 0, "hi": 3},
        [four(-9), four(7.9)],
        [four(-9), four(0)],
        "the divisor is 0 ",
    ),
    "rsqrt": ([F20], fxp(30, 14), {"lo": 0, "hi": 3}, [four(8)], [four(8.1)], "the operand is 8.125 "),
    "sqrt": ([F20], fxp(30, 14), {"hi": 3}, [four(8)], [four(8.1)], "the operand is 8.125 "),
    "log": ([F20], fxp(30, 14), {"lo": 0, "hi": 3}, [four(7.9)], [four(-1)], "the operand is -1 "),
    "tanh": ([F20], fxp(20, 12), {"bits": 8}, [four(3)], [four(3.1)], "the operand is 3.125 "),
    "gelu": ([F20], fxp(20, 8), {"bits": 8}, [four(-4)], [four(-4.2)], "the operand is -4.1875 "),
    "polynomial": (
        [fxp(10)],
        fxp(30, 14),
        {"coefficients": "array<f64: 0.0, 1.0, 1.0>"},
        [four(15.9)],
        [four(16)],
        "the operand is 16 ",
    ),
    "require_range": ([F20], F20, {"bits": 8, "legal": 3}, [four(6)], [four(6.1)], "a guarded value is 6.125 "),
    "require_sums": (
        [CELL, ROWS, "tensor<1x4x1xi64>"],
        CELL,
        {"bits": 8},
        [np.full((1, 1, 1), 4 + 3.9), four(1).reshape(1, 1, 4), np.ones((1, 4, 1), int)],
        [np.full((1, 1, 1), 4 + 4), four(1).reshape(1, 1, 4), np.ones((1, 4, 1), int)],
        "what a guarded sum is off by is 4 ",
    ),
    "require_false": ([BIT], BIT, {}, [~TRUE], [TRUE], "a guarded bit is 1 "),
}
# They move or combine what is in its range already, take whatever their ring holds, or are never executed.
UNLIMITED = {
    *(
        "encode",
        "bit_xor",
        "bit_not",
        "bit_xor_public",
        "bit_and_public",
        "bit_and",
        "extend",
        "floor_shift",
        "from_bits",
        "parity",
        "sine",
        "to_bits",
        "convert",
        "normalise",
        "wrap",
    ),
    *("reshape", "transpose", "broadcast", "slice", "concat", "pad", "reverse"),
}
