"""The functions of `jax.numpy`, `jax.nn` and `jax.lax` that people call, as data: each with the dtypes it takes.

Inputs are eighths of integers, which every ring takes as they are, so that a rounding or a comparison has one right
answer. Meanings are JAX's own, in float64. Each function sees its arguments as secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import enable_x64

from tests.conformance.outcome import Array, stated_error

DTYPES = {
    "f32": np.float32,
    "f16": np.float16,
    "i32": np.int32,
    "i16": np.int16,
    "i8": np.int8,
    "u32": np.uint32,
    "u16": np.uint16,
    "u8": np.uint8,
    "b": np.bool_,
}
FLOATS = ("f32", "f16")
SIGNED = ("i32", "i16", "i8")
INTEGERS = (*SIGNED, "u32", "u8")
NUMBERS = (*FLOATS, *INTEGERS)
ALL = (*NUMBERS, "b")
BITS = (*INTEGERS, "b")

SHAPES = {
    "x": (3, 4),
    "y": (3, 4),
    "z": (3, 4),
    "v": (6,),
    "u": (6,),
    "a": (3, 3),
    "m": (4, 2),
    "t": (2, 3, 4),
    "t3x": (4, 3),
    "t44": (1, 4, 4),
    "s": (),
    "w4": (4,),
    "w3": (3,),
    "t3": (3,),
    "five": (5,),
    "p8": (8, 2),
    "image": (1, 6, 6, 2),
    "kernel": (3, 3, 2, 3),
    "line": (1, 8, 2),
    "filter": (3, 2, 3),
    "volume": (1, 4, 4, 4, 1),
    "cube": (2, 2, 2, 1, 2),
}
# Where the floats of a domain lie; integers and booleans have their own.
DOMAINS = {
    "any": (-6.0, 6.0),
    "small": (-2.0, 2.0),
    "unit": (-0.875, 0.875),
    "positive": (0.25, 8.0),
    "small_positive": (0.25, 3.0),
    "above": (1.125, 6.0),
    "chance": (0.125, 0.875),
    "closed": (-1.0, 1.0),
    # As SPU's tests have them; integers reach 99.
    "tens": (0.125, 10.0),
}


@dataclass(frozen=True)
class Function:
    """A function on arguments of one dtype each. An argument is a name of `SHAPES`, with a domain after a colon
    ("x:positive") and a dtype of its own after another ("v::i32"); "ids" and "three" are five and three
    positions below 3, "three4" as many as "x" has numbers, "shift" amounts.

    `slack` is an absolute error beyond the usual one, of functions that state their own. In the dtypes `refused` there
    is an error instead of a result.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    dtypes: tuple[str, ...]
    slack: float = 0.0
    refused: tuple[str, ...] = ()

    def inputs(self, dtype: str) -> list[Array]:
        rng = np.random.default_rng(sum(map(ord, self.name + dtype)))
        return [_drawn(argument, dtype, rng) for argument in self.arguments]

    def expected(self, inputs: list[Array]) -> list[Array]:
        """The results in float64, integers and booleans in their own dtypes."""
        wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in inputs]
        types = jax.tree_util.tree_leaves(jax.eval_shape(self.function, *inputs))
        with enable_x64(), np.errstate(all="ignore"):
            leaves = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(self.function(*map(jnp.asarray, wide)))]
        return [leaf if t.dtype.kind == "f" else leaf.astype(t.dtype) for leaf, t in zip(leaves, types, strict=True)]

    def allowed(self, expected: list[Array], results: list[Array]) -> list[Array]:
        return [stated_error(e, r.dtype) + self.slack for e, r in zip(expected, results, strict=True)]


def _drawn(argument: str, dtype: str, rng: np.random.Generator) -> Array:
    name, domain, own = (*argument.split(":"), "", "")[:3]
    if name in (positions := {"ids": (5,), "three": (3,), "three4": SHAPES["x"]}):
        return rng.integers(0, 3, positions[name]).astype(np.int32)
    if name == "shift":
        return rng.integers(0, 5, SHAPES["x"]).astype(DTYPES[own or dtype])
    shape, kind = SHAPES[name], np.dtype(DTYPES[own or dtype])
    if kind.kind == "b":
        return rng.random(shape) < 0.5
    low, high = DOMAINS[domain or "any"]
    if kind.kind == "f":
        return (rng.integers(int(low * 8), int(high * 8), shape, endpoint=True) / 8).astype(kind)
    low, high = (0 if kind.kind == "u" else int(low)), int(high)
    if domain == "tens":
        high = 99
    if "positive" in domain or domain == "above":
        low = 1
    return rng.integers(low, high, shape, endpoint=True).astype(kind)


class Functions(list[Function]):
    """A list of functions, as they are written down."""

    def add(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: str,
        dtypes: tuple[str, ...],
        slack: float = 0.0,
        refused: tuple[str, ...] = (),
    ) -> None:
        """One function, its arguments separated by spaces."""
        self.append(Function(name, function, tuple(arguments.split()), dtypes, slack, refused))

    def same(
        self,
        names: str,
        arguments: str,
        dtypes: tuple[str, ...],
        module: Any = jnp,
        slack: float = 0.0,
        refused: tuple[str, ...] = (),
    ) -> None:
        """Functions under their own names."""
        for name in names.split():
            self.add(name, getattr(module, name), arguments, dtypes, slack, refused)


FUNCTIONS = Functions()
add, same = FUNCTIONS.add, FUNCTIONS.same


# ------------------------------------------------------------------------------------------------ elements

same("add multiply maximum minimum", "x y", ALL)
same("subtract", "x y", NUMBERS)
same("negative abs sign square positive fabs conj conjugate real imag", "x", NUMBERS)
same("atleast_1d atleast_2d atleast_3d", "x", NUMBERS)
same("equal not_equal less less_equal greater greater_equal", "x y", ALL)
same("logical_and logical_or logical_xor", "x y", ALL)
same("logical_not", "x", ALL)
same("bitwise_and bitwise_or bitwise_xor", "x y", BITS)
same("bitwise_not invert", "x", BITS)
same("left_shift right_shift", "x shift", INTEGERS)
add("shift_by_public", lambda x: (x << 2) + (x >> 1), "x", INTEGERS)
same("bitwise_count", "x", INTEGERS)
add("count_leading_zeros", lax.clz, "x", INTEGERS)
same("true_divide divide", "x y:positive", NUMBERS)
same("floor_divide remainder mod fmod", "x y:positive", NUMBERS)
add("divmod", jnp.divmod, "x y:positive", ("f32", "i32", "u8"))
add("divide_by_public", lambda x: x / 3, "x", NUMBERS)
add("mod_by_public", lambda x: x % 3, "x", NUMBERS)
add("floor_divide_by_public", lambda x: x // 3, "x", NUMBERS)
same("reciprocal", "x:positive", FLOATS)
same("floor ceil trunc rint round", "x", FLOATS)
add("fix", jnp.fix, "x", FLOATS)
add("modf", jnp.modf, "x", FLOATS)
same("exp exp2", "x:small", FLOATS)
same("expm1", "x:small", FLOATS, slack=1e-3)
same("log log2 log10 log1p", "x:positive", FLOATS, slack=2e-3)
same("sqrt cbrt", "x:positive", FLOATS)
add("rsqrt", lax.rsqrt, "x:positive", FLOATS)
same("sin cos", "x", FLOATS, slack=4e-3)
same("tan", "x:unit", FLOATS, slack=8e-3)
same("sinh cosh", "x:small", FLOATS, slack=1e-3)
same("tanh", "x", FLOATS, slack=4e-3)
same("arcsin arccos arctanh", "x:unit", FLOATS, slack=2e-2)
same("arctan arcsinh", "x", FLOATS, slack=1e-2)
same("arccosh", "x:above", FLOATS, slack=1e-2)
same("arctan2", "x y:positive", FLOATS, slack=1e-2)
same("hypot", "x y", FLOATS, slack=2e-2)
same("logaddexp logaddexp2", "x:small y:small", FLOATS, slack=4e-3)
same("power float_power", "x:positive y:unit", FLOATS, slack=1e-2)
add("power_of_two", lambda x: x**2, "x", NUMBERS)
add("power_of_three", lambda x: x**3, "x:small", NUMBERS)
add("power_half", lambda x: x**0.5, "x:positive", FLOATS)
add("power_minus_one", lambda x: x**-1.0, "x:positive", FLOATS)
add("power_real", lambda x: x**1.7, "x:positive", FLOATS, slack=2e-2)
add("public_to_the_power", lambda x: 2.0**x, "x:small", FLOATS)
add("integer_power", lambda x: jnp.power(x, 3), "x:small", INTEGERS)
same("fmax fmin heaviside copysign", "x y", FLOATS)
add("ldexp", lambda x, n: jnp.ldexp(x, n - 2), "x three4::i32", FLOATS, slack=4e-3)
same("angle", "x", FLOATS, slack=1e-2)
same("unwrap", "v", FLOATS, slack=4e-3)
same("signbit", "x", FLOATS)
same("isnan isinf isfinite isneginf isposinf", "x", FLOATS)
same("iscomplex isreal", "x", NUMBERS)
same("nan_to_num", "x", FLOATS)
same("deg2rad rad2deg", "x", FLOATS)
same("sinc", "x:small", FLOATS, slack=8e-3)
same("isclose", "x y", FLOATS)
add("allclose", lambda x: jnp.allclose(x, x + 0.5, atol=1.0), "x", FLOATS)
same("array_equal array_equiv", "x y", ALL)
add("clip", lambda x: jnp.clip(x, -2, 3), "x", (*FLOATS, *SIGNED))
add("clip_by_secrets", lambda x, y: jnp.clip(x, jnp.minimum(y, 0), 3), "x y", (*FLOATS, *SIGNED))
add("where", lambda c, x, y: jnp.where(c, x, y), "x::b x y", ALL)
add("select", lambda x, y: jnp.select([x > 1, y > 1], [x, y], 0), "x y", NUMBERS)
add("piecewise", lambda x: jnp.piecewise(x, [x < 0, x >= 0], [lambda v: -v, lambda v: 2 * v]), "x", FLOATS)
# A loop until secrets agree.
same("gcd lcm", "x:positive y:positive", ("i32", "u8"), refused=("i32", "u8"))
add("interp", lambda x: jnp.interp(x, jnp.array([-6.0, 0, 6]), jnp.array([1.0, 2, 0])), "x", FLOATS, slack=1e-2)
same("nextafter", "x y", FLOATS)
add("erf", jax.scipy.special.erf, "x:small", FLOATS, slack=4e-3)
add("erfc", jax.scipy.special.erfc, "x:small", FLOATS, slack=4e-3)
add("erf_inv", jax.scipy.special.erfinv, "x:unit", FLOATS, slack=1e-2)
add("lgamma", jax.scipy.special.gammaln, "x:positive", FLOATS, slack=2.0**-10)
same("digamma", "x:positive", FLOATS, module=jax.scipy.special, slack=2.0**-10)
same("gamma factorial", "x:small_positive", ("f32",), module=jax.scipy.special, slack=8e-3)
same("beta betaln", "x:positive y:positive", ("f32",), module=jax.scipy.special, slack=4e-3)
same("i0e i1e", "x", FLOATS, module=jax.scipy.special, slack=2.0**-12)
same("i0 i1", "x:small", FLOATS, module=jax.scipy.special, slack=8e-3)
add("xlogy", jax.scipy.special.xlogy, "x:positive y:positive", FLOATS, slack=2e-2)
add("entr", jax.scipy.special.entr, "x:chance", FLOATS, slack=1e-2)
add("logit", jax.scipy.special.logit, "x:chance", FLOATS, slack=1e-2)

# ------------------------------------------------------------------------------------------------ dtypes

for target in ("float32", "float16", "int32", "int16", "int8", "uint32", "uint8", "bool_"):
    # A negative float as an unsigned integer is whatever the machine makes of it.
    sources = ALL if not target.startswith("u") else INTEGERS
    add(f"astype_{target}", lambda x, target=target: x.astype(target), "x", sources)
add("float_to_unsigned", lambda x: x.astype("uint8"), "x:positive", FLOATS)
add("bitcast", lambda x: lax.bitcast_convert_type(x, jnp.int32), "x", ("i32", "u32"))
add("mixed_dtypes", lambda x, n: x * n + n, "x x::i32", ("f32", "f16", "i16", "u8", "b"))

# ------------------------------------------------------------------------------------------------ reductions

same("sum", "x", ALL)
add("sum_axis", lambda x: jnp.sum(x, 1, keepdims=True), "t", ALL)
same("prod", "v:small", NUMBERS)
same("max min", "x", ALL)
add("max_axes", lambda x: jnp.max(x, (0, 2)), "t", NUMBERS)
same("argmax argmin", "v", NUMBERS)
add("argmax_axis", lambda x: jnp.argmax(x, 1), "x", NUMBERS)
same("mean var std", "x", FLOATS)
add("mean_integers", jnp.mean, "x", INTEGERS)
add("average", lambda x, w: jnp.average(x, weights=w), "v v:positive", FLOATS)
same("median ptp", "v", FLOATS)
add("median_even", lambda x: jnp.median(x, 1), "x", FLOATS)
add("quantile", lambda x: jnp.quantile(x, 0.3), "v", FLOATS)
add("percentile", lambda x: jnp.percentile(x, jnp.array([25.0, 75])), "v", FLOATS)
same("all any count_nonzero", "x", ALL)
add("all_axis", lambda x: jnp.all(x > 0, 0), "x", NUMBERS)
same("nansum nanmean nanmax nanmin nanvar nanstd", "x", FLOATS)
same("nanprod", "v:small", FLOATS)
same("nanargmax nanargmin", "v", FLOATS)
same("cumsum", "v", NUMBERS)
add("cumsum_axis", lambda x: jnp.cumsum(x, 1), "x", ALL)
same("cumprod", "v:small", NUMBERS)
add("cummax", lambda x: lax.cummax(x), "v", NUMBERS)
add("cummin", lambda x: lax.cummin(x), "v", NUMBERS)
add("cumlogsumexp", lambda x: lax.cumlogsumexp(x), "v:small", FLOATS, slack=8e-3)
same("diff ediff1d", "v", NUMBERS)
add("gradient", lambda x: jnp.gradient(x), "v", FLOATS)
add("trapezoid", lambda x: jnp.trapezoid(x), "v", FLOATS)
add("logsumexp", jax.nn.logsumexp, "x", FLOATS, slack=4e-3)
add("logsumexp_axis", lambda x: jax.nn.logsumexp(x, axis=1, keepdims=True), "x", FLOATS, slack=4e-3)
add("logsumexp_where", lambda x, w: jax.nn.logsumexp(x, axis=0, where=w), "x x::b", FLOATS, slack=4e-3)
add("logsumexp_weights", lambda x, w: jax.nn.logsumexp(x, axis=1, b=w), "x x:positive", FLOATS, slack=8e-3)
add("logsumexp_gradient", jax.grad(lambda x: jax.nn.logsumexp(x, axis=1).sum()), "x", ("f32",), slack=4e-3)
add("exp_of_chosen", lambda x, w: jnp.exp(jnp.where(w, x, -jnp.inf)), "x:small x::b", FLOATS)
add("norm", jnp.linalg.norm, "x", FLOATS)
add("norm_1", lambda x: jnp.linalg.norm(x, 1, axis=0), "x", FLOATS)
same("cov corrcoef", "x", FLOATS, slack=1e-2)
add("associative_scan", lambda x: lax.associative_scan(jnp.add, x), "v", NUMBERS)
add("reduce_xor", lambda x: lax.reduce(x, np.array(0, x.dtype), lax.bitwise_xor, (0,)), "v", BITS)

# ------------------------------------------------------------------------------------------------ products

same("dot", "x m", NUMBERS)
same("matmul", "x m", NUMBERS)
same("vdot inner", "v u", NUMBERS)
same("outer kron", "v u", NUMBERS)
add("tensordot", lambda x, y: jnp.tensordot(x, y, 2), "x y", NUMBERS)
add("einsum", lambda x, t: jnp.einsum("ij,kij->k", x, t), "x t", FLOATS)
add("einsum_batched", lambda t, m: jnp.einsum("bij,jk->bik", t, m), "t m", NUMBERS)
add("matmul_of_bits", lambda x, m: x @ m.astype(x.dtype), "x m::b", NUMBERS)
add("cross", lambda a: jnp.cross(a[0], a[1]), "a", NUMBERS)
same("trace", "a", ALL)
add("linalg_det", lambda a: jnp.linalg.det(a[:2, :2]), "a:small", FLOATS)


def near_identity(a: Any) -> Any:
    """A matrix that can be inverted, whatever small numbers a holds."""
    return a / 4 + 3 * jnp.eye(a.shape[-1], dtype=a.dtype)


def positive_definite(a: Any) -> Any:
    return a @ a.T / 4 + 2 * jnp.eye(a.shape[-1], dtype=a.dtype)


LINEAR = jax.scipy.linalg
add(
    "solve_triangular",
    lambda a, b: LINEAR.solve_triangular(near_identity(a), b, lower=True),
    "a:small x",
    ("f32",),
    slack=1e-3,
)
add(
    "solve_triangular_transposed",
    lambda a, b: LINEAR.solve_triangular(near_identity(a), b, trans=1),
    "a:small x",
    ("f32",),
    slack=1e-3,
)
add(
    "triangular_solve_right",
    lambda a, b: lax.linalg.triangular_solve(near_identity(a), b, unit_diagonal=True),
    "a:small t3x",
    ("f32",),
    slack=1e-3,
)
add("cholesky", lambda a: jnp.linalg.cholesky(positive_definite(a)), "a:small", ("f32",), slack=1e-3)
add(
    "cho_solve",
    lambda a, b: LINEAR.cho_solve(LINEAR.cho_factor(positive_definite(a)), b),
    "a:small x",
    ("f32",),
    slack=1e-3,
)
add("linalg_solve", lambda a, b: jnp.linalg.solve(near_identity(a), b), "a:small x", ("f32",), slack=1e-3)
add("linalg_inv", lambda a: jnp.linalg.inv(near_identity(a)), "a:small", ("f32",), slack=1e-3)
add(
    "linalg_inv_batched",
    lambda t: jnp.linalg.inv(near_identity(t[:, :, :3])),
    "t:small",
    ("f32",),
    slack=1e-3,
)
add("linalg_det_4", lambda t: jnp.linalg.det(near_identity(t[0, :4, :4])), "t44:small", ("f32",), slack=1e-2)
add("slogdet", lambda a: jnp.linalg.slogdet(near_identity(a)), "a:small", ("f32",), slack=2e-3)
add("lu", lambda a: LINEAR.lu(near_identity(a)), "a:small", ("f32",), slack=1e-3)
add("matrix_power", lambda a: jnp.linalg.matrix_power(a, 3), "a:unit", FLOATS)
add("convolve", lambda v, u: jnp.convolve(v, u[:3]), "v u", NUMBERS)
add("correlate", lambda v, u: jnp.correlate(v, u[:3]), "v u", NUMBERS)
add("polyval", lambda v, x: jnp.polyval(v[:3], x), "v:small x:small", FLOATS)
add("vander", lambda v: jnp.vander(v, 5), "v:small", NUMBERS, slack=0.1)
add("public_powers", lambda x: x ** jnp.array([0, 1, 3, 6]), "x:small", (*FLOATS, *SIGNED), slack=0.25)


def convolution(**options: Any) -> Callable[..., Any]:
    numbers = {"image": ("NHWC", "HWIO", "NHWC"), "line": ("NHC", "HIO", "NHC"), "volume": ("NHWDC", "HWDIO", "NHWDC")}
    layout = numbers[options.pop("layout", "image")]
    return lambda x, k: lax.conv_general_dilated(x, k, dimension_numbers=layout, **options)


add("conv", convolution(window_strides=(1, 1), padding="SAME"), "image kernel", NUMBERS)
add("conv_strided", convolution(window_strides=(2, 2), padding="VALID"), "image kernel", FLOATS)
add(
    "conv_dilated",
    convolution(window_strides=(1, 1), padding="VALID", rhs_dilation=(2, 2)),
    "image kernel",
    FLOATS,
)
add(
    "conv_transposed",
    convolution(window_strides=(1, 1), padding=((2, 2), (2, 2)), lhs_dilation=(2, 2)),
    "image kernel",
    FLOATS,
)
add(
    "conv_grouped",
    lambda x, k: convolution(window_strides=(1, 1), padding="VALID", feature_group_count=2)(
        x, jnp.concatenate([k[:, :, :1], k[:, :, :1] * 2], 3)
    ),
    "image kernel",
    FLOATS,
)
add("conv_1d", convolution(window_strides=(1,), padding="SAME", layout="line"), "line filter", FLOATS)
add("conv_3d", convolution(window_strides=(1, 1, 1), padding="VALID", layout="volume"), "volume cube", FLOATS)
add(
    "conv_gradient",
    jax.grad(
        lambda k, x: jnp.sum(convolution(window_strides=(1, 1), padding="SAME")(x, k) ** 2),
    ),
    "kernel:unit image:unit",
    ("f32",),
)

add(
    "conv_grouped_gradient",
    jax.grad(
        lambda k, x: jnp.sum(
            convolution(window_strides=(1, 1), padding="SAME", feature_group_count=2)(x, k[:, :, :1, :2]) ** 2
        )
    ),
    "kernel:unit image:unit",
    ("f32",),
)

# ------------------------------------------------------------------------------------------------ windows


def pooled(start: Any, combine: Any, padding: str = "VALID") -> Callable[..., Any]:
    return lambda x: lax.reduce_window(x, np.array(start, x.dtype), combine, (1, 2, 2, 1), (1, 2, 2, 1), padding)


add("max_pool", lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), "image", FLOATS)
add(
    "max_pool_same",
    lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"),
    "image",
    FLOATS,
)
add("min_pool", lambda x: lax.reduce_window(x, jnp.inf, lax.min, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"), "image", FLOATS)
add("sum_pool", pooled(0, lax.add), "image", NUMBERS)
add("average_pool", lambda x: pooled(0, lax.add)(x) / 4, "image", FLOATS)
add(
    "max_pool_gradient",
    jax.grad(lambda x: jnp.sum(lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") ** 2)),
    "image",
    ("f32",),
)
add("average_pool_gradient", jax.grad(lambda x: jnp.sum(pooled(0.0, lax.add)(x) ** 2)), "image", ("f32",))

# ------------------------------------------------------------------------------------------------ moves

add("reshape", lambda x: x.reshape(2, 6), "x", ALL)
same("ravel transpose squeeze", "x", ALL)
add("expand_dims", lambda x: jnp.expand_dims(x, 1), "x", ALL)
add("broadcast_to", lambda v: jnp.broadcast_to(v, (2, 6)), "v", ALL)
add("moveaxis", lambda t: jnp.moveaxis(t, 0, 2), "t", ALL)
add("swapaxes", lambda t: jnp.swapaxes(t, 0, 1), "t", ALL)
same("flip fliplr flipud rot90", "x", ALL)
add("roll", lambda x: jnp.roll(x, 2, 1), "x", ALL)
add("concatenate", lambda x, y: jnp.concatenate([x, y], 1), "x y", ALL)
add("stack", lambda x, y: jnp.stack([x, y], 1), "x y", ALL)
same("append", "x y", ALL)
same("tril triu", "a", ALL)
same("diag diagonal", "a", ALL)
add("diagflat", jnp.diagflat, "v", ALL)
add("tile", lambda x: jnp.tile(x, (2, 1)), "x", ALL)
add("repeat", lambda x: jnp.repeat(x, 2, 1), "x", ALL)
add("pad", lambda x: jnp.pad(x, ((1, 0), (0, 2))), "x", ALL)
add("pad_edge", lambda x: jnp.pad(x, 1, mode="edge"), "x", ALL)
add("pad_reflect", lambda x: jnp.pad(x, 1, mode="reflect"), "x", ALL)
add("pad_interior", lambda v: lax.pad(v, np.array(0, v.dtype), [(1, -1, 2)]), "v", ALL)
add("split", lambda x: jnp.split(x, 2, 1), "x", ALL)
add("slice_step", lambda x: x[::2, 1:3], "x", ALL)
add("negative_step", lambda x: x[::-1, ::-2], "x", ALL)
add("take_public", lambda x: jnp.take(x, jnp.array([2, 0, 2]), 0), "x", ALL)
add("take_along_public", lambda x: jnp.take_along_axis(x, jnp.zeros((3, 1), jnp.int32), 1), "x", ALL)
add("set_public", lambda x, y: x.at[1].set(y[0]), "x y", ALL)
add("add_at_public", lambda x, y: x.at[jnp.array([0, 2, 0])].add(y), "x y", NUMBERS)
add("insert", lambda v: jnp.insert(v, 2, 1), "v", NUMBERS)
add("delete", lambda v: jnp.delete(v, 2), "v", ALL)
add("meshgrid", lambda v, u: jnp.meshgrid(v, u), "v u", NUMBERS)
add("fill_diagonal", lambda a: jnp.fill_diagonal(a, 1, inplace=False), "a", NUMBERS)
add("dynamic_slice_public", lambda x: lax.dynamic_slice(x, (1, 1), (2, 2)), "x", ALL)
add("dynamic_update_public", lambda x, y: lax.dynamic_update_slice(x, y[:1, :2], (1, 1)), "x y", ALL)
add("unstack", lambda x: [row * 1 for row in x], "x", NUMBERS)

# ------------------------------------------------------------------------------------------------ secret positions

add("take_secret", lambda x, i: jnp.take(x, i, 0, mode="clip"), "x ids", ALL)
add("index_secret", lambda v, i: v[i], "v ids", ALL)
add("take_along_secret", lambda v, i: jnp.take_along_axis(v, i, 0), "v ids", NUMBERS)
add("dynamic_slice_secret", lambda v, i: lax.dynamic_slice(v, (i[0],), (2,)), "v ids", ALL)
add("dynamic_update_secret", lambda v, i: lax.dynamic_update_slice(v, v[:2], (i[0],)), "v ids", NUMBERS)
add("set_secret", lambda v, i: v.at[i[0]].set(1), "v ids", NUMBERS)
add("add_at_secret", lambda v, i: v.at[i].add(v[:5]), "v ids", NUMBERS)
add("one_hot", lambda i: jax.nn.one_hot(i, 4), "ids", ("i32",))
add("one_hot_matmul", lambda i, m: jax.nn.one_hot(i, 4) @ m, "ids m", FLOATS)
add("bincount", lambda i: jnp.bincount(i, length=4), "ids", ("i32",))
add("segment_sum", lambda v, i: jax.ops.segment_sum(v[:5], i, 3), "v ids", NUMBERS)
add("segment_max", lambda v, i: jax.ops.segment_max(v[:5], i, 4), "v ids", NUMBERS)
add("segment_min", lambda v, i: jax.ops.segment_min(v[:5], i, 4), "v ids", NUMBERS)
add("segment_prod", lambda v, i: jax.ops.segment_prod(v[:5], i, 3), "v:small ids", NUMBERS)
add("max_at_secret", lambda x, i, m: x.at[i].max(m[:3, :1] * 2), "x three m", NUMBERS)

# ------------------------------------------------------------------------------------------------ order

same("sort argsort", "v", NUMBERS)
add("sort_axis", lambda x: jnp.sort(x, 0), "x", NUMBERS)
add("greatest_but_one", lambda v: jnp.sort(v)[-2], "v", NUMBERS)
add("least_two", lambda v: jnp.sort(v)[:2], "v", NUMBERS)
add("sort_descending", lambda v: jnp.sort(v, descending=True), "v", NUMBERS)
add("sort_pairs", lambda v, u: lax.sort((v, u), num_keys=1), "v u", NUMBERS)
add("lexsort", lambda v, u: jnp.lexsort((v, u)), "v u", ("f32", "i32"))
add("top_k", lambda x: lax.top_k(x, 2), "x", NUMBERS)
add("approx_max_k", lambda x: lax.approx_max_k(x, 2)[0], "x", FLOATS)
add("searchsorted", lambda v: jnp.searchsorted(jnp.array([-3.0, 0.0, 2.0]), v), "v", FLOATS)
add("searchsorted_secret", lambda v, u: jnp.searchsorted(jnp.sort(v), u), "v u", ("f32", "i32"))
add("digitize", lambda v: jnp.digitize(v, jnp.array([-3.0, 0.0, 2.0])), "v", FLOATS)
add("histogram", lambda v: jnp.histogram(v, 3, (-6, 6))[0], "v", FLOATS)
add("partition", lambda v: jnp.sort(jnp.partition(v, 2)[:3]), "v", FLOATS)
add("unique", lambda v: jnp.unique(jnp.round(v / 4), size=4), "v", FLOATS)
add("unique_counts", lambda v: jnp.unique(v, size=6, return_counts=True, return_inverse=True), "v", ("i32", "u8"))
add("histogram_of_own_range", jnp.histogram, "v", ("f32",), slack=2e-3)
add("interp_secret", lambda v, u: jnp.interp(v, jnp.cumsum(u), v), "v u:positive", ("f32",), slack=4e-3)
add("quantile_secret", lambda v, s: jnp.quantile(v, s), "v s:chance", ("f32",))
add("isin", lambda v: jnp.isin(v, jnp.array([1, 2])), "v", ("f32", "i32"))

# ------------------------------------------------------------------------------------------------ control

add("cond_secret", lambda s, x: lax.cond(s > 0, lambda v: v * 2, lambda v: v - 1, x), "s x", NUMBERS)
add("switch_public", lambda x: lax.switch(1, [lambda v: v, lambda v: v * 2], x), "x", NUMBERS)
add("fori", lambda x: lax.fori_loop(0, 3, lambda i, v: v * 2 + i.astype(v.dtype), x), "x", NUMBERS)
add("scan", lambda x: lax.scan(lambda c, r: (c + r, c), x[0], x), "x", NUMBERS)
add("map", lambda x: lax.map(lambda r: r.sum(), x), "x", FLOATS)
add("vmap", jax.vmap(lambda r: r - r.max()), "x", NUMBERS)
add(
    "while_public",
    lambda x: lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] + s[1]), (0, x))[1],
    "x",
    NUMBERS,
)

# ------------------------------------------------------------------------------------------------ networks

same("relu relu6 hard_tanh hard_sigmoid leaky_relu", "x", FLOATS, module=jax.nn)
same("hard_swish sigmoid silu softplus elu selu celu log_sigmoid mish", "x", FLOATS, module=jax.nn, slack=1.6e-2)
add("gelu_tanh", jax.nn.gelu, "x", FLOATS, slack=1.6e-2)
add("gelu_erf", lambda x: jax.nn.gelu(x, approximate=False), "x", FLOATS, slack=1.6e-2)
same("soft_sign", "x", FLOATS, module=jax.nn)
same("softmax log_softmax", "x", FLOATS, module=jax.nn, slack=4e-3)
add("glu", jax.nn.glu, "x", FLOATS, slack=1.6e-2)
add("standardize", jax.nn.standardize, "x", FLOATS, slack=4e-3)
add(
    "logistic_gradient",
    jax.grad(lambda w, x: jnp.mean(jnp.logaddexp(0.0, x @ w))),
    "m:unit x:unit",
    ("f32",),
    slack=4e-3,
)
add("softmax_gradient", jax.grad(lambda x: jnp.sum(jax.nn.softmax(x) ** 2)), "x:small", ("f32",), slack=4e-3)
