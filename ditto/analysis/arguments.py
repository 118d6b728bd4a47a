"""Which arguments of a program a value depends on, and the error that says so."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import BlockArgument, Operation, SSAValue

from ditto.dialects import pphlo
from ditto.errors import CompileError


class ValueNeeded(CompileError):
    """What the program does depends on public arguments, as a trip count does; it compiles once their values are known.

    Attributes:
        arguments: their positions among those of @main.
    """

    def __init__(self, operation: str, reason: str, arguments: tuple[int, ...]) -> None:
        super().__init__(operation, reason)
        self.arguments = arguments


def arguments_of(values: Iterable[SSAValue]) -> tuple[int, ...]:
    """The positions of the arguments of a function that some values in its body depend on."""
    waiting, seen = list(values), set[SSAValue]()
    found: set[int] = set()
    while waiting:
        value = waiting.pop()
        if value in seen:
            continue
        seen.add(value)
        if isinstance(value, BlockArgument):
            found.add(value.index)
        elif isinstance(value.owner, Operation):
            waiting.extend(pphlo.inputs_of(value.owner))
    return tuple(sorted(found))
