"""More cases like those of `cases`: whole numbers, unsigned integers, bits, powers, angles. Adds them to CASES."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erf, erfc, erfinv

from tests.conformance.cases import (
    ARGUMENTS,
    CASES,
    COMPARISONS,
    DTYPES,
    EXPONENTS,
    JAX_DTYPES,
    POSITIVE,
    SHAPE,
    UNIT_OF,
    Case,
    Operand,
    Tolerance,
    elementwise,
    function,
    line,
    numbers,
    spread,
    tensor,
    within,
)
from tests.conformance.outcome import Array

__all__ = ["CASES"]

# In a ring they are signed integers; what looks at their order or size has cases of its own.
UNSIGNED = ("ui8", "ui32")

for _e in UNSIGNED:
    elementwise("pphlo.subtract", f"{_e} {_e}", None, np.subtract, jnp.subtract, public=True)
    elementwise("pphlo.abs", _e, None, np.abs, None)
    elementwise("pphlo.sign", _e, None, np.sign, None)
    elementwise("pphlo.maximum", f"{_e} {_e}", None, np.maximum, jnp.maximum)
    elementwise("pphlo.minimum", f"{_e} {_e}", None, np.minimum, jnp.minimum)
    for _name, (_meaning, _function) in COMPARISONS.items():
        elementwise(f"pphlo.{_name}", f"{_e} {_e}", "i1", _meaning, _function)

# ------------------------------------------------------------------------------------------------ converts

for _from, _to in (
    ("ui8", "f32"),
    ("ui32", "f32"),
    ("ui8", "i32"),
    ("ui32", "i64"),
    ("i32", "ui8"),
    ("i8", "ui32"),
    ("i1", "ui8"),
    ("i64", "f32"),
):
    elementwise(
        "pphlo.convert",
        _from,
        _to,
        (lambda x: x.astype(np.float64)) if _to == "f32" else (lambda x, to=DTYPES[_to]: x.astype(to)),
        lambda x, to=DTYPES[_to]: x.astype(to),
    )
elementwise("pphlo.convert", "ui8", "i1", lambda x: x != 0, lambda x: x.astype(bool))


def _to_integers(element: str) -> Callable[..., Any]:
    """Toward zero, and to the ends of the dtype."""
    dtype = DTYPES[element]
    limits = np.iinfo(dtype)

    def converted(x: Array) -> Array:
        whole = np.trunc(x)
        held = np.where((whole >= limits.min) & (whole < 2.0**62), whole, 0).clip(limits.min, limits.max)
        result = held.astype(np.int64).clip(limits.min, limits.max)
        return np.where(whole < limits.min, limits.min, np.where(whole >= limits.max, limits.max, result)).astype(dtype)

    return converted


for _from in ("f32", "f16"):
    for _to in ("i32", "i8", "ui8", "ui32", "i64"):
        # XLA's own conversion of what does not fit is not always that.
        elementwise("pphlo.convert", _from, _to, _to_integers(_to), None)

# ------------------------------------------------------------------------------------------------ integers


def _whole_quotient(x: Array, y: Array) -> Array:
    """Toward zero; by zero all bits are set."""
    a, b = x.astype(object), y.astype(object)
    by = np.where(b == 0, 1, b)
    size = np.abs(a) // np.abs(by)
    return np.asarray(np.where(b == 0, -1, np.where((a < 0) != (by < 0), -size, size)))


def _whole_remainder(x: Array, y: Array) -> Array:
    return np.asarray(x.astype(object) - _whole_quotient(x, y) * y.astype(object))


def _wrapped(meaning: Callable[..., Any]) -> Callable[..., Any]:
    """Exact integers as those of the first operand's dtype."""

    def wrapped(*arrays: Array) -> Array:
        dtype = arrays[0].dtype
        whole = np.asarray(meaning(*arrays)) % (1 << 8 * dtype.itemsize)
        return whole.astype(np.uint64).astype(f"u{dtype.itemsize}").view(dtype)

    return wrapped


def _population(x: Array) -> Array:
    return np.unpackbits(np.ascontiguousarray(x)[..., None].view(np.uint8), axis=-1).sum(-1)


for _e in ("i8", "i32", "i64", "ui64", *UNSIGNED):
    for _name, _meaning, _function in (
        ("divide", _whole_quotient, jax.lax.div),
        ("remainder", _whole_remainder, jax.lax.rem),
    ):
        elementwise(f"pphlo.{_name}", f"{_e} {_e}", None, _wrapped(_meaning), _function, public=True)
for _e in ("i8", "i32", *UNSIGNED):
    elementwise("pphlo.and", f"{_e} {_e}", None, np.bitwise_and, jnp.bitwise_and, public=True)
    elementwise("pphlo.or", f"{_e} {_e}", None, np.bitwise_or, jnp.bitwise_or)
    elementwise("pphlo.xor", f"{_e} {_e}", None, np.bitwise_xor, jnp.bitwise_xor)
    elementwise("pphlo.not", _e, None, np.invert, jnp.bitwise_not)
    elementwise("pphlo.popcnt", _e, None, _population, jax.lax.population_count)
for _e in ("i64", "ui64"):
    elementwise("pphlo.and", f"{_e} {_e}", None, np.bitwise_and, None)
    elementwise("pphlo.popcnt", _e, None, _population, None)
for _from, _to in (("i32", "ui32"), ("ui8", "i8")):
    elementwise("pphlo.bitcast_convert", _from, _to, lambda x, to=DTYPES[_to]: x.view(to), None)


def _shifted(kind: str) -> Callable[..., Any]:
    def shifted(x: Array, by: Array) -> Array:
        bits, amount = 8 * x.dtype.itemsize, by.astype(object)
        amount = np.where((amount < 0) | (amount >= bits), bits, amount)
        if kind == "shift_left":
            return np.asarray(x.astype(object) << amount)
        if kind == "shift_right_arithmetic":
            return np.asarray(x.view(f"i{x.dtype.itemsize}").astype(object) >> np.minimum(amount, bits - 1))
        return np.asarray(x.astype(object) % (1 << bits) >> amount)

    return _wrapped(shifted)


def _amounts(element: str) -> Callable[[str, np.random.Generator], Array]:
    def drawn(level: str, rng: np.random.Generator) -> Array:
        bits = 8 * DTYPES[element].itemsize
        if level == "ordinary":
            return rng.integers(0, bits, SHAPE).astype(DTYPES[element])
        return numbers(element, level, SHAPE, rng)

    return drawn


for _name in ("shift_left", "shift_right_arithmetic", "shift_right_logical"):
    # An unsigned integer has no sign to be kept.
    for _e in ("i32", "i8" if _name == "shift_right_arithmetic" else "ui8", "i64"):
        for _hidden in (True, False):
            _operands = (Operand(_e, SHAPE), Operand(_e, SHAPE, _hidden, draw=_amounts(_e)))
            CASES.append(
                Case(
                    f"pphlo.{_name}",
                    _operands,
                    _e,
                    SHAPE,
                    _shifted(_name),
                    line(f"pphlo.{_name}", _operands, _e),
                    getattr(jax.lax, _name) if _e in JAX_DTYPES else None,
                )
            )

# ------------------------------------------------------------------------------------------------ whole numbers


def _away(x: Array) -> Array:
    return np.asarray(np.copysign(np.floor(np.abs(x) + 0.5), x))


def _exact(*arrays: Array) -> float:
    return 0.0


for _e in ("f32", "f16"):
    _argument = spread(_e, ARGUMENTS[_e], SHAPE)
    for _name, _meaning, _function in (
        ("floor", np.floor, jnp.floor),
        ("ceil", np.ceil, jnp.ceil),
        ("round_nearest_even", np.rint, jnp.round),
        ("round_nearest_afz", _away, lambda x: jax.lax.round(x, jax.lax.RoundingMethod.AWAY_FROM_ZERO)),
    ):
        function(f"pphlo.{_name}", _e, _argument, ARGUMENTS[_e], _meaning, _function, tolerance=_exact)
    _operands = (
        Operand(_e, SHAPE, draw=spread(_e, ARGUMENTS[_e] | dict.fromkeys(POSITIVE[_e], (-8, 8)), SHAPE)),
        Operand(_e, SHAPE, draw=within(_e, POSITIVE[_e], signs=True)(SHAPE)),
    )
    CASES.append(
        Case(
            "pphlo.remainder",
            _operands,
            _e,
            SHAPE,
            np.fmod,
            line("pphlo.remainder", _operands, _e),
            jax.lax.rem,
            tolerance=_exact,
            levels=tuple(POSITIVE[_e]),
        )
    )

# ------------------------------------------------------------------------------------------------ functions


def relative(error: float, absolute: float, element: str) -> Tolerance:
    """A share of the result and an absolute error; of 8 fraction bits, that of the units on the way too."""
    share = error + (2.0**-7 if element == "f16" else 0)
    units = UNIT_OF[element] * (12 if element == "f16" else 4)
    return lambda expected, *arrays: share * np.abs(expected) + absolute + units


_POWERS: dict[str, tuple[float, float]] = {"ordinary": (1 / 4, 4), "wide": (1 / 16, 8)}
_SMALL: dict[str, tuple[float, float]] = {"ordinary": (-3, 3), "tens": (-8, 8)}
_UNIT: dict[str, tuple[float, float]] = {"ordinary": (-0.96875, 0.96875)}
for _e in ("f32", "f16"):
    _base = within(_e, _POWERS)(SHAPE)
    for _exponent in (2.0, -1.0, 0.5, -0.5, 1.5, -1.5, 1.7, -0.7, 0.0):
        _operand, _type = Operand(_e, SHAPE, draw=_base), tensor(_e, SHAPE, False)
        _taken = float(DTYPES[_e].type(_exponent))
        CASES.append(
            Case(
                "pphlo.power",
                (_operand,),
                _e,
                SHAPE,
                lambda x, y=_taken: x**y,
                f"%p = pphlo.constant dense<{_exponent}> : {_type}\n"
                f"%r = pphlo.power %a, %p : ({_operand.type}, {_type}) -> {tensor(_e, SHAPE, True)}",
                tolerance=relative(2.0**-8, 2.0**-12, _e),
                levels=tuple(_POWERS),
                label=f"{_exponent:g}",
            )
        )
    _operands = (
        Operand(_e, SHAPE, draw=_base),
        Operand(_e, SHAPE, draw=spread(_e, dict.fromkeys(_POWERS, (-2.0, 2.0)), SHAPE)),
    )
    CASES.append(
        Case(
            "pphlo.power",
            _operands,
            _e,
            SHAPE,
            np.power,
            line("pphlo.power", _operands, _e),
            jnp.power,
            tolerance=relative(2.0**-7, 2.0**-10, _e),
            levels=tuple(_POWERS),
        )
    )
    _erf_error = 2.0**-11 if _e == "f32" else 0.0025
    for _op, _spans, _meaning, _function, _error, _absolute in (
        ("pphlo.exponential_minus_one", EXPONENTS[_e], np.expm1, jnp.expm1, 2.0**-9, 2.0**-9),
        ("pphlo.log_plus_one", {"ordinary": (-0.875, 16), "wide": (0, 1000)}, np.log1p, jnp.log1p, 0, 2.0**-11),
        ("pphlo.sine", ARGUMENTS[_e], np.sin, jnp.sin, 0, 2.0**-11),
        ("pphlo.cosine", ARGUMENTS[_e], np.cos, jnp.cos, 0, 2.0**-11),
        ("@mhlo.tan", {"ordinary": (-1.25, 1.25)}, np.tan, None, 2.0**-8, 2.0**-10),
        ("@mpc.tan", {"ordinary": (-1.25, 1.25)}, np.tan, jnp.tan, 2.0**-8, 2.0**-10),
        ("@mpc.sinh", _SMALL, np.sinh, jnp.sinh, 2.0**-9, 2.0**-9),
        ("@mpc.cosh", _SMALL, np.cosh, jnp.cosh, 2.0**-9, 2.0**-9),
        ("@mpc.asinh", _SMALL | {"hundreds": (-200, 200)}, np.arcsinh, jnp.arcsinh, 2.0**-10, 2.0**-10),
        ("@mpc.acosh", {"ordinary": (1.125, 16), "hundreds": (2, 200)}, np.arccosh, jnp.arccosh, 2.0**-9, 2.0**-9),
        ("@mpc.atanh", _UNIT, np.arctanh, jnp.arctanh, 2.0**-8, 2.0**-9),
        ("@mpc.cbrt", ARGUMENTS[_e], np.cbrt, jnp.cbrt, 2.0**-9, 2.0**-10),
        ("@mpc.erf", ARGUMENTS[_e], erf, jax.lax.erf, 0, _erf_error),
        ("@mhlo.erf", ARGUMENTS[_e], erf, None, 0, _erf_error),
        ("@mpc.erfc", ARGUMENTS[_e], erfc, jax.lax.erfc, 0, _erf_error),
        ("@mpc.erf_inv", _UNIT, erfinv, jax.lax.erf_inv, 2.0**-8, 2.0**-9),
        ("@mpc.atan", ARGUMENTS[_e], np.arctan, jnp.arctan, 0, 2.0**-10),
        ("@mpc.asin", _UNIT, np.arcsin, jnp.arcsin, 0, 2.0**-9),
        ("@mpc.acos", _UNIT, np.arccos, None, 0, 2.0**-9),
    ):
        _call = f"%r = pphlo.custom_call {_op}(%a) : ({tensor(_e, SHAPE, True)}) -> {tensor(_e, SHAPE, True)}"
        _options: dict[str, Any] = {"text": _call} if _op.startswith("@") else {}
        _options["tolerance"] = relative(_error, _absolute, _e)
        function(_op, _e, spread(_e, _spans, SHAPE), _spans, _meaning, _function, **_options)
    _operands = (
        Operand(_e, SHAPE, draw=spread(_e, ARGUMENTS[_e], SHAPE)),
        Operand(_e, SHAPE, draw=spread(_e, ARGUMENTS[_e], SHAPE)),
    )
    CASES.append(
        Case(
            "pphlo.atan2",
            _operands,
            _e,
            SHAPE,
            np.arctan2,
            line("pphlo.atan2", _operands, _e),
            jnp.arctan2,
            tolerance=relative(0, 2.0**-10, _e),
            levels=tuple(ARGUMENTS[_e]),
        )
    )
