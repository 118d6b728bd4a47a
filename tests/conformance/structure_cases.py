"""Operations with a region, and others that compilation writes in terms of simpler ones, as cases: windows, sorting.

Most have no line of PPHLO of their own here: it is what SPU makes of the JAX function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.conformance.cases import JAX_DTYPES, NUMBERS, Case, Operand, numbers, tensor
from tests.conformance.outcome import Array

STRUCTURE: list[Case] = []


def made(
    op: str,
    element: str,
    shapes: list[tuple[int, ...]],
    shape: tuple[int, ...],
    meaning: Callable[..., Any],
    function: Callable[..., Any] | None,
    *,
    result: str | None = None,
    **options: Any,
) -> None:
    """A case of operands of one dtype; the text is SPU's unless it is given."""
    operands = tuple(Operand(element, s) for s in shapes)
    STRUCTURE.append(Case(op, operands, result or element, shape, meaning, jax=function, **options))


# ------------------------------------------------------------------------------------------------ windows

_SIZES, _STRIDES, _PADDING = (2, 3), (1, 2), ((1, 0), (1, 1))
_BASE, _WINDOW = (2, 1), (1, 2)


def _pooled(combine: Callable[..., Any], start: Callable[[Any], Any]) -> Callable[[Array], Array]:
    """Windows of a 4 x 7 matrix, one after the other."""

    def meaning(x: Array) -> Array:
        initial = start(x.dtype)
        spread = np.full((7, 7), initial, x.dtype)
        spread[::2] = x
        padded = np.pad(spread, _PADDING, constant_values=initial)
        rows = [
            [combine(padded[i : i + 2, j : j + 5 : 2].reshape(-1), initial) for j in range(0, padded.shape[1] - 4, 2)]
            for i in range(padded.shape[0] - 1)
        ]
        return np.array(rows, x.dtype)

    return meaning


def _least(dtype: Any) -> Any:
    return -np.inf if np.dtype(dtype).kind == "f" else np.iinfo(dtype).min


def _most(dtype: Any) -> Any:
    return np.inf if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max


def _pool(combine: Any, start: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: lax.reduce_window(
        x, np.asarray(start(x.dtype), x.dtype), combine, _SIZES, _STRIDES, _PADDING, _BASE, _WINDOW
    )


for _e in (e for e in NUMBERS if e in JAX_DTYPES):
    for _label, _combine, _start, _function in (
        ("add", lambda w, s: w.sum(dtype=w.dtype), lambda d: 0, lax.add),
        ("max", lambda w, s: w.max(), _least, lax.max),
        ("min", lambda w, s: w.min(), _most, lax.min),
    ):
        made(
            "pphlo.reduce_window",
            _e,
            [(4, 7)],
            (7, 3),
            _pooled(_combine, _start),
            _pool(_function, _start),
            label=_label,
        )
    made(
        "pphlo.reduce_window",
        _e,
        [(3, 9)],
        (3, 9),
        lambda x: x.cumsum(1, dtype=x.dtype),
        lambda x: lax.cumsum(x, 1),
        label="cumsum",
    )
    made(
        "pphlo.reduce_window",
        _e,
        [(3, 9)],
        (3, 9),
        lambda x: np.maximum.accumulate(x[:, ::-1], 1)[:, ::-1],
        lambda x: lax.cummax(x, 1, reverse=True),
        label="cummax",
    )
for _e in ("f32", "i32", "i8"):
    made(
        "pphlo.reduce_window",
        _e,
        [(5, 3)],
        (5, 3),
        lambda x: x.cumprod(0, dtype=x.dtype),
        lambda x: lax.cumprod(x, 0),
        label="cumprod",
        levels=("ordinary",) if _e == "f32" else (),
        # Each factor errs by half a unit, and so does each product.
        tolerance=lambda expected, x: 2.0**-17 * 9.0**4 if x.dtype.kind == "f" else 0,
    )
made(
    "pphlo.reduce_window",
    "i1",
    [(4, 7)],
    (7, 3),
    _pooled(lambda w, s: w.any(), lambda d: False),
    _pool(lax.bitwise_or, lambda d: False),
    label="or",
)


def _chosen(x: Array, update: Array, size: int, stride: int) -> Array:
    """`update` added to the first greatest element of every window."""
    result = np.zeros_like(x)
    for i in range(update.shape[0]):
        for j in range(update.shape[1]):
            window = x[i * stride : i * stride + size, j * stride : j * stride + size]
            row, column = np.unravel_index(window.argmax(), window.shape)
            result[i * stride + row, j * stride + column] += update[i, j]
    return result


def _pooling(size: int, stride: int) -> Callable[[Any], Any]:
    return lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (size, size), (stride, stride), "VALID")


for _e in ("f16", "f32"):
    for _size, _stride, _count in ((2, 2, 3), (3, 2, 3), (3, 1, 5)):
        made(
            "pphlo.select_and_scatter",
            _e,
            [(7, 7), (_count, _count)],
            (7, 7),
            lambda x, u, size=_size, stride=_stride: _chosen(x, u, size, stride),
            lambda x, u, size=_size, stride=_stride: jax.vjp(_pooling(size, stride), x)[1](u)[0],
            label=f"{_size}by{_stride}",
        )


def _windows_text(element: str) -> str:
    x, bits = tensor(element, (6, 7), True), tensor("i1", (3, 3, 4), True)
    small = tensor(element, (3, 3), True)
    where = "window_dimensions = array<i64: 2, 2>, window_strides = array<i64: 2, 2>"
    return (
        f"%p:2 = pphlo.argmax %a {{window_dilations = array<i64: 1, 1>, {where}}} : ({x}) -> ({small}, {bits})\n"
        f"%u = pphlo.add %b, %p#0 : {small}\n"
        f"%r = pphlo.maxpool_scatter %p#1, %u {{{where}}} : ({bits}, {small}) -> {x}"
    )


def _pooled_and_back(x: Array, update: Array) -> Array:
    greatest = x[:, :6].reshape(3, 2, 3, 2).max((1, 3))
    return _chosen(x, update + greatest, 2, 2)


for _e in ("f16", "f32"):
    for _op in ("pphlo.argmax", "pphlo.maxpool_scatter"):
        made(_op, _e, [(6, 7), (3, 3)], (6, 7), _pooled_and_back, None, text=_windows_text(_e))

# ------------------------------------------------------------------------------------------------ reductions

for _e in ("f32", "i32"):
    made(
        "pphlo.reduce",
        _e,
        [(3, 5)],
        (3,),
        lambda x: x.prod(1, dtype=x.dtype),
        lambda x: jnp.prod(x, 1),
        label="multiply",
        levels=("ordinary",),
        tolerance=lambda expected, x: 2.0**-17 * 9.0**4 if x.dtype.kind == "f" else 0,
    )
    made(
        "pphlo.reduce",
        _e,
        [(3, 6), (3, 6)],
        (3,),
        lambda x, y: x.sum(1, dtype=x.dtype) - y.max(1),
        lambda x, y: (lambda pair: pair[0] - pair[1])(
            lax.reduce(
                (x, y),
                (np.zeros((), x.dtype), np.asarray(_least(y.dtype), y.dtype)),
                lambda p, q: (p[0] + q[0], jnp.maximum(p[1], q[1])),
                (1,),
            )
        ),
        label="pair",
    )
made(
    "pphlo.reduce",
    "i1",
    [(3, 6)],
    (3,),
    lambda x: np.logical_xor.reduce(x, 1),
    lambda x: lax.reduce(x, np.bool_(False), lax.bitwise_xor, (1,)),
    label="xor",
)

# ------------------------------------------------------------------------------------------------ sorting

for _e in JAX_DTYPES:
    made("pphlo.sort", _e, [(3, 7)], (3, 7), lambda x: np.sort(x, 1), lambda x: jnp.sort(x, 1))
    made(
        "pphlo.sort",
        _e,
        [(6, 2)],
        (6, 2),
        lambda x: np.sort(x, 0)[::-1],
        lambda x: jnp.sort(x, 0, descending=True),
        label="descending",
    )
for _e in ("i64", "i16", "i1"):
    for _direction in ("ASC", "DES"):
        _type = tensor(_e, (2, 9), True)
        made(
            "pphlo.simple_sort",
            _e,
            [(2, 9)],
            (2, 9),
            lambda x, step=1 if _direction == "ASC" else -1: np.sort(x, 1)[:, ::step],
            None,
            text=f"%r = pphlo.simple_sort %a  {_direction}, dim = 1, num_keys = 1 : ({_type}) -> {_type}",
            label=_direction.lower(),
        )
_TIES = ("ordinary", "whole", "most")
for _e in ("f16", "f32", "i8", "i32"):
    _levels = ("ordinary", "tens") if _e[0] == "f" else _TIES
    made(
        "pphlo.sort",
        _e,
        [(2, 9)],
        (2, 9),
        # With ties.
        lambda x: np.argsort(np.sign(x) if x.dtype.kind == "f" else x, 1, kind="stable"),
        lambda x: jnp.argsort(jnp.sign(x) if x.dtype.kind == "f" else x, 1),
        result="i32",
        label="argsort",
        levels=_levels,
    )
    made(
        "@mpc.topk",
        _e,
        [(2, 9)],
        (2, 3),
        lambda x: -np.sort(-x.astype(np.float64), 1)[:, :3],
        lambda x: lax.top_k(x, 3)[0],
        label="values",
    )
    made(
        "@mpc.topk",
        _e,
        [(2, 9)],
        (2, 3),
        lambda x: np.argsort(-x.astype(np.float64), 1, kind="stable")[:, :3],
        lambda x: lax.top_k(x, 3)[1],
        result="i32",
        label="positions",
        levels=_levels,
    )
    made(
        "pphlo.sort",
        _e,
        [(8,), (8,)],
        (8,),
        lambda x, y: y[np.lexsort((y, x))],
        lambda x, y: lax.sort((x, y), num_keys=2)[1],
        label="keys",
        levels=_levels,
    )

# ------------------------------------------------------------------------------------------------ indices


def _place(most: int) -> Callable[[tuple[int, ...]], Any]:
    """A `draw` of positions, some outside of 0 .. most."""

    def draw(shape: tuple[int, ...]) -> Callable[[str, np.random.Generator], Array]:
        def drawn(level: str, rng: np.random.Generator) -> Array:
            limits = np.iinfo(np.int32)
            choice = {
                "ordinary": np.arange(most + 1),
                "outside": np.array([-1, most + 1, -(most + 1), most]),
                "most": np.array([limits.min, limits.max, 0, most]),
            }[level]
            return rng.choice(choice, shape).astype(np.int32)

        return drawn

    return draw


_PLACES = ("ordinary", "outside", "most")


def indexed(
    op: str,
    shapes: list[tuple[int, ...]],
    places: list[tuple[tuple[int, ...], int]],
    shape: tuple[int, ...],
    meaning: Callable[..., Any],
    function: Callable[..., Any],
    *,
    elements: tuple[str, ...] = ("f16", "f32", "i32", "i1"),
    secret: tuple[bool, ...] = (True, False),
    **options: Any,
) -> None:
    """Cases of ordinary numbers at secret and at public positions, each of a shape and up to a position."""
    for element in elements:
        for hidden in secret:
            operands = tuple(
                Operand(element, s, draw=lambda level, rng, e=element, s=s: numbers(e, "ordinary", s, rng))
                for s in shapes
            ) + tuple(Operand("i32", s, hidden, draw=_place(most)(s)) for s, most in places)
            STRUCTURE.append(Case(op, operands, element, shape, meaning, jax=function, levels=_PLACES, **options))


def _start(place: Any, extent: int, size: int) -> int:
    place = int(place) + extent if int(place) < 0 else int(place)
    return min(max(np.int32(np.int64(place)).item(), 0), extent - size)


indexed(
    "pphlo.dynamic_slice",
    [(5, 6)],
    [((), 3)],
    (2, 3),
    lambda x, i: x[_start(i, 5, 2) : _start(i, 5, 2) + 2, 1:4],
    lambda x, i: lax.dynamic_slice(x, (i, 1), (2, 3)),
    label="rows",
)
indexed(
    "pphlo.dynamic_slice",
    [(5, 6)],
    [((), 3), ((), 4)],
    (2, 3),
    lambda x, i, j: x[_start(i, 5, 2) : _start(i, 5, 2) + 2, _start(j, 6, 3) : _start(j, 6, 3) + 3],
    lambda x, i, j: lax.dynamic_slice(x, (i, j), (2, 3)),
    label="both",
)


def _written(x: Array, update: Array, i: Any, j: Any) -> Array:
    result = x.copy()
    row, column = _start(i, 5, 2), _start(j, 6, 3)
    result[row : row + 2, column : column + 3] = update
    return result


indexed(
    "pphlo.dynamic_update_slice",
    [(5, 6), (2, 3)],
    [((), 3), ((), 4)],
    (5, 6),
    _written,
    lambda x, u, i, j: lax.dynamic_update_slice(x, u, (i, j)),
    label="both",
)
indexed(
    "pphlo.dynamic_update_slice",
    [(5, 6), (2, 6)],
    [((), 3)],
    (5, 6),
    lambda x, u, i: np.concatenate([x[: _start(i, 5, 2)], u, x[_start(i, 5, 2) + 2 :]]),
    lambda x, u, i: lax.dynamic_update_slice(x, u, (i, 0)),
    label="rows",
)
for _label, _shape in (("vector", (7,)), ("matrix", (7, 3)), ("cube", (7, 2, 3))):
    indexed(
        "@ditto.embedding",
        [_shape],
        [((4,), 6)],
        (4, *_shape[1:]),
        lambda x, i: x[[_start(k, 7, 1) for k in i]],
        lambda x, i: jnp.take(x, jnp.where(i < 0, i + 7, i), axis=0, mode="clip"),
        label=_label,
    )


def _rows_of(x: Array, places: Array) -> list[int | None]:
    """The rows that positions mean in JAX; None for those outside."""
    wrapped = [int(np.int64(p) + len(x)) if p < 0 else int(p) for p in places]
    return [p if 0 <= p < len(x) else None for p in wrapped]


def _scattered(combine: Callable[[Any, Any], Any]) -> Callable[..., Array]:
    def meaning(x: Array, updates: Array, places: Array) -> Array:
        result = x.copy()
        for row, update in zip(_rows_of(x, places), updates, strict=True):
            if row is not None:
                result[row] = combine(result[row], update)
        return result

    return meaning


for _label, _combine in (("add", np.add), ("set", lambda old, new: new), ("max", np.maximum)):
    for _shape in ((6,), (6, 3)):
        indexed(
            "@ditto.one_hot" if _label == "add" else "pphlo.dynamic_update_slice",
            [_shape, (4, *_shape[1:])],
            [((4,), 5)],
            _shape,
            _scattered(_combine),
            lambda x, u, i, label=_label: getattr(x.at[i], label)(u),
            elements=("f16", "f32", "i32"),
            label=f"scatter_{_label}_{len(_shape)}",
        )
indexed(
    "@ditto.take",
    [(5, 4)],
    [((3, 2), 4)],
    (3, 2, 4),
    lambda x, i: x[np.array([_start(k, 5, 1) for k in i.reshape(-1)]).reshape(3, 2)],
    lambda x, i: jnp.take(x, jnp.where(i < 0, i + 5, i), axis=0, mode="clip"),
    secret=(False,),
    label="gather",
)

# ------------------------------------------------------------------------------------------------ convolutions


def _convolved(
    x: Array, kernel: Array, stride: tuple[int, ...], dilation: tuple[int, ...] | None = None, groups: int = 1
) -> Array:
    """[N, S.., C] with [K.., C / groups, O], no padding."""
    axes = len(stride)
    dilation = dilation or (1,) * axes
    spans = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation)]
    counts = [(n - s) // step + 1 for n, s, step in zip(x.shape[1:], spans, stride)]
    inputs, outputs = kernel.shape[-2], kernel.shape[-1] // groups
    result = np.zeros((x.shape[0], *counts, kernel.shape[-1]), np.result_type(x, kernel))
    for place in np.ndindex(*counts):
        for tap in np.ndindex(*kernel.shape[:axes]):
            at = tuple(p * s + t * d for p, s, t, d in zip(place, stride, tap, dilation))
            for group in range(groups):
                features = x[(slice(None), *at, slice(group * inputs, (group + 1) * inputs))]
                made = slice(group * outputs, (group + 1) * outputs)
                result[(slice(None), *place, made)] += features @ kernel[(*tap, slice(None), made)]
    return result


def convolved(
    label: str,
    shapes: list[tuple[int, ...]],
    shape: tuple[int, ...],
    meaning: Callable[..., Any],
    function: Callable[..., Any],
    elements: tuple[str, ...] = ("f16", "f32"),
    secret: tuple[bool, bool] = (True, True),
    levels: tuple[str, ...] = (),
) -> None:
    for element in elements:
        operands = tuple(Operand(element, s, hidden) for s, hidden in zip(shapes, secret, strict=True))
        STRUCTURE.append(
            Case(
                "pphlo.convolution",
                operands,
                element,
                shape,
                meaning,
                jax=function,
                label=label,
                levels=levels,
                # A public argument may be asked for as a secret one.
                refusable=not all(secret),
            )
        )


convolved(
    "1d",
    [(2, 9, 3), (3, 3, 4)],
    (2, 4, 4),
    lambda x, k: _convolved(x, k, (2,)),
    lambda x, k: lax.conv_general_dilated(x, k, (2,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")),
)
convolved(
    "3d",
    [(1, 4, 5, 4, 2), (2, 3, 2, 2, 3)],
    (1, 3, 2, 3, 3),
    lambda x, k: _convolved(x, k, (1, 2, 1)),
    lambda x, k: lax.conv_general_dilated(x, k, (1, 2, 1), "VALID", dimension_numbers=("NDHWC", "DHWIO", "NDHWC")),
    elements=("f16", "f32", "i32"),
)
convolved(
    "dilated",
    [(1, 7, 8, 2), (3, 2, 2, 3)],
    (1, 3, 6, 3),
    lambda x, k: _convolved(x, k, (1, 1), (2, 2)),
    lambda x, k: lax.conv_general_dilated(
        x, k, (1, 1), "VALID", rhs_dilation=(2, 2), dimension_numbers=("NHWC", "HWIO", "NHWC")
    ),
)
convolved(
    "channels_first",
    [(1, 2, 5, 6), (3, 2, 2, 3)],
    (1, 3, 4, 4),
    lambda x, k: _convolved(x.transpose(0, 2, 3, 1), k.transpose(2, 3, 1, 0), (1, 1)).transpose(0, 3, 1, 2),
    lambda x, k: lax.conv_general_dilated(x, k, (1, 1), "VALID"),
)
convolved(
    "groups",
    [(1, 5, 4, 4), (2, 2, 2, 6)],
    (1, 4, 3, 6),
    lambda x, k: _convolved(x, k, (1, 1), groups=2),
    lambda x, k: lax.conv_general_dilated(
        x, k, (1, 1), "VALID", feature_group_count=2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    ),
    # Sums of other numbers cancel, and depend on their order.
    levels=("ordinary", "tens", "thousands"),
)
for _secret in ((True, False), (False, True)):
    convolved(
        "public_argument",
        [(1, 5, 4, 2), (2, 2, 2, 3)],
        (1, 4, 3, 3),
        lambda x, k: _convolved(x, k, (1, 1)),
        lambda x, k: lax.conv_general_dilated(x, k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")),
        secret=_secret,
    )


def _spread(x: Array) -> Array:
    """Zeros between rows, one row cut at the top, two of zeros at the bottom."""
    result = np.zeros((x.shape[0], 2 * x.shape[1], *x.shape[2:]), x.dtype)
    result[:, :-1:2] = x
    return np.concatenate([result[:, 1:], np.zeros_like(result[:, :1])], 1)


convolved(
    "transposed",
    [(1, 4, 4, 2), (2, 2, 2, 3)],
    (1, 7, 3, 3),
    lambda x, k: _convolved(_spread(x), k, (1, 1)),
    lambda x, k: lax.conv_general_dilated(
        x, k, (1, 1), [(-1, 2), (0, 0)], lhs_dilation=(2, 1), dimension_numbers=("NHWC", "HWIO", "NHWC")
    ),
)
_IMAGE = np.rint(np.random.default_rng(0).uniform(-8, 8, (1, 5, 5, 2)) * 16) / 16
_KERNEL = np.rint(np.random.default_rng(1).uniform(-2, 2, (2, 2, 2, 3)) * 16) / 16
for _e in ("f16", "f32"):
    made(
        "pphlo.convolution",
        _e,
        [(1, 5, 5, 2)],
        (1, 4, 4, 3),
        lambda x: _convolved(x, _KERNEL, (1, 1)),
        lambda x: lax.conv_general_dilated(
            x, _KERNEL.astype(x.dtype), (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ),
        label="public_kernel",
        tolerance=lambda expected, x: np.maximum(2.0**-10 * np.abs(x).max() * np.abs(_KERNEL).sum(), 2.0**-6),
    )
    made(
        "pphlo.convolution",
        _e,
        [(2, 2, 2, 3)],
        (1, 4, 4, 3),
        lambda k: _convolved(_IMAGE, k, (1, 1)),
        lambda k: lax.conv_general_dilated(
            _IMAGE.astype(k.dtype), k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ),
        label="public_image",
        tolerance=lambda expected, k: np.maximum(2.0**-10 * np.abs(k).max() * np.abs(_IMAGE).sum(), 2.0**-6),
    )

# ------------------------------------------------------------------------------------------------ edges of movement


def edge(
    label: str, op: str, shapes: list[tuple[int, ...]], meaning: Any, function: Any, shape: tuple[int, ...]
) -> None:
    for element in ("f16", "f32", "i8", "i1"):
        made(op, element, shapes, shape, meaning, function, label=label)


edge(
    "negative",
    "pphlo.pad",
    [(3, 4)],
    lambda x: _filled(x, 0),
    lambda x: lax.pad(x, np.zeros((), x.dtype), [(-1, 2, 1), (2, -1, 0)]),
    (6, 5),
)
edge(
    "negative_filled",
    "pphlo.pad",
    [(3, 4), ()],
    lambda x, fill: _filled(x, fill),
    lambda x, fill: lax.pad(x, fill, [(-1, 2, 1), (2, -1, 0)]),
    (6, 5),
)
edge("empty_part", "pphlo.concatenate", [(0, 3), (2, 3)], lambda x, y: y, lambda x, y: jnp.concatenate([x, y]), (2, 3))
edge("empty", "pphlo.transpose", [(0, 3)], lambda x: x.T, lambda x: x.T, (3, 0))
edge("empty", "pphlo.reverse", [(0, 3)], lambda x: x, lambda x: x[::-1], (0, 3))
edge("empty", "pphlo.sort", [(0, 3)], lambda x: x, lambda x: jnp.sort(x, 1), (0, 3))
edge("one", "pphlo.sort", [(1,)], lambda x: x, lambda x: jnp.sort(x), (1,))


def _filled(x: Array, fill: Any) -> Array:
    result = np.full((6, 5), fill, x.dtype)
    result[1:4:2, 2:5] = x[1:, :3]
    return result
