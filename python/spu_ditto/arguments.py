"""The arguments of a call, taken as `jax.jit` takes them: static ones apart, pytrees flattened, each leaf with a name.

Beyond what JAX knows, a mapping (such as the `BatchEncoding` of a tokenizer) is a dict, and whatever offers its numbers
through `__array__` or DLPack (such as a torch tensor) is a NumPy array.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from spu_ditto.errors import PolicyError, ShapeError, UnsupportedError

Visibility = Literal["secret", "public"]

# Of NumPy's dtypes: booleans, integers, floats, complex numbers.
_NUMERIC_KINDS = "biufc"

# What the arguments of a function without `*args` and without a signature are called.
_NO_REST = "arg"


@dataclass(frozen=True)
class Argument:
    """One array argument of a traced function: its path in the argument tree, shape, dtype and who may see it."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    visibility: Visibility


@dataclass(frozen=True)
class Call:
    """What a function is called with, without what is static.

    Attributes:
        fn: the function of `args` and `kwargs` alone.
        args, kwargs: pytrees of arrays. What has a place among the positional arguments is in `args`, however it came.
        parameters: the names of `args`.
        static: identifies the static arguments.
    """

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    parameters: tuple[str, ...]
    static: tuple[Any, ...]

    def named_leaves(self) -> list[tuple[str, Any]]:
        """The leaves in JAX's order with their names, such as `params/encoder/layer/1/kernel`."""
        return named_leaves(self.args, self.kwargs, self.parameters)


class Parameters:
    """The parameters of a function, and which of them are static.

    Raises:
        PolicyError: what is to be static is no parameter; names it, and those there are.
    """

    def __init__(
        self, fn: Callable[..., Any], static_argnums: int | Sequence[int], static_argnames: str | Sequence[str]
    ) -> None:
        self._fn = fn
        numbers = (static_argnums,) if isinstance(static_argnums, int) else tuple(static_argnums or ())
        names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames or ())
        try:
            parameters = list(inspect.signature(fn).parameters.values())
        except ValueError:  # Some callables written in C have no signature.
            self.positional: tuple[str, ...] = ()
            parameters = []
        else:
            kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            self.positional = tuple(p.name for p in parameters if p.kind in kinds)
            self._check_static(parameters, numbers, names)
        self._only_by_position = {p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_ONLY}
        self._rest = next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL), _NO_REST)
        by_number = (self.positional[n] for n in numbers if -len(self.positional) <= n < len(self.positional))
        self._static_names = {*names, *by_number}
        # What no name tells: among *args, or where there is no signature.
        self._static_numbers = numbers if self._rest != _NO_REST or not parameters else ()

    def _check_static(
        self, parameters: Sequence[inspect.Parameter], numbers: tuple[int, ...], names: tuple[str, ...]
    ) -> None:
        kinds = {p.kind for p in parameters}
        count = len(self.positional)
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            for number in numbers:
                if not -count <= number < count:
                    known = f"{name_of(self._fn)} has {count} positional arguments"
                    raise PolicyError(f"static_argnums names position {number}, but {known}")
        every = [p.name for p in parameters if p.kind.name not in ("VAR_POSITIONAL", "VAR_KEYWORD")]
        if inspect.Parameter.VAR_KEYWORD not in kinds and (unknown := [n for n in names if n not in every]):
            raise PolicyError(f"static_argnames names {unknown}, but the parameters of {name_of(self._fn)} are {every}")

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
        """Takes the arguments of a call apart.

        Raises:
            UnsupportedError: a static argument is not hashable, or an argument is no array.
        """
        every, keywords = by_position(args, kwargs, self.positional, self._only_by_position)
        more = (f"{self._rest}{n}" for n in range(len(self.positional), len(every)))
        names = [*self.positional[: len(every)], *more]
        numbers = {n % len(every) for n in self._static_numbers if -len(every) <= n < len(every)}
        static = {n for n, name in enumerate(names) if n in numbers or name in self._static_names}
        held = {name: keywords[name] for name in sorted(self._static_names & set(keywords))}
        for name, value in [*((names[n], every[n]) for n in sorted(static)), *held.items()]:
            _check_hashable(name, value)
        dynamic = [n for n in range(len(every)) if n not in static]
        return Call(
            fn=_bound(self._fn, every, static, held) if static or held else self._fn,
            args=tuple(as_known(every[n]) for n in dynamic),
            kwargs={name: as_known(value) for name, value in keywords.items() if name not in held},
            parameters=tuple(names[n] for n in dynamic),
            static=(
                len(every),
                tuple((n, _static_key(every[n])) for n in sorted(static)),
                tuple((name, _static_key(value)) for name, value in held.items()),
            ),
        )


def name_of(fn: Callable[..., Any]) -> str:
    """What a function is called; a partial one as what it is made of."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return getattr(fn, "__name__", type(fn).__name__)


def by_position(
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    parameters: Sequence[str],
    only_by_position: set[str] | frozenset[str] = frozenset(),
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Moves keyword arguments to their places, so that f(x, y) and f(x, y=y) are one call."""
    every, rest = list(args), dict(kwargs)
    for name in parameters[len(args) :]:
        if name not in rest or name in only_by_position:
            break
        every.append(rest.pop(name))
    return tuple(every), rest


def named_leaves(args: Any, kwargs: Any, parameters: Sequence[str]) -> list[tuple[str, Any]]:
    """The leaves of (args, kwargs) with their paths; `parameters` are the names of `args`."""
    leaves = []
    for path, leaf in jax.tree_util.tree_flatten_with_path((args, kwargs))[0]:
        root = path[1].key if path[0].idx else _nth(parameters, path[1].idx)
        leaves.append(("/".join(filter(None, (root, path_name(path[2:])))), leaf))
    return leaves


def _nth(names: Sequence[str], n: int) -> str:
    return names[n] if n < len(names) else f"arg{n}"


def path_name(path: Sequence[Any]) -> str:
    """A pytree path as one slash-separated name, e.g. `0/params/encoder/layer/1/kernel`."""
    parts = []
    for key in path:
        value = next((getattr(key, a) for a in ("key", "name", "idx") if hasattr(key, a)), key)
        parts.append(str(value))
    return "/".join(parts)


def as_known(tree: Any) -> Any:
    """A pytree that JAX knows, of what offers itself as one (see the module)."""
    return jax.tree_util.tree_map(_known, tree)


def _known(leaf: Any) -> Any:
    if isinstance(leaf, (np.ndarray, np.generic, jax.Array, bool, int, float, complex)):
        return leaf
    if isinstance(leaf, Mapping):
        return as_known(dict(leaf))
    if hasattr(leaf, "__array__"):
        return np.asarray(leaf)
    if hasattr(leaf, "__dlpack__"):
        return np.from_dlpack(leaf)
    return leaf


def abstract(leaf: Any, name: str | None = None) -> jax.ShapeDtypeStruct:
    """The shape and JAX dtype of an array, a scalar, or anything with `shape` and `dtype`.

    Python's own numbers are weakly typed, as in JAX: they take the dtype of what they meet.

    Raises:
        UnsupportedError: it is no array of numbers; tells the argument's `name`.
    """
    where = "an argument" if name is None else f"argument {name}"
    if isinstance(leaf, jax.core.Tracer):
        raise UnsupportedError(
            f"{where} is traced by JAX: secure functions cannot be called inside jit, grad or vmap; transform the "
            "function before it is compiled"
        )
    if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        array = np.asarray(leaf)
        if array.dtype.kind not in _NUMERIC_KINDS:
            raise UnsupportedError(
                f"{where} is a {type(leaf).__name__}, no numeric array; name it in static_argnums or static_argnames"
            )
        weak = isinstance(leaf, (int, float, complex)) and not isinstance(leaf, bool)
        return jax.ShapeDtypeStruct(array.shape, jax.dtypes.canonicalize_dtype(array.dtype), weak_type=weak)
    try:
        dtype = jax.dtypes.canonicalize_dtype(leaf.dtype)
    except (TypeError, ValueError):
        dtype = None
    # Extension types such as bfloat16 are of kind V.
    if not isinstance(dtype, np.dtype) or dtype.kind not in _NUMERIC_KINDS + "V":
        raise UnsupportedError(f"{where} has the dtype {leaf.dtype}, which is no numeric one")
    return jax.ShapeDtypeStruct(leaf.shape, dtype, weak_type=bool(getattr(leaf, "weak_type", False)))


def leaf_visibility(input_visibility: Any, call: Call) -> list[Visibility]:
    """Expands `input_visibility` to one entry per leaf of a call.

    Args:
        input_visibility: None (all secret), one of "secret" and "public", a sequence with one such entry (or a pytree
            prefix of them) per positional argument, or a mapping of such entries by the names of arguments.

    Raises:
        ShapeError: the entries do not match the arguments.
        UnsupportedError: an entry is neither "secret" nor "public".
    """
    prefix: Any = ("secret" if input_visibility is None else input_visibility,) * 2
    if isinstance(input_visibility, Mapping):
        known = [*call.parameters, *call.kwargs]
        if unknown := [name for name in input_visibility if name not in known]:
            raise ShapeError(f"input_visibility names {unknown}, but the arguments are {known}")
        marks = {name: input_visibility.get(name, "secret") for name in known}
        prefix = (tuple(marks[n] for n in call.parameters), {name: marks[name] for name in call.kwargs})
    elif isinstance(input_visibility, (list, tuple)):
        if len(input_visibility) != len(call.args):
            raise ShapeError(f"input_visibility has {len(input_visibility)} entries for {len(call.args)} arguments")
        if call.kwargs:
            raise ShapeError(
                f"input_visibility tells nothing of the arguments {sorted(call.kwargs)}, given by name; write it as a "
                'mapping, such as {"mask": "public"}'
            )
        prefix = (tuple(input_visibility), {})
    arguments = (call.args, call.kwargs)
    try:
        leaves: list[Any] = jax.tree_util.tree_leaves(
            jax.tree_util.tree_map(lambda mark, part: jax.tree_util.tree_map(lambda _: mark, part), prefix, arguments)
        )
    except ValueError as error:
        raise ShapeError(f"input_visibility does not match the arguments: {error}") from error
    for mark in leaves:
        if mark not in ("secret", "public"):
            raise UnsupportedError(f'input_visibility is "secret" or "public", not {mark!r}')
    return leaves


def _bound(
    fn: Callable[..., Any], every: tuple[Any, ...], static: set[int], held: Mapping[str, Any]
) -> Callable[..., Any]:
    """`fn` of the other arguments alone. A new function, as JAX would take the trace of (1,) for that of (True,)."""

    def bound(*dynamic: Any, **keywords: Any) -> Any:
        rest = iter(dynamic)
        return fn(*(arg if n in static else next(rest) for n, arg in enumerate(every)), **held, **keywords)

    bound.__name__ = name_of(fn)
    return bound


def _check_hashable(name: str, value: Any) -> None:
    try:
        hash(value)
    except TypeError as error:
        raise UnsupportedError(
            f"the static argument {name} is a {type(value).__name__}, which is not hashable; pass a tuple or a number"
        ) from error


def _static_key(value: Any) -> Any:
    """Tells apart what compares equal but computes otherwise: 1, True and 1.0; 0.0 and -0.0; tuples of them."""
    if isinstance(value, tuple):
        return type(value), tuple(map(_static_key, value))
    return type(value), value.hex() if isinstance(value, float) else value
