"""What can go wrong, one class each. Every message names the place and the remedy.

None holds a secret but those of the debug mode, which tell the caller of values inside that its own inputs give.
"""

from __future__ import annotations


class DittoError(Exception):
    """Base of every error that is raised on purpose."""


class UnsupportedError(DittoError):
    """The function uses an operation, dtype or control flow that cannot run on shares."""


class ShapeError(DittoError):
    """A shape is dynamic, or the arguments of a call differ from those the program was lowered for."""


class RangeError(DittoError):
    """A value does not fit: an argument's the ring its type was given, or one inside the range the program assumes."""


class ShapeWarning(UserWarning):
    """A plan was calibrated with arguments of other shapes than those of the program it is used for."""


class PolicyError(DittoError):
    """The ring policy or plan does not exist, or is none."""


class RuntimeFailure(DittoError):
    """A party failed while running a program, or the session has ended."""


class CompileError(DittoError):
    """A program that cannot be compiled, or is none.

    Attributes:
        operation: its name, if a single one is to blame.
        reason: what is wrong, and the remedy.
        layer: of the operation, if known.
        pass_name: the pass that refused it, if one did.
        source_line: `file:line` of the user's function, if known.
    """

    def __init__(
        self, operation: str | None, reason: str, layer: str | None = None, source_line: str | None = None
    ) -> None:
        super().__init__(operation, reason, layer, source_line)
        self.operation = operation
        self.reason = reason
        self.layer = layer
        self.source_line = source_line
        self.pass_name: str | None = None

    def __str__(self) -> str:
        place = (self.operation and f"'{self.operation}'", self.layer and f"in layer {self.layer}")
        found = (self.source_line, self.pass_name and f"pass {self.pass_name}")
        before, after = " ".join(filter(None, place)), ", ".join(filter(None, found))
        return (before and f"{before}: ") + self.reason + (after and f" ({after})")
