"""Every PPHLO operation that has a lowering rule, as data: shapes, dtypes, inputs over the whole domain, its meaning.

    for case in CASES:
        for draw in case.draws():
            expected = case.meaning(*draw.arrays)

Meanings are NumPy's in float64 or in integers of the result's dtype. Float inputs are multiples of 2^-8, which every
ring takes as they are, so that nothing but the operation itself errs; the draw "least" is below that, and there the
last unit of an input counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erf

from tests.conformance.outcome import Array, stated_error

DTYPES = {
    "f16": np.dtype(np.float16),
    "f32": np.dtype(np.float32),
    "i8": np.dtype(np.int8),
    "i16": np.dtype(np.int16),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
    "ui8": np.dtype(np.uint8),
    "ui32": np.dtype(np.uint32),
    "ui64": np.dtype(np.uint64),
    "i1": np.dtype(np.bool_),
}
# What JAX has without its 64-bit mode.
JAX_DTYPES = ("f16", "f32", "i8", "i16", "i32", "ui8", "ui32", "i1")

Tolerance = Callable[..., Any]


@dataclass(frozen=True)
class Operand:
    """An argument: "f32" and the like, a shape, and whether it is secret. `draw` replaces the usual levels."""

    element: str
    shape: tuple[int, ...]
    secret: bool = True
    draw: Callable[[str, np.random.Generator], Array] | None = None

    @property
    def type(self) -> str:
        return tensor(self.element, self.shape, self.secret)


@dataclass(frozen=True)
class Draw:
    """Inputs of one level. Ordinary ones must be computed; all others computed or refused."""

    level: str
    arrays: tuple[Array, ...]

    @property
    def ordinary(self) -> bool:
        return self.level == "ordinary"


@dataclass(frozen=True)
class Case:
    """One operation on one choice of dtypes.

    Attributes:
        op: the name, or "@target" of a custom call.
        text: its line of PPHLO, operands %a, %b, ..., result %r. None: what SPU makes of `jax`.
        jax: the same as a JAX function, where JAX has it.
        tolerance: absolute error allowed, from (expected, *arrays); None means what results state.
        levels: the draws, one level each; see `numbers`.
        judged: which elements count, from the arrays.
        refusable: it may be refused for ordinary inputs too, with a remedy.
    """

    op: str
    operands: tuple[Operand, ...]
    element: str
    shape: tuple[int, ...]
    meaning: Callable[..., Any]
    text: str | None = None
    jax: Callable[..., Any] | None = None
    tolerance: Tolerance | None = None
    levels: tuple[str, ...] = ()
    label: str = ""
    judged: Callable[..., Any] | None = None
    refusable: bool = False

    @property
    def name(self) -> str:
        kinds = "_".join(o.element + ("" if o.secret else "p") for o in self.operands)
        return "-".join(part for part in (self.op.removeprefix("pphlo."), self.label, kinds, self.element) if part)

    @property
    def result_type(self) -> str:
        return tensor(self.element, self.shape, True)

    def module(self) -> str:
        """The program as PPHLO text; needs `text`."""
        assert self.text is not None
        arguments = ", ".join(f"%{letter}: {o.type}" for letter, o in zip("abcdef", self.operands))
        lines = [f"func.func @main({arguments}) -> {self.result_type} {{"]
        lines += [f"  {line}" for line in self.text.splitlines()]
        return "\n".join([*lines, f"  return %r : {self.result_type}", "}"])

    def draws(self) -> Iterator[Draw]:
        for level in self.levels or levels_of(self.operands):
            rng = np.random.default_rng(abs(hash_of(self.name + level)))
            yield Draw(
                level,
                tuple(
                    numbers(o.element, level, o.shape, rng) if o.draw is None else o.draw(level, rng)
                    for o in self.operands
                ),
            )

    def expected(self, arrays: tuple[Array, ...]) -> Array:
        """The meaning on real numbers or integers, integers wrapped to the result's dtype."""
        wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]
        with np.errstate(all="ignore"):
            result = np.asarray(self.meaning(*wide))
            dtype = DTYPES[self.element]
            return result.astype(np.float64) if dtype.kind == "f" else result.astype(dtype)

    def allowed(self, expected: Array, arrays: tuple[Array, ...]) -> Any:
        if self.tolerance is not None:
            return self.tolerance(expected, *arrays)
        return stated_error(expected, DTYPES[self.element])


def hash_of(text: str) -> int:
    """A number that is the same in every process."""
    result = 0
    for byte in text.encode():
        result = (result * 257 + byte) % (2**61 - 1)
    return result


def tensor(element: str, shape: tuple[int, ...], secret: bool) -> str:
    inner = f"!pphlo.secret<{element}>" if secret else element
    return "tensor<" + "x".join([*map(str, shape), inner]) + ">"


# ------------------------------------------------------------------------------------------------ inputs

# The magnitudes of each level.
FLOATS: dict[str, dict[str, float]] = {
    "f32": {"ordinary": 8, "tens": 90, "hundreds": 1000, "thousands": 8191, "beyond": 2.0**20, "most": 3.4028234e38},
    "f16": {"ordinary": 8, "tens": 32, "hundreds": 1000, "thousands": 4096, "most": 65504},
}


def levels_of(operands: tuple[Operand, ...]) -> tuple[str, ...]:
    elements = {o.element for o in operands}
    if "f32" in elements:
        return (*FLOATS["f32"], "least")
    if "f16" in elements:
        return (*FLOATS["f16"], "least")
    return ("ordinary", "whole", "most") if elements - {"i1"} else ("ordinary",)


def numbers(element: str, level: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Inputs of a dtype at a level; both ends of the level are among them where there is room."""
    dtype = DTYPES[element]
    if element == "i1":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if level == "most":
            below = [-1] if dtype.kind == "i" else []
            return rng.choice(np.array([limits.min, limits.min + 1, *below, 0, 1, limits.max], dtype), shape)
        if level == "whole":
            return rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        return rng.integers(-10 if dtype.kind == "i" else 0, 11, shape).astype(dtype)
    if level == "least":
        tiny = np.array([0, 2.0**-18, -(2.0**-18), 2.0**-17, 2.0**-9, -(2.0**-8), 1e-7, 6e-8], np.float64)
        return rng.choice(tiny, shape).astype(dtype)
    size = FLOATS[element].get(level, FLOATS[element]["most"])
    if size > 2.0**20 or size == 65504:
        return (rng.choice(np.array([-1, -1 / 4, -1 / 1024, 1 / 4096, 1 / 4, 1]), shape) * size).astype(dtype)
    result = np.rint(rng.uniform(-size, size, shape) * 256) / 256
    if result.size > 1:
        flat = result.reshape(-1)
        flat[rng.choice(flat.size, 2, replace=False)] = size, -size
    return result.astype(dtype)


def within(element: str, spans: dict[str, tuple[float, float]], signs: bool = False) -> Any:
    """A `draw` of numbers whose logarithm is uniform between the level's least and greatest; both are among them."""

    def draw(shape: tuple[int, ...]) -> Callable[[str, np.random.Generator], Array]:
        def drawn(level: str, rng: np.random.Generator) -> Array:
            low, high = spans[level]
            result = np.exp(rng.uniform(np.log(low), np.log(high), shape))
            step = 2.0**-8 if low >= 2.0**-8 else 2.0**-18
            result = np.clip(np.rint(result / step) * step, low, high)
            result.reshape(-1)[:2] = low, high
            if signs:
                result *= rng.choice([-1.0, 1.0], shape)
            return result.astype(DTYPES[element])

        return drawn

    return draw


def spread(element: str, spans: dict[str, tuple[float, float]], shape: tuple[int, ...]) -> Any:
    """A `draw` of multiples of 2^-8 between the level's least and greatest; both are among them."""

    def drawn(level: str, rng: np.random.Generator) -> Array:
        low, high = spans[level]
        result = np.rint(rng.uniform(low, high, shape) * 256) / 256
        result.reshape(-1)[:2] = low, high
        return result.astype(DTYPES[element])

    return drawn


# ------------------------------------------------------------------------------------------------ elementwise

SHAPE = (3, 5)
CASES: list[Case] = []


def line(op: str, operands: tuple[Operand, ...], element: str, shape: tuple[int, ...] = SHAPE, extra: str = "") -> str:
    names = ", ".join(f"%{letter}" for letter, _ in zip("abcdef", operands))
    types = ", ".join(o.type for o in operands)
    return f"%r = {op} {names}{extra} : ({types}) -> {tensor(element, shape, True)}"


def elementwise(
    op: str,
    elements: str,
    result: str | None,
    meaning: Callable[..., Any],
    function: Callable[..., Any] | None,
    *,
    public: bool = False,
    **options: Any,
) -> None:
    """A case for operands "f32 f32"; one more with a public last operand if `public`."""
    for hidden in (True, False) if public else (True,):
        kinds = elements.split()
        operands = tuple(Operand(k, SHAPE, hidden or n < len(kinds) - 1) for n, k in enumerate(kinds))
        element = result or kinds[0]
        usable = function if all(k in JAX_DTYPES for k in (*kinds, element)) else None
        CASES.append(Case(op, operands, element, SHAPE, meaning, line(op, operands, element), usable, **options))


NUMBERS = ("f16", "f32", "i8", "i16", "i32", "i64")

for _e in NUMBERS:
    elementwise("pphlo.add", f"{_e} {_e}", None, np.add, jnp.add, public=True)
    elementwise("pphlo.subtract", f"{_e} {_e}", None, np.subtract, jnp.subtract, public=True)
    elementwise("pphlo.multiply", f"{_e} {_e}", None, np.multiply, jnp.multiply, public=True)
    elementwise("pphlo.negate", _e, None, np.negative, jnp.negative)
    elementwise("pphlo.abs", _e, None, np.abs, jnp.abs)
    elementwise("pphlo.sign", _e, None, np.sign, None, judged=lambda x: (x == 0) | (np.abs(x) >= 2.0**-8))
    elementwise("pphlo.maximum", f"{_e} {_e}", None, np.maximum, jnp.maximum, public=True)
    elementwise("pphlo.minimum", f"{_e} {_e}", None, np.minimum, jnp.minimum, public=True)
elementwise("pphlo.multiply", "i1 i1", None, np.logical_and, None, label="bits")
elementwise("pphlo.multiply", "i1 f32", "f32", np.multiply, None, label="bit")


def _apart(a: Array, b: Array) -> Array:
    """Where two numbers are equal, or further apart than the last bit of the coarsest ring."""
    with np.errstate(all="ignore"):
        difference = a.astype(np.float64) - b.astype(np.float64)
    return (difference == 0) | (np.abs(difference) >= 2.0**-8) | (a.dtype.kind != "f")


COMPARISONS: dict[str, tuple[Any, Any]] = {
    "less": (np.less, jnp.less),
    "less_equal": (np.less_equal, jnp.less_equal),
    "greater": (np.greater, jnp.greater),
    "greater_equal": (np.greater_equal, jnp.greater_equal),
    "equal": (np.equal, jnp.equal),
    "not_equal": (np.not_equal, jnp.not_equal),
}
for _name, (_meaning, _function) in COMPARISONS.items():
    for _e in NUMBERS:
        elementwise(f"pphlo.{_name}", f"{_e} {_e}", "i1", _meaning, _function, judged=_apart)
    elementwise(f"pphlo.{_name}", "f32 f32", "i1", _meaning, _function, public=True, judged=_apart, label="public")
    elementwise(f"pphlo.{_name}", "i1 i1", "i1", _meaning, _function, public=True)

for _name, _meaning, _function in (
    ("and", np.logical_and, jnp.logical_and),
    ("or", np.logical_or, jnp.logical_or),
    ("xor", np.logical_xor, jnp.logical_xor),
    ("maximum", np.logical_or, None),
    ("minimum", np.logical_and, None),
):
    elementwise(f"pphlo.{_name}", "i1 i1", "i1", _meaning, _function, public=True)
elementwise("pphlo.not", "i1", "i1", np.logical_not, jnp.logical_not)

for _e in NUMBERS:
    elementwise("pphlo.select", f"i1 {_e} {_e}", _e, np.where, jnp.where, public=True)
elementwise("pphlo.select", "i1 i1 i1", "i1", np.where, jnp.where)
for _e in ("f32", "f16", "i32"):
    _operands = (Operand("i1", SHAPE, False), Operand(_e, SHAPE), Operand(_e, SHAPE))
    CASES.append(Case("pphlo.select", _operands, _e, SHAPE, np.where, line("pphlo.select", _operands, _e), jnp.where))
    elementwise(
        "pphlo.clamp",
        f"{_e} {_e} {_e}",
        None,
        lambda low, x, high: np.minimum(np.maximum(x, low), high),
        lambda low, x, high: jnp.minimum(jnp.maximum(x, low), high),
    )

# ------------------------------------------------------------------------------------------------ functions

# tanh.h: 0.0025 and one unit; gelu.h: 0.0083 outside, 0.0050 and one unit between.
UNIT_OF = {"f32": 2.0**-18, "f16": 2.0**-8}


def near(error: float, element: str) -> Tolerance:
    """An absolute error and a unit, or half a unit of the dtype itself where that is more."""
    return lambda expected, *arrays: error + UNIT_OF[element] + 2.0**-11 * np.abs(expected) * (element == "f16")


def gelu(x: Any) -> Any:
    return x * (1 + erf(np.asarray(x, np.float64) / np.sqrt(2))) / 2


POSITIVE: dict[str, dict[str, tuple[float, float]]] = {
    "f32": {"ordinary": (1 / 16, 64), "small": (2.0**-8, 1), "large": (1, 8191), "wide": (2.0**-8, 8191)},
    "f16": {"ordinary": (1 / 16, 64), "small": (2.0**-8, 1), "large": (1, 1000), "most": (1, 65504)},
}
RADICANDS = {
    "f32": POSITIVE["f32"] | {"least": (2.0**-14, 1.0), "unit": (2.0**-18, 2.0**-10)},
    "f16": POSITIVE["f16"],
}
EXPONENTS: dict[str, dict[str, tuple[float, float]]] = {
    "f32": {"ordinary": (-8, 5), "below": (-60, 0), "eleven": (-11, 11), "twenty": (-30, 20), "far": (-8000, 80)},
    "f16": {"ordinary": (-8, 5), "below": (-60, 0), "eleven": (-11, 11), "far": (-1000, 20)},
}
ARGUMENTS: dict[str, dict[str, tuple[float, float]]] = {
    "f32": {"ordinary": (-8, 8), "tens": (-40, 40), "thousands": (-8191, 8191), "beyond": (-1e6, 1e6)},
    "f16": {"ordinary": (-8, 8), "tens": (-40, 40), "hundreds": (-1000, 1000), "most": (-65504, 65504)},
}


def function(
    op: str, element: str, draw: Any, spans: dict[str, Any], meaning: Any, jax_function: Any, **options: Any
) -> None:
    operand = Operand(element, SHAPE, draw=draw)
    text = options.pop("text", line(op, (operand,), element))
    CASES.append(Case(op, (operand,), element, SHAPE, meaning, text, jax_function, levels=tuple(spans), **options))


for _e in ("f16", "f32"):
    _positive, _signed = within(_e, POSITIVE[_e])(SHAPE), within(_e, POSITIVE[_e], signs=True)(SHAPE)
    _radicand = within(_e, RADICANDS[_e])(SHAPE)
    _exponent, _argument = spread(_e, EXPONENTS[_e], SHAPE), spread(_e, ARGUMENTS[_e], SHAPE)
    function("pphlo.reciprocal", _e, _signed, POSITIVE[_e], np.reciprocal, None)
    function("pphlo.rsqrt", _e, _radicand, RADICANDS[_e], lambda x: 1 / np.sqrt(x), jax.lax.rsqrt)
    function("pphlo.sqrt", _e, _radicand, RADICANDS[_e], np.sqrt, jnp.sqrt)
    function("pphlo.exponential", _e, _exponent, EXPONENTS[_e], np.exp, jnp.exp)
    function("pphlo.tanh", _e, _argument, ARGUMENTS[_e], np.tanh, jnp.tanh, tolerance=near(0.0025, _e))
    function(
        "pphlo.logistic",
        _e,
        _argument,
        ARGUMENTS[_e],
        lambda x: 1 / (1 + np.exp(-x)),
        jax.nn.sigmoid,
        tolerance=near(0.00125, _e),
    )
    function("pphlo.log", _e, _positive, POSITIVE[_e], np.log, jnp.log, tolerance=near(2.0**-12, _e))
    function(
        "@ditto.logistic",
        _e,
        _argument,
        ARGUMENTS[_e],
        lambda x: 1 / (1 + np.exp(-x)),
        None,
        tolerance=near(0.00125, _e),
        text=f"%r = pphlo.custom_call @ditto.logistic(%a) : ({tensor(_e, SHAPE, True)}) -> {tensor(_e, SHAPE, True)}",
    )
    function(
        "@ditto.gelu",
        _e,
        _argument,
        ARGUMENTS[_e],
        gelu,
        lambda x: jax.nn.gelu(x, approximate=False),
        tolerance=near(0.0083, _e),
        text=f"%r = pphlo.custom_call @ditto.gelu(%a) : ({tensor(_e, SHAPE, True)}) -> {tensor(_e, SHAPE, True)}",
    )
    for _hint in ("prefer_a", "make_cached_var", "drop_cached_var"):
        _type = tensor(_e, SHAPE, True)
        function(
            f"@spu.{_hint}",
            _e,
            _argument,
            ARGUMENTS[_e],
            lambda x: x,
            None,
            text=f"%r = pphlo.custom_call @spu.{_hint}(%a) : ({_type}) -> {_type}",
        )
    for _secret in (True, False):
        _operands = (
            Operand(_e, SHAPE, draw=spread(_e, ARGUMENTS[_e] | dict.fromkeys(POSITIVE[_e], (-8, 8)), SHAPE)),
            Operand(_e, SHAPE, _secret, draw=_signed),
        )
        CASES.append(
            Case(
                "pphlo.divide",
                _operands,
                _e,
                SHAPE,
                np.divide,
                line("pphlo.divide", _operands, _e),
                jnp.divide,
                levels=tuple(POSITIVE[_e]),
            )
        )
    _inverse = (Operand(_e, SHAPE, draw=_argument), Operand(_e, SHAPE, False, draw=_argument))
    CASES.append(
        Case(
            "@ditto.times_inverse",
            _inverse,
            _e,
            SHAPE,
            np.multiply,
            f"%r = pphlo.custom_call @ditto.times_inverse(%a, %b) : ({_inverse[0].type}, {_inverse[1].type}) -> "
            f"{tensor(_e, SHAPE, True)}",
            levels=("ordinary", "tens"),
        )
    )
# sqrt(0) is 0.
function(
    "pphlo.sqrt",
    "f32",
    lambda level, rng: np.zeros(SHAPE, np.float32),
    {"ordinary": 0},
    np.sqrt,
    jnp.sqrt,
    label="zero",
)

# ------------------------------------------------------------------------------------------------ movement

ANY = ("f16", "f32", "i32", "i1")


def moved(
    op: str,
    shapes: list[tuple[int, ...]],
    shape: tuple[int, ...],
    text: str,
    meaning: Any,
    jax_function: Any = None,
    elements: tuple[str, ...] = ANY,
    **options: Any,
) -> None:
    """A case per dtype; `text` has {0}, {1}, ... for the operands' types and {r} for the result's."""
    for element in elements:
        operands = tuple(Operand(element, s) for s in shapes)
        types = [o.type for o in operands]
        written = text.format(*types, r=tensor(element, shape, True), e=element)
        CASES.append(Case(op, operands, element, shape, meaning, written, jax_function, **options))


moved(
    "pphlo.reshape",
    [(3, 4)],
    (2, 6),
    "%r = pphlo.reshape %a : ({0}) -> {r}",
    lambda x: x.reshape(2, 6),
    lambda x: x.reshape(2, 6),
)
moved(
    "pphlo.transpose",
    [(2, 3, 4)],
    (4, 2, 3),
    "%r = pphlo.transpose %a, dims = [2, 0, 1] : ({0}) -> {r}",
    lambda x: x.transpose(2, 0, 1),
    lambda x: x.transpose(2, 0, 1),
)
moved(
    "pphlo.broadcast",
    [(3,)],
    (2, 3, 4),
    "%r = pphlo.broadcast %a, dims = [1] : ({0}) -> {r}",
    lambda x: np.broadcast_to(x[None, :, None], (2, 3, 4)),
    lambda x: jnp.broadcast_to(x[None, :, None], (2, 3, 4)),
)
moved(
    "pphlo.broadcast_as",
    [(), ()],
    (),
    "%r = pphlo.broadcast_as %a, %b : ({0}, {1}) -> {r}",
    lambda x, y: x,
)
moved(
    "pphlo.reverse",
    [(2, 3, 4)],
    (2, 3, 4),
    "%r = pphlo.reverse %a, dims = [0, 2] : {r}",
    lambda x: x[::-1, :, ::-1],
)
moved(
    "pphlo.slice",
    [(4, 7)],
    (2, 3),
    "%r = pphlo.slice %a [1:2:4, 0:3:7] : ({0}) -> {r}",
    lambda x: x[1:4:2, 0:7:3],
    lambda x: x[1:4:2, 0:7:3],
)
moved(
    "pphlo.concatenate",
    [(2, 3), (2, 1)],
    (2, 4),
    "%r = pphlo.concatenate %a, %b dim = 1 : ({0}, {1}) -> {r}",
    lambda x, y: np.concatenate([x, y], 1),
    lambda x, y: jnp.concatenate([x, y], 1),
)
moved(
    "pphlo.pad",
    [(2, 3), ()],
    (4, 6),
    "%r = pphlo.pad %a, %b, low = [1, 0], high = [1, 1], interior = [0, 1] : ({0}, {1}) -> {r}",
    lambda x, fill: _padded(x, fill),
    lambda x, fill: jax.lax.pad(x, fill, [(1, 1, 0), (0, 1, 1)]),
)
moved(
    "pphlo.dynamic_slice",
    [(4, 7)],
    (2, 3),
    "%i = pphlo.constant dense<3> : tensor<i32>\n%j = pphlo.constant dense<1> : tensor<i32>\n"
    "%r = pphlo.dynamic_slice %a, %i, %j sizes = [2, 3] : ({0}, tensor<i32>, tensor<i32>) -> {r}",
    lambda x: x[2:4, 1:4],
)
moved(
    "pphlo.dynamic_update_slice",
    [(4, 7), (2, 3)],
    (4, 7),
    "%i = pphlo.constant dense<3> : tensor<i32>\n%j = pphlo.constant dense<1> : tensor<i32>\n"
    "%r = pphlo.dynamic_update_slice %a, %b, %i, %j : ({0}, {1}, tensor<i32>, tensor<i32>) -> {r}",
    lambda x, update: _updated(x, update),
)
moved(
    "@spu.gather",
    [(4, 3)],
    (2, 3),
    "%i = pphlo.constant dense<[[2], [9]]> : tensor<2x1xi32>\n"
    "%r = pphlo.custom_call @spu.gather(%a, %i) {{pphlo.attributes = {{collapsed_slice_dims = array<i64: 0>, "
    "index_vector_dim = 1 : i64, offset_dims = array<i64: 1>, slice_sizes = array<i64: 1, 3>, "
    "start_index_map = array<i64: 0>}}}} : ({0}, tensor<2x1xi32>) -> {r}",
    lambda x: x[[2, 3]],
)


def _padded(x: Array, fill: Array) -> Array:
    result = np.full((4, 6), fill, x.dtype)
    result[1:3, 0:5:2] = x
    return result


def _updated(x: Array, update: Array) -> Array:
    result = x.copy()
    result[2:4, 1:4] = update
    return result


# ------------------------------------------------------------------------------------------------ reductions


def reduced(combiner: str, elements: tuple[str, ...], meaning: Any, jax_function: Any, initial: dict[str, str]) -> None:
    for element in elements:
        operand = Operand(element, (3, 4, 5))
        start = initial.get(element, initial["any"])
        text = (
            f"%p = pphlo.constant dense<{start}> : tensor<{element}>\n"
            f"%i = pphlo.convert %p : (tensor<{element}>) -> {tensor(element, (), True)}\n"
            f"%r = pphlo.reduce(%a init: %i) applies pphlo.{combiner} across dimensions = [0, 2] : "
            f"({operand.type}, {tensor(element, (), True)}) -> {tensor(element, (4,), True)}"
        )
        usable = jax_function if element in JAX_DTYPES else None
        CASES.append(Case("pphlo.reduce", (operand,), element, (4,), meaning, text, usable, label=combiner))


reduced(
    "add",
    NUMBERS,
    lambda x: x.sum((0, 2), dtype=x.dtype),
    lambda x: x.sum((0, 2), dtype=x.dtype),
    {"any": "0", "f16": "0.0", "f32": "0.0"},
)
_LOW = {"any": "0", "f16": "0xFC00", "f32": "0xFF800000"} | {
    e: str(np.iinfo(DTYPES[e]).min) for e in ("i8", "i16", "i32", "i64")
}
_HIGH = {"any": "0", "f16": "0x7C00", "f32": "0x7F800000"} | {
    e: str(np.iinfo(DTYPES[e]).max) for e in ("i8", "i16", "i32", "i64")
}
reduced("maximum", NUMBERS, lambda x: x.max((0, 2)), lambda x: x.max((0, 2)), _LOW)
reduced("minimum", NUMBERS, lambda x: x.min((0, 2)), lambda x: x.min((0, 2)), _HIGH)
reduced("and", ("i1",), lambda x: x.all((0, 2)), lambda x: x.all((0, 2)), {"any": "true"})
reduced("or", ("i1",), lambda x: x.any((0, 2)), lambda x: x.any((0, 2)), {"any": "false"})


def _distinct(element: str, shape: tuple[int, ...]) -> Callable[[str, np.random.Generator], Array]:
    """Numbers of a level of which no two in a row are closer than the coarsest unit."""

    def drawn(level: str, rng: np.random.Generator) -> Array:
        row = np.linspace(-1, 1, shape[1])
        limit = float(np.iinfo(DTYPES[element]).max) if element[0] == "i" else FLOATS[element]["most"]
        size = {"ordinary": 8.0, "thousands": 1000.0, "most": limit}[level]
        return np.stack([rng.permutation(np.rint(row * size)) for _ in range(shape[0])]).astype(DTYPES[element])

    return drawn


for _e in ("f16", "f32", "i32"):
    for _name in ("argmax", "argmin"):
        CASES.append(
            Case(
                "pphlo.reduce",
                (Operand(_e, (4, 9), draw=_distinct(_e, (4, 9))),),
                "i32",
                (4,),
                lambda x, name=_name: getattr(np, name)(x, 1),
                jax=lambda x, name=_name: getattr(jnp, name)(x, 1),
                levels=("ordinary", "thousands", "most"),
                label=_name,
            )
        )

# Of equal elements the first counts.
for _name in ("argmax", "argmin"):
    CASES.append(
        Case(
            "pphlo.reduce",
            (Operand("i1", (6, 9)),),
            "i32",
            (6,),
            lambda x, name=_name: getattr(np, name)(x, 1),
            jax=lambda x, name=_name: getattr(jnp, name)(x, 1),
            label=_name,
        )
    )

# ------------------------------------------------------------------------------------------------ contractions

for _e in ("f16", "f32", "i8", "i32", "i64"):
    for _hidden in (True, False):
        _operands = (Operand(_e, (3, 4)), Operand(_e, (4, 5), _hidden))
        if _hidden:
            CASES.append(
                Case(
                    "pphlo.dot",
                    _operands,
                    _e,
                    (3, 5),
                    np.matmul,
                    line("pphlo.dot", _operands, _e, (3, 5)),
                    jnp.matmul if _e in ("f16", "f32", "i32") else None,
                )
            )
    _operands = (Operand(_e, (2, 3, 4)), Operand(_e, (2, 5, 4)))
    CASES.append(
        Case(
            "pphlo.dot_general",
            _operands,
            _e,
            (2, 3, 5),
            lambda x, y: x @ y.transpose(0, 2, 1),
            line(
                "pphlo.dot_general",
                _operands,
                _e,
                (2, 3, 5),
                ", batching_dims = [0] x [0], contracting_dims = [2] x [2]",
            ),
            (lambda x, y: x @ y.transpose(0, 2, 1)) if _e in ("f16", "f32", "i32") else None,
        )
    )


def _convolved(x: Array, kernel: Array) -> Array:
    columns = [
        [np.einsum("nhwi,hwio->no", x[:, i : i + 2, j : j + 3], kernel, optimize=False) for j in range(0, 4, 2)]
        for i in range(0, 5, 2)
    ]
    return np.moveaxis(np.array(columns), 2, 0)


for _e in ("f16", "f32"):
    _operands = (Operand(_e, (2, 6, 6, 3)), Operand(_e, (2, 3, 3, 4)))
    CASES.append(
        Case(
            "pphlo.convolution",
            _operands,
            _e,
            (2, 3, 2, 4),
            _convolved,
            f"%r = pphlo.convolution(%a, %b) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f], "
            f"window = {{stride = [2, 2]}} : ({_operands[0].type}, {_operands[1].type}) -> "
            f"{tensor(_e, (2, 3, 2, 4), True)}",
            lambda x, k: jax.lax.conv_general_dilated(
                x, k, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            ),
        )
    )


def _ids(level: str, rng: np.random.Generator) -> Array:
    most = np.iinfo(np.int32)
    return {
        "ordinary": np.arange(6),
        "outside": np.array([-1, 0, 6, 5, -6, 7]),
        "most": np.array([most.min, most.max, 0, 5, 6, -1]),
    }[level].astype(np.int32)


def _rows(table: Array, ids: Array) -> Array:
    valid = (ids >= 0) & (ids < len(table))
    return table[np.where(valid, ids, 0)] * valid[:, None]


for _e in ("f16", "f32"):
    _operands = (
        Operand(_e, (6, 4), draw=lambda level, rng, e=_e: numbers(e, "ordinary", (6, 4), rng)),
        Operand("i32", (6,), draw=_ids),
    )
    CASES.append(
        Case(
            "@ditto.embedding",
            _operands,
            _e,
            (6, 4),
            _rows,
            f"%r = pphlo.custom_call @ditto.embedding(%a, %b) : ({_operands[0].type}, {_operands[1].type}) -> "
            f"{tensor(_e, (6, 4), True)}",
            levels=("ordinary", "outside", "most"),
        )
    )

# ------------------------------------------------------------------------------------------------ converts

for _from, _to in (
    ("f16", "f32"),
    ("f32", "f16"),
    ("i8", "i32"),
    ("i32", "i8"),
    ("i32", "i64"),
    ("i64", "i32"),
    ("i1", "i32"),
    ("i1", "f32"),
    ("i1", "f16"),
    ("i32", "i1"),
    ("i8", "f32"),
    ("i16", "f16"),
    ("i32", "f32"),
):
    elementwise(
        "pphlo.convert",
        _from,
        _to,
        # What JAX means by it: numbers that are not zero are true.
        (lambda x: x != 0) if _to == "i1" else (lambda x: x),
        lambda x, to=DTYPES[_to]: x.astype(to),
    )
elementwise("pphlo.convert", "f32", "i1", lambda x: x != 0, lambda x: x.astype(bool), judged=lambda x: _apart(x, 0 * x))
