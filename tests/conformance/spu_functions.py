"""The functions of `jax.numpy` that SPU's own tests list (spu/tests/jnp_testbase.py), in the dtypes that stand there.

Those that SPU marks as failing or unsupported are here too, and so are its lists that no test of it reads; float16 is
ours. What `jnp_operations.py` has in other dtypes is run here in all of them. Floats lie in ranges like SPU's, positive
where it has them so, but are eighths; integers reach 99, or what the function and the dtype can hold.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from tests.conformance.jnp_operations import Functions

FLOATS = ("f32", "f16")
INTEGERS = ("i32", "u32", "i16", "u16")
NUMBERS = (*FLOATS, *INTEGERS)
ALL = (*NUMBERS, "b")

SPU_FUNCTIONS = Functions()
add, same = SPU_FUNCTIONS.add, SPU_FUNCTIONS.same

# ------------------------------------------------------------------------------------------------ elements

same("abs square", "t:tens", ALL)
same("add multiply maximum minimum", "t:tens t:tens", ALL)
same("equal not_equal greater greater_equal less less_equal isclose", "t t", ALL)
same("logical_and logical_or logical_xor", "t t", ALL)
same("logical_not", "t", ALL)
same("subtract", "t:tens t:tens", NUMBERS)
same("array_equal array_equiv", "t t", NUMBERS)
same("ceil conj conjugate floor negative trunc fix modf positive real imag", "t:tens", NUMBERS)
same("atleast_1d atleast_2d atleast_3d", "t:tens", NUMBERS)
same("signbit sign iscomplex isreal isrealobj", "t", NUMBERS)
same("fabs deg2rad rad2deg rint", "t:tens", FLOATS)
same("isfinite isinf isnan isneginf isposinf", "t", FLOATS)
same("ravel transpose", "t", ALL)

# ------------------------------------------------------------------------------------------------ functions

same("exp exp2 expm1 sinh cosh", "t:small", NUMBERS, slack=2e-3)
same("log log2 log10 log1p", "t:positive", NUMBERS, slack=2e-3)
same("sqrt", "t:tens", NUMBERS)
same("cbrt", "t:tens", NUMBERS, slack=1e-3)
same("sin cos sinc", "t:tens", NUMBERS, slack=8e-3)
same("tan", "t:unit", NUMBERS, slack=8e-3)
same("tanh", "t", NUMBERS, slack=4e-3)
same("arcsin arccos", "t:closed", NUMBERS, slack=2e-2)
same("arctanh", "t:unit", NUMBERS, slack=2e-2)
same("arctan arcsinh", "t", NUMBERS, slack=1e-2)
same("arccosh", "t:above", NUMBERS, slack=1e-2)
same("angle", "t", NUMBERS, slack=1e-2)
add("angle_degrees", lambda x: jnp.angle(x, deg=True), "t", NUMBERS, slack=0.5)
same("arctan2", "t:tens t:tens", FLOATS, slack=1e-2)
same("hypot", "t:tens t:tens", NUMBERS, slack=2e-2)
same("reciprocal", "t:tens", FLOATS)
same("divide true_divide", "t t:positive", NUMBERS, slack=1e-3)
same("divmod floor_divide remainder mod", "t t:positive", NUMBERS)
same("fmod", "t:tens t:positive", NUMBERS)
same("fmin fmax heaviside copysign", "t t", NUMBERS)
same("power", "t:small_positive t:small_positive", NUMBERS, slack=0.2)
same("float_power", "t:small_positive t:small_positive", FLOATS, slack=0.2)
same("logaddexp logaddexp2", "t:tens t:tens", FLOATS, slack=4e-3)
same("polyval", "w3 a", NUMBERS, slack=2e-2)
same("unwrap", "t:tens", FLOATS, slack=4e-3)
same("i0", "t:tens", ("f32",), slack=8e-3)
same("ldexp", "t:tens t", INTEGERS)
same("nextafter", "t t", FLOATS)
# A loop until secrets agree.
same("gcd lcm", "t:tens t:tens", INTEGERS, refused=INTEGERS)
same("kron outer", "w4 w4", NUMBERS)
add("ediff1d", jnp.ediff1d, "t w4 w4", ("i32",))

# ------------------------------------------------------------------------------------------------ bits

same("bitwise_count bitwise_not invert", "t:tens", INTEGERS)
same("bitwise_and bitwise_or bitwise_xor", "t:tens t:tens", INTEGERS)
add("left_shift", lambda x: jnp.left_shift(x, jnp.array([0, 1, 7, 15], x.dtype)), "t:tens", INTEGERS)
add("right_shift", lambda x: jnp.right_shift(x, jnp.array([0, 1, 7, 15], x.dtype)), "t:tens", INTEGERS)

# ------------------------------------------------------------------------------------------------ reductions


def reduced(name: str, argument: str, dtypes: tuple[str, ...], slack: float = 0.0) -> None:
    """Along each axis and along all, with the axis kept and without."""
    function = getattr(jnp, name)
    add(name, lambda x: [function(x), function(x, keepdims=True)], argument, dtypes, slack)
    add(f"{name}_axes", lambda x: [function(x, axis=n, keepdims=n == 1) for n in range(3)], argument, dtypes, slack)


reduced("sum", "t:tens", ALL)
reduced("mean", "t:tens", NUMBERS, slack=2e-3)
reduced("prod", "cube:small", ALL)
reduced("max", "t", ALL)
reduced("min", "t", ALL)
reduced("all", "t", ALL)
reduced("any", "t", ALL)
reduced("var", "t", ALL, slack=4e-3)
reduced("std", "t", ALL, slack=4e-3)
reduced("ptp", "t", NUMBERS)
# SPU makes no numbers of these; of inputs that are numbers the functions are right here.
reduced("nanmean", "t:tens", FLOATS, slack=2e-3)
reduced("nanprod", "cube:small", ALL)
reduced("nansum", "t:tens", NUMBERS)
reduced("nanmax", "t", ALL)
reduced("nanmin", "t", ALL)
reduced("nanvar", "t", ALL, slack=4e-3)
reduced("nanstd", "t", ALL, slack=4e-3)


def named(names: str, arguments: str, dtypes: tuple[str, ...], suffix: str, slack: float = 0.0, **options: Any) -> None:
    for name in names.split():
        add(f"{name}{suffix}", functools.partial(getattr(jnp, name), **options), arguments, dtypes, slack)


def chosen(names: str, dtypes: tuple[str, ...], suffix: str = "_where", slack: float = 0.0) -> None:
    """Of some elements of each row; the first is always among them, for a mean of nothing would be no number."""
    for name in names.split():

        def function(x: Any, where: Any, reduce: Callable[..., Any] = getattr(jnp, name)) -> Any:  # noqa: B008
            return reduce(x, axis=1, where=where.at[:, 0].set(True))

        add(f"{name}{suffix}", function, "t t::b", dtypes, slack)


named("prod sum max min", "a:small", ALL, "_initial", axis=1, initial=1)
named("nanprod nansum nanmax nanmin", "a:small", FLOATS, "_initial", axis=1, initial=1)
chosen("all any", ("b",))
chosen("mean var", ALL, slack=4e-3)
chosen("nanmean nanvar", FLOATS, slack=4e-3)
chosen("std", ("f32", *INTEGERS, "b"), slack=4e-3)
chosen("nanstd", ("f32",), slack=4e-3)
# Of one number the variance is 0 within a unit, 2^-8, whose root is 2^-4.
chosen("std nanstd", ("f16",), "_where_half", slack=2.0**-4 + 4e-3)
named("argmin argmax", "t", ALL, "", axis=2)
named("nanargmin nanargmax", "t", NUMBERS, "", axis=2)

# ------------------------------------------------------------------------------------------------ order, positions

same("sort median", "t", NUMBERS)
add("top_k", lambda x: lax.top_k(x, 2)[0], "t", NUMBERS)
add("take", jnp.take, "v ids", ("i32",))
