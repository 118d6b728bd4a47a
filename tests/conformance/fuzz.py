"""Random JAX programs with random inputs, ordinary ones and such as reach a dtype's limits.

A program is data (`Program`), so that a failure prints as something that can be run again. Its criterion is that of all
tests here: every element of a result lies in its enclosure, or the program, or the call, is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

import spu_ditto
from tests.conformance.enclosure import enclose
from tests.conformance.outcome import Array, run_of

ROWS, COLUMNS = 3, 4
# Magnitudes of inputs, by dtype.
SCALES = {"f32": (0.01, 1.0, 8.0, 100.0, 2000.0, 8000.0, 1e6, 3e38), "f16": (0.1, 1.0, 8.0, 30.0, 500.0, 60000.0)}
ORDINARY = 8.0


def _softmax(x: Any) -> Any:
    return jax.nn.softmax(x)


def _layer_norm(x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 0.01)


UNARY: dict[str, Callable[[Any], Any]] = {
    "neg": jnp.negative,
    "abs": jnp.abs,
    "square": jnp.square,
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "exp": jnp.exp,
    "exp_of_negative": lambda x: jnp.exp(-jnp.abs(x)),
    "reciprocal": lambda x: 1 / x,
    "reciprocal_of_positive": lambda x: 1 / (jnp.abs(x) + 0.5),
    "rsqrt_of_positive": lambda x: jax.lax.rsqrt(jnp.abs(x) + 0.25),
    "sqrt_of_positive": lambda x: jnp.sqrt(jnp.abs(x) + 0.25),
    "clip": lambda x: jnp.clip(x, -2, 2),
    "half": lambda x: x * 0.5,
    "times_three": lambda x: x * 3.25,
    "plus": lambda x: x + 1.5,
    "sum": lambda x: x.sum(-1, keepdims=True),
    "sum_of_columns": lambda x: x.sum(0, keepdims=True),
    "mean": lambda x: x.mean(-1, keepdims=True),
    "max": lambda x: x.max(-1, keepdims=True),
    "min": lambda x: x.min(-1, keepdims=True),
    "softmax": _softmax,
    "layer_norm": _layer_norm,
    "to_f16": lambda x: x.astype(jnp.float16),
    "to_f32": lambda x: x.astype(jnp.float32),
    "turn_over": lambda x: x.T.reshape(x.shape),
    "dot_with_itself": lambda x: x @ x.T,
    "positive": lambda x: (x > 0).astype(x.dtype),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": jnp.add,
    "sub": jnp.subtract,
    "mul": jnp.multiply,
    "max": jnp.maximum,
    "min": jnp.minimum,
    "div": lambda x, y: x / (jnp.abs(y) + 0.5),
    "dot": lambda x, y: (x + 0 * y) @ (y + 0 * x).T,
    "where": lambda x, y: jnp.where(x < y, x, 1.0),
    "where_greater": lambda x, y: jnp.where(x > 0.5, x + y, y),
}


@dataclass(frozen=True)
class Program:
    """Arguments as (dtype, magnitude), then steps: (operation, position of operand[, of the second one])."""

    arguments: tuple[tuple[str, float], ...]
    steps: tuple[tuple[Any, ...], ...]
    seed: int

    def __call__(self, *arguments: Any) -> list[Any]:
        """The values that no later step uses."""
        values = list(arguments)
        used: set[int] = set()
        for name, *positions in self.steps:
            places = [p % len(values) for p in positions]
            used.update(places)
            operands = [values[p] for p in places]
            if len(operands) == 1:
                values.append(UNARY[name](operands[0]))
            else:
                x, y = operands
                values.append(BINARY[name](x, y.astype(x.dtype)))
        return [v for n, v in enumerate(values) if n >= len(arguments) and n not in used]

    def inputs(self) -> list[Array]:
        rng = np.random.default_rng(self.seed)
        found = []
        for element, scale in self.arguments:
            dtype = np.float16 if element == "f16" else np.float32
            numbers = np.clip(rng.standard_normal((ROWS, COLUMNS)) / 2, -1, 1) * scale
            found.append(numbers.astype(dtype))
        return found

    @property
    def ordinary(self) -> bool:
        return all(scale <= ORDINARY for _, scale in self.arguments)


def _arguments() -> st.SearchStrategy[tuple[tuple[str, float], ...]]:
    # Most programs stay among ordinary numbers: the others are refused for a good part.
    usual = {e: [s for s in scales if s <= ORDINARY] for e, scales in SCALES.items()}
    argument = st.sampled_from(["f32", "f16"]).flatmap(
        lambda e: st.tuples(st.just(e), st.sampled_from(usual[e]) | st.sampled_from(SCALES[e]))
    )
    return st.lists(argument, min_size=1, max_size=3).map(tuple)


def _steps() -> st.SearchStrategy[tuple[tuple[Any, ...], ...]]:
    place = st.integers(0, 7)
    step = st.tuples(st.sampled_from(sorted(UNARY)), place) | st.tuples(st.sampled_from(sorted(BINARY)), place, place)
    return st.integers(1, 6).flatmap(lambda depth: st.tuples(*[step] * depth))


def programs() -> st.SearchStrategy[Program]:
    """Programs that JAX can trace: shapes that broadcast."""
    return st.builds(Program, _arguments(), _steps(), st.integers(0, 2**16)).filter(_is_traceable)


def _is_traceable(program: Program) -> bool:
    try:
        jax.eval_shape(program, *program.inputs())
    except (TypeError, ValueError):
        return False
    return True


@dataclass
class Tally:
    """How much a number of programs has told."""

    runs: int = 0
    ordinary: int = 0
    computed: int = 0
    computed_ordinary: int = 0
    informative: float = 0.0

    def check(self) -> None:
        """Fails if most ordinary programs were refused, or most elements could have been anything."""
        assert self.computed_ordinary >= 0.75 * self.ordinary, self
        assert self.informative >= 0.75 * self.computed, self


def check(program: Program, policy: str, tally: Tally) -> None:
    """Runs a program; its results lie in their enclosures, or it is refused."""
    inputs = program.inputs()
    enclosures = enclose(program, *inputs)
    outcome = run_of(lambda: spu_ditto.compile(program, ring_policy=policy)(*inputs))
    tally.runs += 1
    tally.ordinary += program.ordinary
    if outcome.results is None:
        assert str(outcome.refusal)
        return
    tally.computed += 1
    tally.computed_ordinary += program.ordinary
    tally.informative += float(np.mean([e.informative() for e in enclosures]))
    for index, (result, enclosed) in enumerate(zip(outcome.results, enclosures, strict=True)):
        off = ~enclosed.holds(result)
        if off.any():
            at = tuple(int(i) for i in np.argwhere(off)[0])
            raise AssertionError(
                f"result {index} of {program} under {policy} is {result[at]!r} at {list(at)}, exactly "
                f"{enclosed.exact[at]:.8g}, between {enclosed.low[at]:.8g} and {enclosed.high[at]:.8g}"
            )
