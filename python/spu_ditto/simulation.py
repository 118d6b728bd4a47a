"""`spu.utils.simulation` with the parties of this project: change the import, and what uses it runs.

import spu_ditto.simulation as pps           # was: import spu.utils.simulation as pps

sim = pps.Simulator.simple(3, spu.ProtocolKind.ABY3, spu.FieldType.FM64)
print(pps.sim_jax(sim, jnp.add)(x, y))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from spu.utils.simulation import Simulator

import spu_ditto
from ditto.parties.runtime import Runtime, use_runtime
from spu_ditto.arguments import abstract
from spu_ditto.errors import UnsupportedError
from spu_ditto.tracebacks import ends_here

__all__ = ["Simulator", "sim_jax"]

# How many parties there are, whatever is simulated.
_PARTIES = 3


class SimulatedFunction:
    """A function on simulated parties."""

    def __init__(self, parties: Runtime, secure: spu_ditto.SecureFunction) -> None:
        self._parties = parties
        self._secure = secure
        self._called: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    def __repr__(self) -> str:
        return f"<SimulatedFunction {self._secure.__name__}>"

    @property
    def pphlo(self) -> str:
        """The program of the last call, in PPHLO; compiled for this, and empty before the first."""
        if self._called is None:
            return ""
        args, kwargs = self._called
        return self._secure.lower(*args, **kwargs).as_text("pphlo")

    @ends_here
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs it, as `jax.jit` would; all arguments are secret."""
        self._called = jax.tree_util.tree_map(_described, (args, kwargs))
        with use_runtime(self._parties):
            return self._secure(*args, **kwargs)


def _described(leaf: Any) -> Any:
    return abstract(leaf) if hasattr(leaf, "shape") and hasattr(leaf, "dtype") else leaf


@ends_here
def sim_jax(
    sim: Any,
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    copts: Any = None,
    *,
    ring_policy: Any = "ditto",
    **options: Any,
) -> SimulatedFunction:
    """A function that simulated parties run, as SPU's function of this name makes one.

    Args:
        sim: SPU's, of three parties, in whose place a `spu_ditto.Simulator` comes; or one of those.
        copts: SPU's compiler options, which tune its own compiler; without effect.
        static_argnums, ring_policy, options: as `spu_ditto.compile` takes them.

    Raises:
        UnsupportedError: the simulator has another number of parties.
    """
    if not isinstance(sim, spu_ditto.Simulator):
        if getattr(sim, "wsize", None) != _PARTIES:
            raise UnsupportedError(f"sim_jax takes a simulator of {_PARTIES} parties, not {sim!r}")
        sim = spu_ditto.Simulator()
    secure = spu_ditto.compile(fun, static_argnums=static_argnums, ring_policy=ring_policy, **options)
    return SimulatedFunction(sim, secure)
