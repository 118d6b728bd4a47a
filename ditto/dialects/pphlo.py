"""PPHLO, the dialect SPU's compiler emits: everything a pass needs from one import.

    module = parse_module(text, "bert.pphlo")
    assert to_text(module) == text

The operations stand in `pphlo_elementwise`, `pphlo_complex`, `pphlo_shape`, `pphlo_compute`, `pphlo_control`,
`pphlo_branch`, `pphlo_windows` and `pphlo_sorting`; `pphlo_base` holds the secret type.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.ir import Dialect

from ditto.dialects.dense import Array as Array
from ditto.dialects.dense import DenseAttr
from ditto.dialects.dense import dtype_of as dtype_of
from ditto.dialects.dense import is_splat as is_splat
from ditto.dialects.mlir_text import InvalidProgram as InvalidProgram
from ditto.dialects.mlir_text import UnsupportedOp as UnsupportedOp
from ditto.dialects.mlir_text import parse, print_module
from ditto.dialects.pphlo_base import *  # noqa: F403
from ditto.dialects.pphlo_base import SecretType
from ditto.dialects.pphlo_branch import *  # noqa: F403
from ditto.dialects.pphlo_branch import BRANCH
from ditto.dialects.pphlo_complex import *  # noqa: F403
from ditto.dialects.pphlo_complex import COMPLEX
from ditto.dialects.pphlo_compute import *  # noqa: F403
from ditto.dialects.pphlo_compute import COMPUTE
from ditto.dialects.pphlo_control import *  # noqa: F403
from ditto.dialects.pphlo_control import CONTROL
from ditto.dialects.pphlo_elementwise import *  # noqa: F403
from ditto.dialects.pphlo_elementwise import ELEMENTWISE
from ditto.dialects.pphlo_shape import *  # noqa: F403
from ditto.dialects.pphlo_shape import MOVEMENT
from ditto.dialects.pphlo_sorting import *  # noqa: F403
from ditto.dialects.pphlo_sorting import SORTING
from ditto.dialects.pphlo_windows import *  # noqa: F403
from ditto.dialects.pphlo_windows import WINDOWS

PPHLO = Dialect(
    "pphlo",
    [*ELEMENTWISE, *COMPLEX, *MOVEMENT, *COMPUTE, *CONTROL, *BRANCH, *WINDOWS, *SORTING],
    [SecretType, DenseAttr],
)


def context() -> Context:
    """A context that knows what PPHLO text is made of."""
    result = Context()
    for dialect in (Builtin, Func, PPHLO):
        result.load_dialect(dialect)
    return result


def parse_module(text: str, name: str = "<pphlo>") -> ModuleOp:
    """Reads and verifies a PPHLO module.

    Args:
        text: what SPU's compiler (0.9.5 or 0.10) gave, with or without `pphlo.free`.
        name: what errors call the text.

    Raises:
        UnsupportedOp: an operation this dialect does not define; names it and its line.
        InvalidProgram: text that is no module.
    """
    return parse(context(), text, name)


def to_text(module: ModuleOp) -> str:
    """The module as SPU prints it: `to_text(parse_module(text)) == text`, byte for byte."""
    return print_module(module)
