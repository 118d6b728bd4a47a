"""Weights of a directory: safetensors, whole or in parts, or PyTorch's own files, read without PyTorch.

PyTorch's files are pickles, which can run code; here only what makes tensors is unpickled.
"""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from spu_ditto.errors import UnsupportedError
from spu_ditto.nn.config import Config
from spu_ditto.nn.family import Arrays, Family, Variant
from spu_ditto.pickles import Restricted

_FILES = ("model.safetensors", "pytorch_model.bin")


def read_weights(directory: Path) -> Arrays:
    """All weights of a directory, by name, as they are stored.

    Raises:
        UnsupportedError: there are none, or they cannot be read.
    """
    for name in _FILES:
        read = _read_safetensors if name.endswith(".safetensors") else _read_pickled
        index = directory / f"{name}.index.json"
        if (directory / name).is_file():
            return read(directory / name)
        if index.is_file():
            parts = sorted(set(json.loads(index.read_text())["weight_map"].values()))
            return {name: array for part in parts for name, array in read(directory / part).items()}
    raise UnsupportedError(f"there are no weights in {directory}: none of {', '.join(_FILES)}; or random_weights=True")


def _read_safetensors(path: Path) -> Arrays:
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UnsupportedError(f"cannot read {path}: {error}") from error


_STORAGES: dict[str, Any] = {
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "DoubleStorage": np.float64,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


def _read_pickled(path: Path) -> Arrays:
    try:
        with zipfile.ZipFile(path) as archive:
            (listing,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(listing) as file:
                state = _Unpickler(file, archive, listing.removesuffix("data.pkl")).load()
    except (zipfile.BadZipFile, pickle.UnpicklingError, OSError, KeyError, ValueError, TypeError) as error:
        raise UnsupportedError(
            f"cannot read {path}, which is no state dict of PyTorch 1.6 or later: {error}"
        ) from error
    return {name: array for name, array in state.items() if isinstance(array, np.ndarray)}


def _tensor(storage: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Any:
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides))
    if min((offset, *shape, *strides), default=0) < 0 or (0 not in shape and last >= len(storage)):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()


class _Unpickler(Restricted):
    """Of a state dict: dictionaries, tensors and what they are kept in, nothing else."""

    allowed = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
        **{("torch", name): dtype for name, dtype in _STORAGES.items()},
    }

    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive, self._folder = archive, folder

    def persistent_load(self, pid: Any) -> Any:
        kind, dtype, key, _, size = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"it asks for a {kind}")
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), dtype, size)


# ------------------------------------------------------------------------------------------------------------


def named_as_here(weights: Mapping[str, Any], family: Family) -> Arrays:
    """Weights by the names that the family's networks use."""
    named: Arrays = {}
    for name, array in weights.items():
        for theirs, ours in family.renamed.items():
            name = re.sub(theirs, ours, name)
        named[name] = array
    if family.prefix and not any(name.startswith(f"{family.prefix}.") for name in named):
        # The file of a bare model.
        named = {f"{family.prefix}.{name}": array for name, array in named.items()}
    return named


def fitted(
    weights: Mapping[str, Any],
    family: Family,
    variant: Variant,
    config: Config,
    shapes: Mapping[str, tuple[int, ...]],
    may_be_left: Callable[[str], bool],
) -> Arrays:
    """What a network needs of the weights of a file, float32.

    Args:
        shapes: what the network needs.
        may_be_left: of names that no network of the family expects, whether they may be left over.

    Raises:
        UnsupportedError: a weight is missing, misshapen, or left over; names them.
    """
    unused = [re.compile(pattern) for pattern in (*family.unused, *variant.unused)]
    kept = {
        name: array
        for name, array in named_as_here(weights, family).items()
        if name in shapes or not any(pattern.fullmatch(name) for pattern in unused)
    }
    kept = family.prepare(config, kept)
    if missing := [name for name in shapes if name not in kept]:
        raise UnsupportedError(f"the weights lack {_listed(missing)}; the head may be another task's: state the task")
    wrong = [name for name, shape in shapes.items() if tuple(kept[name].shape) != shape]
    if wrong:
        of = wrong[0]
        raise UnsupportedError(
            f"the weight {of} is {list(kept[of].shape)}, but the configuration asks for {list(shapes[of])}"
        )
    if left := [name for name in kept if name not in shapes and not may_be_left(name)]:
        raise UnsupportedError(f"nothing uses the weights {_listed(left)}; the configuration may be another model's")
    return {name: np.asarray(kept[name]).astype(np.float32) for name in shapes}


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
