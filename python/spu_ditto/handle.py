"""Arrays that are shared once and used by many calls."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ditto.encoding import ValueType, check_dtype, encode_argument
from ditto.parties.run_report import RunReport
from ditto.parties.runtime import Runtime, Stored
from spu_ditto.arguments import abstract, as_known
from spu_ditto.tracebacks import ends_here


@dataclass(frozen=True)
class Placed:
    """An argument where a program takes it.

    Attributes:
        input_bytes: what sharing it has sent just now.
        conversion: the run in which the parties have converted it just now.
    """

    stored: Stored
    input_bytes: int = 0
    conversion: RunReport | None = None


class SharedArray:
    """A leaf of a handle: stands for an array in the calls of secure functions.

    Which ring an argument is shared in is known only when it meets a compiled program (float32 weights used in float16
    rest in 32 bits), so the array stays with the caller, its owner, and is shared at its first use, once per ring and
    runtime.

    Attributes:
        plain: the array itself.
    """

    def __init__(self, value: Any) -> None:
        self.plain: Any = np.asarray(value)
        described = abstract(value)
        self.shape: tuple[int, ...] = described.shape
        self.dtype = np.dtype(described.dtype)
        self._lock = threading.Lock()
        self._stored: weakref.WeakKeyDictionary[Runtime, dict[str, Stored]] = weakref.WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"SharedArray({self.shape}, {self.dtype})"

    def checked_plain(self) -> Any:
        """The numbers to check ranges with, None if they are not known."""
        return self.plain

    def placed(self, runtime: Runtime, type: ValueType, name: str) -> Placed:
        """The shares `runtime` holds in this ring, made now if there are none."""
        with self._lock:
            cache = self._stored.setdefault(runtime, {})
            if str(type) in cache:
                return Placed(cache[str(type)])
            check_dtype(self.plain, self.dtype, name)
            cache[str(type)] = stored = runtime.put(encode_argument(self.plain, type, name), type)
            return Placed(stored, stored.input_bytes)


@ends_here
def share(tree: Any) -> Any:
    """A handle: the same pytree with a `SharedArray` in place of every array.

    Raises:
        UnsupportedError: a leaf is no array of numbers.
    """
    return jax.tree_util.tree_map(
        lambda leaf: leaf if isinstance(leaf, SharedArray) else SharedArray(leaf), as_known(tree)
    )
