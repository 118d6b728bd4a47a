"""JAX operations that SPU's compiler does not know, or dies of, as functions of those it knows.

    triangular_solve, cholesky          substitution and elimination, unrolled
    lgamma, digamma                     Stirling's series at x + 3, and what three steps of the recurrence leave
    bessel_i0e, bessel_i1e              Chebyshev series of 1 / (|x| + 3.75)
    conv_general_dilated                with groups along the batch: with groups along the features
    scatter-max, scatter-min            at secret positions: the greatest of the updates that belong to a row
    clz                                 the bits above the highest one
    nextafter                           the next number of a ring: of most numbers, the next float is closer
    cond                                of more than two branches: each against all behind it
    approx_top_k                        the exact one

Real functions are computed in float32 whatever the dtype, and are refused where they have no finite value (`lgamma` and
`digamma` below zero too). Errors, absolute or relative, whichever is greater: lgamma and digamma 2^-10, the Bessel
functions 2^-12.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core

from ditto.policy.policy import DEFAULT_FRACTIONS

Expansion = Callable[..., jax.Array | list[jax.Array]]

# ------------------------------------------------------------------------------------------------ linear algebra


def _transposed(x: jax.Array) -> jax.Array:
    return jnp.swapaxes(x, -1, -2)


def _triangular_solve(
    a: jax.Array,
    b: jax.Array,
    *,
    left_side: bool,
    lower: bool,
    transpose_a: bool,
    conjugate_a: bool,
    unit_diagonal: bool,
) -> jax.Array:
    """x of a x = b (or x a = b), row by row: what is solved for already enters as one product."""
    if conjugate_a:
        a = jnp.conj(a)
    if not left_side:
        b = _transposed(b)
    if transpose_a == left_side:
        a, lower = _transposed(a), not lower
    size = a.shape[-1]
    rows: list[jax.Array] = []
    for i in range(size) if lower else reversed(range(size)):
        rest = b[..., i, :]
        if rows:
            left = slice(0, i) if lower else slice(i + 1, size)
            rest -= (a[..., i : i + 1, left] @ jnp.stack(rows, -2))[..., 0, :]
        row = rest if unit_diagonal else rest / a[..., i, i, None]
        rows.insert(len(rows) if lower else 0, row)
    solution = jnp.stack(rows, -2)
    return solution if left_side else _transposed(solution)


def _cholesky(a: jax.Array) -> jax.Array:
    """L of a = L L^T, column by column."""
    size = a.shape[-1]
    columns: list[jax.Array] = []
    for j in range(size):
        rest = a[..., j:, j]
        if columns:
            left = jnp.stack([column[..., j:] for column in columns], -1)
            rest -= (left @ left[..., 0, :, None])[..., 0]
        column = jnp.concatenate([jnp.sqrt(rest[..., :1]), rest[..., 1:] * lax.rsqrt(rest[..., :1])], -1)
        columns.append(jnp.concatenate([jnp.zeros((*column.shape[:-1], j), a.dtype), column], -1))
    return jnp.stack(columns, -1)


# ------------------------------------------------------------------------------------------------ real functions

# From here on Stirling's series is within 2^-17 without steps of the recurrence.
_FAR = 8.0
_HALF_LOG_TWO_PI = 0.9189385332046727


def _in_float32(function: Callable[[jax.Array], jax.Array]) -> Expansion:
    return lambda x: function(x.astype(jnp.float32)).astype(x.dtype)


def _lgamma(x: jax.Array) -> jax.Array:
    """log Gamma(y) less log x (x + 1) (x + 2), with y = x + 3 where x is small and x elsewhere."""
    near = x < _FAR
    small = jnp.where(near, x, 1.0)
    y = jnp.where(near, x + 3, x)
    log_y, log_small, log_rest = jnp.log(jnp.stack([y, small, jnp.where(near, (small + 1) * (small + 2), 1.0)]))
    inverse = 1 / y
    series = inverse * (1 / 12 - inverse * inverse / 360)
    result: jax.Array = (y - 0.5) * log_y - y + _HALF_LOG_TWO_PI + series - log_small - log_rest
    return result


def _digamma(x: jax.Array) -> jax.Array:
    """The derivative of `_lgamma`."""
    near = x < _FAR
    small = jnp.where(near, x, 1.0)
    y = jnp.where(near, x + 3, x)
    inverse, *steps = 1 / jnp.stack([y, small, small + 1, small + 2])
    square = inverse * inverse
    series = inverse / 2 + square * (1 / 12 - square * (1 / 120 - square / 252))
    result: jax.Array = jnp.log(y) - series - jnp.where(near, sum(steps), 0.0)
    return result


# With r = 1 / sqrt(t + 3.75), exp(-t) I_0(t) / r and exp(-t) I_1(t) / (t r^3) are Chebyshev series of 7.5 r^2 - 1 for
# all t >= 0, to 2^-15.
_BESSEL_SHIFT = 3.75
_I0E = (
    *(0.85183158, 0.66199215, 0.29198266, 0.1060729, 0.025554939),
    *(0.0010991997, -0.0017674666, -0.00044670813, 0.00012687806, 6.5297117e-05),
)
_I1E = (
    *(1.5151719, 1.5321068, 0.50706929, 0.09129828, -0.0067505469),
    *(-0.0080659831, -0.00066753348, 0.00072465351, 0.00012313464, -8.4808731e-05),
)


def _chebyshev(s: jax.Array, coefficients: Sequence[float]) -> jax.Array:
    """The sum of c_k T_k(s), each polynomial from those of half its degree."""
    found = [jnp.ones_like(s), s]
    for k in range(2, len(coefficients)):
        low, high = found[k // 2], found[(k + 1) // 2]
        found.append(2 * low * high - found[k % 2])
    total = coefficients[0] * found[0]
    for c, t in zip(coefficients[1:], found[1:], strict=True):
        total += c * t
    return total


def _bessel(x: jax.Array, coefficients: Sequence[float]) -> tuple[jax.Array, jax.Array]:
    """3.75 r^2, and r times the series."""
    root = lax.rsqrt(jnp.abs(x) + _BESSEL_SHIFT)
    part = _BESSEL_SHIFT * root * root
    return part, root * _chebyshev(2 * part - 1, coefficients)


def _bessel_i0e(x: jax.Array) -> jax.Array:
    return _bessel(x, _I0E)[1]


def _bessel_i1e(x: jax.Array) -> jax.Array:
    # t r^2 is 1 - 3.75 r^2.
    part, series = _bessel(x, _I1E)
    return jnp.sign(x) * ((1 - part) * series)


def _next_after(x: jax.Array, towards: jax.Array) -> jax.Array:
    fraction = DEFAULT_FRACTIONS["FM32" if x.dtype.itemsize == 2 else "FM64"]
    return x + jnp.sign(towards - x) * jnp.asarray(2.0**-fraction, x.dtype)


def _clz(x: jax.Array) -> jax.Array:
    """How many bits are above the highest that is set: those that stay 0 when it is copied downwards."""
    bits = x.dtype.itemsize * 8
    x = lax.bitcast_convert_type(x, np.dtype(f"u{x.dtype.itemsize}"))
    distance = 1
    while distance < bits:
        x |= x >> distance
        distance *= 2
    return bits - lax.population_count(x)


# ------------------------------------------------------------------------------------------------ structures


def _approx_top_k(x: jax.Array, *, k: int, reduction_dimension: int, is_max_k: bool, **_: Any) -> list[jax.Array]:
    moved = jnp.moveaxis(x, reduction_dimension, -1)
    values, places = lax.top_k(moved if is_max_k else -moved, k)
    found = (values if is_max_k else -values, places)
    return [jnp.moveaxis(part, -1, reduction_dimension) for part in found]


def _switch(index: jax.Array, *operands: jax.Array, branches: Sequence[Any], **_: Any) -> list[jax.Array]:
    """SPU's compiler dies of a `case` whose number is a loop's counter, not of an `if`."""

    def chosen(number: int) -> Callable[..., Any]:
        branch: Callable[..., Any] = core.jaxpr_as_fun(branches[number])
        if number == len(branches) - 1:
            return branch
        return lambda *xs: lax.cond(index == number, branch, chosen(number + 1), *xs)

    result: list[jax.Array] = chosen(0)(*operands)
    return result


def _convolution(lhs: jax.Array, rhs: jax.Array, **parameters: Any) -> jax.Array:
    """Groups along the batch, of which each meets its own kernels, become groups along the features."""
    groups = parameters["batch_group_count"]
    batch, feature = parameters["dimension_numbers"].lhs_spec[:2]
    shape = list(lhs.shape)
    shape[batch] //= groups
    apart = lhs.reshape([*shape[:batch], groups, *shape[batch:]])
    shape[feature] *= groups
    # Behind the move, the groups stand before the features of each.
    lhs = jnp.moveaxis(apart, batch, feature).reshape(shape)
    parameters |= {"batch_group_count": 1, "feature_group_count": groups}
    result: jax.Array = lax.conv_general_dilated_p.bind(lhs, rhs, **parameters)
    return result


def _scatter(extreme: Callable[..., jax.Array], reduce: Callable[..., jax.Array], sign: int) -> Expansion:
    def expansion(x: jax.Array, positions: jax.Array, updates: jax.Array, **_: Any) -> jax.Array:
        least = -sign * np.inf
        if x.dtype.kind != "f":
            limits = np.iinfo(x.dtype)
            least = limits.min if sign > 0 else limits.max
        belongs = positions.reshape(-1, 1) == jnp.arange(x.shape[0], dtype=positions.dtype)
        belongs = belongs.reshape(*belongs.shape, *(1,) * (x.ndim - 1))
        return extreme(x, reduce(jnp.where(belongs, updates[:, None], jnp.asarray(least, x.dtype)), 0))

    return expansion


def _scatters_rows(equation: Any) -> bool:
    """Whether whole rows of an array meet updates, one position each."""
    x, positions, updates = (atom.aval for atom in equation.invars)
    numbers = equation.params["dimension_numbers"]
    return bool(
        positions.shape == (updates.shape[0], 1)
        and updates.shape[1:] == x.shape[1:]
        and numbers.update_window_dims == tuple(range(1, x.ndim))
        and numbers.inserted_window_dims == numbers.scatter_dims_to_operand_dims == (0,)
    )


# ------------------------------------------------------------------------------------------------ equations

_EXPANSIONS: dict[str, Expansion] = {
    "triangular_solve": _triangular_solve,
    "cholesky": _cholesky,
    "lgamma": _in_float32(_lgamma),
    "digamma": _in_float32(_digamma),
    "bessel_i0e": _in_float32(_bessel_i0e),
    "bessel_i1e": _in_float32(_bessel_i1e),
    "approx_top_k": _approx_top_k,
    "clz": _clz,
    "nextafter": _next_after,
    "cond": _switch,
    "conv_general_dilated": _convolution,
    "scatter-max": _scatter(jnp.maximum, jnp.max, 1),
    "scatter-min": _scatter(jnp.minimum, jnp.min, -1),
}


def _expansion(equation: Any) -> Expansion | None:
    name = equation.primitive.name
    if name == "cond" and len(equation.params["branches"]) <= 2:
        return None
    if name == "conv_general_dilated" and equation.params["batch_group_count"] == 1:
        return None
    if name in ("scatter-max", "scatter-min") and not _scatters_rows(equation):
        return None
    return _EXPANSIONS.get(name)


def expanded(equation: Any) -> Any:
    """The equation of a jaxpr, as a call of its expansion if it, or an equation within it, has one."""
    parameters = {name: _within(value) for name, value in equation.params.items()}
    expansion = _expansion(equation)
    if expansion is None:
        if all(parameters[name] is value for name, value in equation.params.items()):
            return equation
        return equation.replace(params=parameters)
    avals = [jax.ShapeDtypeStruct(atom.aval.shape, atom.aval.dtype) for atom in equation.invars]
    called = jax.make_jaxpr(functools.partial(expansion, **parameters))(*avals)
    return equation.replace(primitive=core.primitives.closed_call_p, params={"call_jaxpr": called})


def _within(value: Any) -> Any:
    """A parameter of an equation with expansions in the functions it holds; the same object if it needs none."""
    if isinstance(value, core.ClosedJaxpr):
        inner = _within(value.jaxpr)
        return value if inner is value.jaxpr else value.replace(jaxpr=inner)
    if isinstance(value, core.Jaxpr):
        equations = [expanded(equation) for equation in value.eqns]
        unchanged = all(new is old for new, old in zip(equations, value.eqns, strict=True))
        return value if unchanged else value.replace(eqns=equations)
    if isinstance(value, tuple) and any(isinstance(item, core.ClosedJaxpr | core.Jaxpr) for item in value):
        items = [_within(item) for item in value]
        unchanged = all(new is old for new, old in zip(items, value, strict=True))
        return value if unchanged else type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value


def is_isclose(equation: Any) -> bool:
    """Whether an equation calls `jnp.isclose`: JAX's own, step by step, and not what has its name."""
    if equation.params.get("name") != "isclose":
        return False
    numbers = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in equation.invars[:2]]
    [own] = jax.make_jaxpr(jnp.isclose)(*numbers).eqns
    first, second = (
        # Dtypes of tolerances differ.
        [step.primitive.name for step in call.params["jaxpr"].eqns if step.primitive.name != "convert_element_type"]
        for call in (equation, own)
    )
    return first == second
