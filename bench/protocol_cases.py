"""What bench/protocols.py measures: every protocol of the engine on operands like those of a BERT-base."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SEED = 1


@dataclass(frozen=True)
class Ring:
    """Integers mod 2^width with `fraction` fractional bits; width 1: a bit."""

    width: int
    fraction: int = 0

    def __str__(self) -> str:
        return "bit" if self.width == 1 else f"{self.width},{self.fraction}"

    def value(self, shape: Sequence[int], range_bits: int | None = None) -> dict[str, Any]:
        """A value of this ring in an engine program."""
        if self.width == 1:
            return {"kind": "bit", "shape": list(shape)}
        kind = {"kind": "fxp", "width": self.width, "fraction": self.fraction}
        return {**kind, "shape": list(shape), "range": range_bits}


BIT = Ring(1)


@dataclass(frozen=True)
class Secret:
    """An operand: signed integers of a ring."""

    integers: NDArray[np.int64]
    ring: Ring
    range_bits: int | None = None

    @property
    def numbers(self) -> Array:
        """What the integers mean, in float64."""
        return np.ldexp(self.integers.astype(np.float64), -self.ring.fraction)

    @property
    def plain(self) -> Array:
        """The operand as a JAX function takes it: float32 (exact for less than 24 bits), int32 or bool."""
        if self.ring.width == 1:
            return self.integers.astype(np.bool_)
        return self.numbers.astype(np.float32) if self.ring.fraction else self.integers.astype(np.int32)


@dataclass(frozen=True)
class Case:
    """One operation: its operands, the ring of its result, and the exact result in float64."""

    op: str
    operands: tuple[Secret, ...]
    result: Ring
    exact: Array
    attrs: Mapping[str, Any] = field(default_factory=dict)
    # Public integers, the last operands.
    constants: tuple[NDArray[np.int64], ...] = ()

    @property
    def elements(self) -> int:
        """The count that costs are divided by: elements of the result or of what is looked at, whichever has more."""
        looked_at = self.operands if self.constants else self.operands[:1]
        return max(self.exact.size, *(operand.integers.size for operand in looked_at))

    @property
    def rings(self) -> str:
        """Operand and result rings, and the bits a comparison looks at."""
        text = " ".join(f"({x.ring})" for x in self.operands) + f" -> ({self.result})"
        words = {"bits": "bits", "drop": "dropped", "clip_bits": "bits clipped"}
        bits = [f"{self.attrs[name]} {word}" for name, word in words.items() if name in self.attrs]
        return ", ".join([text, *bits])

    def program(self) -> dict[str, Any]:
        """An engine program of this operation alone; it takes `constants`."""
        count = len(self.operands)
        public = list(range(count, count + len(self.constants)))
        made = count + len(public)
        return {
            "format": "ditto-program",
            "version": 1,
            "name": self.op,
            "values": [
                *(x.ring.value(x.integers.shape, x.range_bits) for x in self.operands),
                *({"kind": "public", "shape": list(numbers.shape)} for numbers in self.constants),
                self.result.value(self.exact.shape),
            ],
            "inputs": list(range(count)),
            "outputs": [made],
            "constants": public,
            "ops": [
                {"op": self.op, "in": list(range(made)), "out": [made], "attrs": dict(self.attrs), "layer": ""},
            ],
        }


class Draw:
    """Operands drawn at random, from the same seed every time."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(SEED)

    def uniform(self, ring: Ring, shape: tuple[int, ...], low: float, high: float, **more: Any) -> Secret:
        """Numbers of the ring from [low, high)."""
        scale = 2.0**ring.fraction
        return Secret(self._random.integers(math.ceil(low * scale), math.ceil(high * scale), shape), ring, **more)

    def powers(self, ring: Ring, shape: tuple[int, ...], low: int, high: int) -> Secret:
        """Positive numbers from [2^low, 2^high), as many near zero as far from it."""
        numbers = np.exp2(self._random.uniform(low, high, shape))
        return Secret(np.floor(np.ldexp(numbers, ring.fraction)).astype(np.int64), ring)

    def multiples(self, ring: Ring, of: Secret, size: float) -> Secret:
        """What gives numbers of (-size, size) where it is divided by `of`."""
        products = of.numbers * self._random.uniform(-size, size, of.integers.shape)
        return Secret(np.rint(np.ldexp(products, ring.fraction)).astype(np.int64), ring)

    def signs(self, ring: Ring, shape: tuple[int, ...], low_bits: int, bits: int) -> Secret:
        """Positive and negative integers of at least low_bits and less than `bits` bits, as many short as long."""
        sizes = np.exp2(self._random.uniform(low_bits, bits - 1, shape)).astype(np.int64)
        return Secret(np.where(self._random.integers(0, 2, shape) == 1, -sizes, sizes), ring)

    def rows(self, ring: Ring, rows: int, length: int) -> Secret:
        """Rows of distinct numbers around zero, each in an order of its own."""
        row = (np.arange(length) - length // 2) * 16
        return Secret(self._random.permuted(np.tile(row, (rows, 1)), axis=1), ring)


def gelu(x: Array) -> Array:
    """x Phi(x)."""
    return np.asarray(x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2)


def cases(elements: int) -> list[Case]:
    """One case or more for every protocol, of about `elements` elements each.

    Matrix products are those of a BERT-base's hidden states (768 wide), the convolution a ViT's of patches; maxima are
    over rows of 128, one-hot vectors of 1024.
    """
    draw = Draw()
    flat = (elements,)
    tokens, rows, ids = (max(1, elements // size) for size in (768, 128, 1024))
    side = math.isqrt(tokens)
    narrow, sum_ring, wide = Ring(20, 8), Ring(24, 14), Ring(32, 8)
    found: list[Case] = []

    def add(op: str, operands: Sequence[Secret], result: Ring, exact: Callable[..., Array], **attrs: Any) -> None:
        found.append(Case(op, tuple(operands), result, exact(*(x.numbers for x in operands)), attrs))

    def operand(ring: Ring, size: float = 8, **more: Any) -> Secret:
        return draw.uniform(ring, flat, -size, size, **more)

    for ring, result in ((Ring(28, 8), narrow), (Ring(64, 18), Ring(46, 18))):
        add("mul", [operand(ring), operand(ring)], result, np.multiply, shift=ring.fraction)
    add("square", [operand(Ring(28, 8))], narrow, np.square, shift=8)
    hidden, weight = Ring(32, 8), Ring(32, 12)
    states = draw.uniform(hidden, (1, tokens, 768), -4, 4)
    add("matmul", [states, draw.uniform(weight, (1, 768, 768), -0.1, 0.1)], narrow, np.matmul, shift=12)
    image = draw.uniform(hidden, (1, 16 * side, 16 * side, 3), -4, 4)
    kernel = draw.uniform(weight, (16, 16, 3, 768), -0.1, 0.1)
    add("conv", [image, kernel], narrow, patches_product, strides=[16, 16], shift=12)

    add("up_cast", [operand(narrow)], wide, np.positive)
    add("up_cast", [operand(narrow)], Ring(64, 8), np.positive)
    for bits, into in ((8, 32), (32, 64)):
        whole = draw.uniform(Ring(bits), flat, -(2 ** (bits - 1)), 2 ** (bits - 1))
        add("extend", [whole], Ring(into), np.positive, bits=bits)
    add("down_cast", [operand(Ring(32, 16))], Ring(24, 8), np.positive, shift=8)

    add("floor_shift", [operand(Ring(32, 18))], Ring(14), np.floor, shift=18)
    add("floor_shift", [operand(Ring(64, 18))], Ring(46), np.floor, shift=18)
    for bits in (8, 32, 64):
        whole = draw.uniform(Ring(bits), flat, -(2 ** (min(bits, 53) - 1)), 2 ** (min(bits, 53) - 1))
        places = np.arange(bits)[:, None]
        add("to_bits", [whole], BIT, lambda x, at=places: x.astype(np.int64) >> at & 1, bits=bits)
    planes = draw.uniform(BIT, (32, elements), 0, 2)
    weights = np.append(2.0 ** np.arange(31), -(2.0**31))
    add("from_bits", [planes], Ring(32), lambda b, weights=weights: weights @ b)

    add("reround", [operand(Ring(44, 18))], Ring(35, 9), np.positive, shift=9)

    for bits, drop in ((20, 0), (20, 4), (32, 0), (64, 0)):
        add("msb", [draw.signs(Ring(bits, 8), flat, drop, min(bits, 24))], BIT, lambda x: x < 0, bits=bits, drop=drop)
    for bits in (20, 32):
        add("abs", [draw.signs(Ring(bits, 8), flat, 0, bits)], Ring(bits, 8), np.abs, bits=bits)
    for bits in (16, 32):
        add("equal_zero", [draw.uniform(Ring(bits), flat, -2, 3)], BIT, lambda x: x == 0, bits=bits)
    condition, other = (draw.uniform(BIT, flat, 0, 2) for _ in range(2))
    add("bit_and", [condition, other], BIT, np.multiply)
    add("bit_to_fxp", [condition], Ring(20), np.positive)
    add("bit_mul", [condition, operand(narrow)], narrow, np.multiply)
    add("select", [condition, operand(narrow), operand(narrow)], narrow, np.where)

    scores = Ring(22, 8)
    add("max", [draw.uniform(scores, (rows, 128), -16, 16)], scores, lambda x: x.max(1), axis=1, bits=22, drop=4)
    add("argmax", [draw.rows(scores, rows, 128)], Ring(32), lambda x: x.argmax(1), axis=1, bits=22)
    add(
        "one_hot",
        [draw.uniform(Ring(32), (ids,), 0, 1024)],
        Ring(32),
        lambda x: x[:, None] == np.arange(1024),
        depth=1024,
    )

    add("exp", [draw.uniform(scores, flat, -20, 0)], sum_ring, np.exp, slack=128, clip_bits=22)
    add("exp", [draw.uniform(scores, flat, -15, 0)], sum_ring, np.exp, slack=128)
    add("exp_below", [draw.uniform(Ring(32, 18), flat, -40, 2)], Ring(24, 14), np.exp, bits=25, hi=2)
    add("reciprocal", [draw.powers(sum_ring, flat, 0, 8)], Ring(24, 16), np.reciprocal, lo=0, hi=8)
    for dividends, divisors, quotients, lo, hi in (
        (Ring(46, 18), Ring(32, 18), Ring(36, 18), 0, 8),
        (Ring(64, 18), Ring(46, 18), Ring(46, 18), -18, 27),
    ):
        divisor = draw.powers(divisors, flat, lo, hi)
        dividend = draw.multiples(dividends, divisor, 8)
        add("divide", [dividend, divisor], quotients, np.divide, lo=lo, hi=hi)
    add("rsqrt", [draw.powers(Ring(32, 12), flat, -6, 8)], Ring(24, 12), lambda x: x**-0.5, lo=-6, hi=8)
    add("sqrt", [draw.powers(Ring(32, 12), flat, -6, 8)], Ring(24, 12), np.sqrt, hi=8)
    add("log", [draw.powers(Ring(32, 12), flat, -6, 8)], Ring(24, 12), np.log, lo=-6, hi=8)
    add("sine", [operand(Ring(64, 18))], Ring(20, 16), np.sin, amplitudes=[0.0, 1.0])
    add("tanh", [operand(narrow)], narrow, np.tanh, bits=20)
    add("gelu", [operand(narrow)], narrow, gelu, bits=20)
    coefficients = [0.25, 0.5, 0.125]
    add(
        "polynomial",
        [operand(narrow, range_bits=12)],
        narrow,
        lambda x: np.polyval(coefficients[::-1], x),
        coefficients=coefficients,
    )
    add("require_range", [operand(narrow)], narrow, np.positive, bits=13)
    # Four sums of the columns of hidden states, as they are made of the products themselves and of their low bits.
    summands = Secret(np.zeros((1, 4, max(1, elements // 4)), np.int64), Ring(20))
    sums = Secret(np.full((1, 4, 4), 1 << 17, np.int64), Ring(31))
    factors = np.full((1, summands.integers.shape[2], 4), 3, np.int64)
    found.append(Case("require_sums", (sums, summands), sums.ring, sums.numbers, {"bits": 20, "legal": 2}, (factors,)))
    return found


def patches_product(image: Array, kernel: Array) -> Array:
    """A convolution whose stride is the kernel's size: NHWC times HWIO."""
    batch, height, width, channels = image.shape
    rows, columns = kernel.shape[:2]
    patches = image.reshape(batch, height // rows, rows, width // columns, columns, channels)
    return np.asarray(np.einsum("byrxci,rcio->byxo", patches, kernel, optimize=True))
