"""Ring, the dialect the engine runs: secret tensors over Z_{2^w}, one operation per protocol or local computation.

    module = parse_module(text, "bert.ring")

A function's arguments are secret (`tensor<..x!ring.fxp<w, f>>`, `tensor<..x!ring.bit>`) or public. Public values are
real numbers (`f64`) until `ring.encode` says with how many fraction bits they enter; integers (`i64`) and booleans
(`i1`) stay what they are.
The operations stand in `ring_local` (no message) and `ring_protocols` (the parties talk); `ring_base` holds the types.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func, FuncOp
from xdsl.ir import Dialect, Operation

from ditto.dialects.mlir_text import parse, print_module
from ditto.dialects.pphlo import PPHLO
from ditto.dialects.ring_base import *  # noqa: F403
from ditto.dialects.ring_base import BitType, FxpType, RingOp
from ditto.dialects.ring_local import *  # noqa: F403
from ditto.dialects.ring_local import LOCAL
from ditto.dialects.ring_protocols import *  # noqa: F403
from ditto.dialects.ring_protocols import PROTOCOLS

# Every operation but constants.
_DEFINED: tuple[type[Operation], ...] = (*LOCAL, *PROTOCOLS)
OPERATIONS: tuple[type[RingOp], ...] = tuple(op for op in _DEFINED if issubclass(op, RingOp))

RING = Dialect("ring", [*LOCAL, *PROTOCOLS], [FxpType, BitType])


def context() -> Context:
    """A context that knows what ring programs are made of; their public part, @prologue, is PPHLO."""
    result = Context()
    for dialect in (Builtin, Func, PPHLO, RING):
        result.load_dialect(dialect)
    return result


def parse_module(text: str, name: str = "<ring>") -> ModuleOp:
    """Reads and verifies a ring module. Raises UnsupportedOp or InvalidProgram, naming `name` and the line."""
    return parse(context(), text, name)


def to_text(module: ModuleOp) -> str:
    """The module's text; `parse_module` reads it back."""
    return print_module(module)


def main(module: ModuleOp) -> FuncOp:
    """The function of a module that the parties run. Raises ValueError if there is none."""
    for op in module.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == "main":
            return op
    raise ValueError("the module has no function @main")
