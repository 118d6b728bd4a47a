"""Arrays that are shared once and used by many calls."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import jax
import numpy as np

from ditto.encoding import ValueType, check_dtype, encode_argument
from spu_ditto.arguments import abstract, as_known
from spu_ditto.runtime import Runtime, Stored
from spu_ditto.tracebacks import ends_here


class SharedArray:
    """A leaf of a handle: stands for an array in the calls of secure functions.

    Which ring an argument is shared in is known only when it meets a compiled program (float32 weights used in float16
    rest in 32 bits), so the array stays with the caller, its owner, and is shared at its first use, once per ring and
    runtime.

    Attributes:
        plain: the array itself.
    """

    def __init__(self, value: Any) -> None:
        self.plain = np.asarray(value)
        described = abstract(value)
        self.shape: tuple[int, ...] = described.shape
        self.dtype = np.dtype(described.dtype)
        self._lock = threading.Lock()
        self._stored: weakref.WeakKeyDictionary[Runtime, dict[str, Stored]] = weakref.WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"SharedArray({self.shape}, {self.dtype})"

    def stored(self, runtime: Runtime, type: ValueType, name: str) -> tuple[Stored, bool]:
        """The shares `runtime` holds in this ring, and whether they were made just now."""
        with self._lock:
            cache = self._stored.setdefault(runtime, {})
            fresh = str(type) not in cache
            if fresh:
                check_dtype(self.plain, self.dtype, name)
                cache[str(type)] = runtime.put(encode_argument(self.plain, type, name), type)
            return cache[str(type)], fresh


@ends_here
def share(tree: Any) -> Any:
    """A handle: the same pytree with a `SharedArray` in place of every array.

    Raises:
        UnsupportedError: a leaf is no array of numbers.
    """
    return jax.tree_util.tree_map(
        lambda leaf: leaf if isinstance(leaf, SharedArray) else SharedArray(leaf), as_known(tree)
    )
