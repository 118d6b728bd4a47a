"""Pickles of others, of which only what makes arrays is unpickled: a pickle can run code, and these run none."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np


class Restricted(pickle.Unpickler):
    """Refuses what is not in `allowed`, by module and name, with pickle.UnpicklingError."""

    allowed: Mapping[tuple[str, str], Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self.allowed[module, name]


def _empty(kind: Any, shape: tuple[int, ...], code: Any) -> np.ndarray[Any, Any]:
    """What NumPy's pickles begin an array with, before its shape and content are set."""
    return np.ndarray((0,), np.uint8)


def _bytes(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for bytes by {encoding}")
    return text.encode("latin1")


class ArrayUnpickler(Restricted):
    """Of lists, dictionaries and NumPy's arrays, from Python 2 too (`encoding="bytes"`)."""

    allowed = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _bytes,
        **{(f"numpy.{core}.multiarray", "_reconstruct"): _empty for core in ("core", "_core")},
    }
