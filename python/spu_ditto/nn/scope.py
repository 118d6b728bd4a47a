"""Where a network takes its weights from: a place in a tree, by the names of the checkpoint.

    scope / "attention" / "query"                 a place below
    scope.weight("kernel", 4, 8)                  the array there, float32, of this shape

The same network is evaluated, checked against a file, or given random weights by what stands behind its scope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from spu_ditto.errors import UnsupportedError

# By dotted name: the weight, whose shape has to be as given.
Source = Callable[[str, tuple[int, ...]], jax.Array]
# Dtypes by beginnings of dotted names; the longest that fits counts, and what none fits is float32.
Precision = Mapping[str, Any]
# Is told what comes into a linear layer, by the layer's dotted name.
Observer = Callable[[str, jax.Array], None]
# How the names of what else it is told end.
OBSERVED_BESIDES = (".scores", ".activation", ".hidden", ".norm")


@dataclass(frozen=True)
class Scope:
    """A place in a tree of weights."""

    source: Source
    precision: Precision = field(default_factory=dict)
    observer: Observer | None = None
    path: str = ""

    def __truediv__(self, name: str | int) -> Scope:
        path = f"{self.path}.{name}" if self.path and name != "" else self.path or str(name)
        return Scope(self.source, self.precision, self.observer, path)

    def weight(self, name: str, *shape: int) -> jax.Array:
        """The float32 array of that name, whose shape must be `shape`."""
        return self.source((self / name).path, shape)

    @property
    def dtype(self) -> Any:
        """What linear layers here compute in."""
        fitting = [part for part in self.precision if _is_within(self.path, part)]
        return jnp.dtype(self.precision[max(fitting, key=len)]) if fitting else jnp.dtype(jnp.float32)

    def observe(self, x: jax.Array) -> None:
        """Tells the observer, if there is one, what comes in here."""
        if self.observer is not None:
            self.observer(self.path, x)


def _is_within(path: str, part: str) -> bool:
    return path == part or path.startswith(f"{part}.") or not part


def from_tree(params: Any) -> Source:
    """Weights of a tree of dictionaries, as `tree_of` makes it."""

    def source(name: str, shape: tuple[int, ...]) -> jax.Array:
        node = params
        for key in name.split("."):
            if not isinstance(node, Mapping) or key not in node:
                raise UnsupportedError(f"there is no weight {name} among the parameters")
            node = node[key]
        if tuple(np.shape(node)) != shape:
            raise UnsupportedError(f"the weight {name} is {list(np.shape(node))}, the network needs {list(shape)}")
        return jnp.asarray(node)

    return source


def tree_of(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dictionaries of weights by dotted name."""
    tree: dict[str, Any] = {}
    for name, weight in weights.items():
        *folders, last = name.split(".")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[last] = weight
    return tree


def flat(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The weights of such a tree with their dotted names."""
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from flat(value, name)
        else:
            yield name, value


def shapes_of(network: Callable[[Scope], Any]) -> dict[str, tuple[int, ...]]:
    """What a network asks of its scope; nothing is computed."""
    asked: dict[str, tuple[int, ...]] = {}

    def source(name: str, shape: tuple[int, ...]) -> jax.Array:
        assert asked.setdefault(name, shape) == shape, name
        return jnp.zeros(shape, jnp.float32)

    jax.eval_shape(lambda: network(Scope(source)))
    return asked


def random_weights(shapes: Mapping[str, tuple[int, ...]], spread: float, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    """Weights as for training: matrices of the given standard deviation, biases 0, scales 1. float32."""
    rng = np.random.default_rng(seed)

    def make(name: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        if len(shape) > 1:
            return rng.standard_normal(shape, np.float32) * np.float32(spread)
        return np.full(shape, 0 if name.endswith("bias") else 1, np.float32)

    return {name: make(name, shapes[name]) for name in sorted(shapes)}
