"""The devices of SPU's example programs, on parties of this project: change one import, and they run.

    import spu_ditto.ppd as ppd                  # was: import examples.python.utils.distributed as ppd

    ppd.init(conf["nodes"], conf["devices"])
    x = ppd.device("P1")(load)("features.csv")   # data of an owner
    w = ppd.device("SPU")(train)(x, y)           # stays shared, and may be an argument of the next function
    print(ppd.get(w))

What an owner's device gives is secret to the parties, what the program itself passes to the "SPU" is public, as there.
Unlike there, the functions of owners run in this process, which is the one caller of the parties and sees all owners'
data; and what is saved lasts as long as the session.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import jax
import numpy as np

import spu_ditto
from ditto.parties.config import check_form
from ditto.parties.connect import connect
from ditto.parties.local import processes
from ditto.parties.runtime import use_runtime
from ditto.parties.session import RemoteParties
from spu_ditto.arguments import Parameters, name_of
from spu_ditto.compiled import RunOptions
from spu_ditto.errors import DittoError, PolicyError, RuntimeFailure, UnsupportedError
from spu_ditto.handle import SharedArray
from spu_ditto.kept import reveal
from spu_ditto.stages import SecureFunction
from spu_ditto.tracebacks import ends_here, user_level

__all__ = ["PYU", "SPU", "Framework", "close", "current", "device", "get", "init", "load", "save"]


# Functions that are kept compiled, the last ones made.
_KEPT = 128


class DeviceError(DittoError, KeyError):
    """There is no such device; names those there are."""

    __str__ = Exception.__str__


class Framework(Enum):
    """In which functions are written; SPU's others, TensorFlow and PyTorch, are not supported."""

    JAX = 1
    EXP_TF = 2
    EXP_TORCH = 3


class _Object:
    """What is on a device: a leaf of the pytrees that functions take and give."""

    def __init__(self, device: Any, value: Any) -> None:
        self.device = device
        self._value = value

    def __repr__(self) -> str:
        return f"<an object on {self.device.name}>"


class PYU:
    """An owner. Its functions run in this process.

    Attributes:
        name: that of the configuration.
    """

    class Object(_Object):
        """What one of its functions gave; anything at all."""

        @property
        def shape(self) -> tuple[int, ...]:
            return tuple(np.shape(self._value))

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<PYU {self.name}>"

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """A function that takes objects of any device and gives objects of this one; what is shared is revealed."""

        def run(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = get((args, kwargs))
            return jax.tree_util.tree_map(lambda leaf: PYU.Object(self, leaf), fn(*args, **kwargs))

        return run


class SPU:
    """The three parties.

    Attributes:
        name: that of the configuration.
    """

    class Object(_Object):
        """A result that the parties keep shared, or that was public."""

        @property
        def shape(self) -> tuple[int, ...]:
            return tuple(self._value.shape)

        @property
        def dtype(self) -> np.dtype[Any]:
            return np.dtype(self._value.dtype)

    def __init__(self, name: str, parties: RemoteParties) -> None:
        self.name = name
        self.parties = parties
        self.compiled: dict[Any, SecureFunction] = {}

    def __repr__(self) -> str:
        return f"<SPU {self.name}>"

    def __call__(
        self,
        fn: Callable[..., Any],
        static_argnums: int | Sequence[int] = (),
        copts: Any = None,
        ring_policy: Any = "ditto",
        *,
        static_argnames: str | Sequence[str] = (),
        **options: Any,
    ) -> _OnParties:
        """A function that runs on shares.

        Args:
            fn: takes objects and arrays, gives pytrees of arrays.
            copts: SPU's compiler options, which tune its own compiler; without effect.
            static_argnums, static_argnames, ring_policy, options: as `spu_ditto.compile` takes them, but for
                `input_visibility`: where an argument is tells that.

        Raises:
            PolicyError: there is no such option or parameter.
        """
        if "input_visibility" in options:
            raise PolicyError("what owners' devices give is secret, and the rest public: leave input_visibility out")
        parameters = Parameters(fn, static_argnums, static_argnames)
        static = {"static_argnums": static_argnums, "static_argnames": static_argnames}
        return _OnParties(self, fn, parameters, {**static, "ring_policy": ring_policy, **options})


class _OnParties:
    """What `device("SPU")` makes of a function."""

    def __init__(self, device: SPU, fn: Callable[..., Any], parameters: Parameters, options: Mapping[str, Any]) -> None:
        self._device = device
        self._fn = fn
        self._parameters = parameters
        self._options = options
        self._own: dict[Any, SecureFunction] = {}

    def __repr__(self) -> str:
        return f"<{name_of(self._fn)} on {self._device.name}>"

    @ends_here
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs it; the results are objects on the same device."""
        secure = self._secure(args, kwargs)
        with use_runtime(self._device.parties):
            results, _ = secure.execute(_placed(args), _placed(kwargs), RunOptions(keep=True))
        return jax.tree_util.tree_map(lambda leaf: SPU.Object(self._device, leaf), results)

    @ends_here
    def dump_ir(self, *args: Any, **kwargs: Any) -> str:
        """The program of such a call, in PPHLO."""
        return self._secure(args, kwargs).lower(*_placed(args), **_placed(kwargs)).as_text("pphlo")

    def _secure(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> SecureFunction:
        """The secure function for what is secret in a call."""
        call = self._parameters.call(args, kwargs)
        marks = jax.tree_util.tree_map(
            _visibility, {**dict(zip(call.parameters, call.args, strict=True)), **call.kwargs}
        )
        kind = tuple(jax.tree_util.tree_leaves(marks)), jax.tree_util.tree_structure(marks)
        known = self._own
        key: Any = kind
        # Another call may make a function of the same `fn` and options: what is the same is compiled once.
        if isinstance(self._options["ring_policy"], str) and not self._options["ring_policy"].endswith(".json"):
            with contextlib.suppress(TypeError):
                key = self._fn, tuple(sorted(self._options.items())), kind
                hash(key)
                known = self._device.compiled
        if key not in known:
            known[key] = spu_ditto.compile(self._fn, input_visibility=marks, **self._options)
            while len(known) > _KEPT:
                del known[next(iter(known))]
        return known[key]


def _visibility(leaf: Any) -> str:
    """An object is secret, unless it is a result that was public."""
    secret = isinstance(leaf, PYU.Object) or (isinstance(leaf, SPU.Object) and isinstance(leaf._value, SharedArray))
    return "secret" if secret else "public"


def _placed(tree: Any) -> Any:
    return jax.tree_util.tree_map(lambda leaf: leaf._value if isinstance(leaf, _Object) else leaf, tree)


@dataclass
class _Context:
    devices: dict[str, PYU | SPU]
    cleanup: contextlib.ExitStack
    saved: dict[str, Any]


_context: list[_Context] = []


@ends_here
def init(nodes_def: Mapping[str, str], devices_def: Mapping[str, Any], framework: Framework = Framework.JAX) -> None:
    """Opens a session with the parties of a configuration, and ends the one before.

    Other secure calls of this process run on them too, until `close`.

    With DITTO_CONFIG set to a configuration file with certificates they are its nodes (and DITTO_IDENTITY says who
    calls, as in `spu_ditto.connect`); without it, three processes on this machine, and a warning says so.

    Args:
        nodes_def, devices_def: `nodes` and `devices` of the file; one device "SPU", and "PYU"s for the owners.

    Raises:
        ConfigError: they, or the file, are not what they must be.
        UnsupportedError: the framework is not JAX.
        RuntimeFailure: a party cannot be reached.
    """
    if framework.name != Framework.JAX.name:
        raise UnsupportedError(f"functions are written in JAX, not in {framework.name}")
    config = {"nodes": dict(nodes_def), "devices": dict(devices_def)}
    check_form(config, "the configuration")
    close()
    cleanup = contextlib.ExitStack()
    if path := os.environ.get("DITTO_CONFIG"):
        parties = cleanup.enter_context(connect(path))
    else:
        warnings.warn(
            "DITTO_CONFIG is not set: three processes on this machine take the place of the configuration's nodes",
            stacklevel=user_level(),
        )
        parties = cleanup.enter_context(processes())
    devices: dict[str, PYU | SPU] = {
        name: SPU(name, parties) if detail["kind"] == "SPU" else PYU(name) for name, detail in devices_def.items()
    }
    _context.append(_Context(devices, cleanup, {}))


@atexit.register
def close() -> None:
    """Ends the session."""
    while _context:
        _context.pop().cleanup.close()


@ends_here
def current() -> _Context:
    """The session. Raises RuntimeFailure before `init`."""
    if not _context:
        raise RuntimeFailure("call ppd.init(conf['nodes'], conf['devices']) first")
    return _context[-1]


@ends_here
def device(name: str) -> Any:
    """The device of this name: called with a function it gives one that runs there.

    Raises:
        DeviceError: there is none.
    """
    devices = current().devices
    if name not in devices:
        raise DeviceError(f"there is no device {name!r}; there are {', '.join(devices)}")
    return devices[name]


@ends_here
def get(tree: Any) -> Any:
    """A pytree with the arrays (or whatever else) behind its objects."""
    return reveal(_placed(tree))


@dataclass(frozen=True)
class SPUObjectMetadata:
    """What stands for a shared object in what `save` gives."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    place: int


@ends_here
def save(tree: Any, filename: str | None = None) -> dict[str, Any]:
    """Has the parties keep the shared objects of a pytree until the session ends.

    Returns:
        What `load` takes; it can be pickled.

    Raises:
        UnsupportedError: there is an owner's object.
    """
    filename = filename or f"spu-{uuid.uuid4()}.txt"
    leaves, structure = jax.tree_util.tree_flatten(tree)
    if any(isinstance(leaf, PYU.Object) for leaf in leaves):
        raise UnsupportedError("what is on an owner's device cannot be saved; pass it to the SPU first")
    current().saved[filename] = leaves
    described = [
        SPUObjectMetadata(leaf.shape, leaf.dtype, n) if isinstance(leaf, SPU.Object) else leaf
        for n, leaf in enumerate(leaves)
    ]
    return {"spu_object": jax.tree_util.tree_unflatten(structure, described), "experimental_filename": filename}


@ends_here
def load(meta: Mapping[str, Any]) -> Any:
    """The pytree that was saved.

    Raises:
        RuntimeFailure: it was saved in another session, whose parties have forgotten it.
    """
    name = meta["experimental_filename"]
    if name not in current().saved:
        raise RuntimeFailure(f"{name} was not saved in this session, and parties keep shares no longer than that")
    saved = current().saved[name]
    return jax.tree_util.tree_map(
        lambda leaf: saved[leaf.place] if isinstance(leaf, SPUObjectMetadata) else leaf, meta["spu_object"]
    )
