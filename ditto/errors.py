"""What a pass raises when a program cannot be compiled."""

from __future__ import annotations


class CompileError(Exception):
    """A program that cannot be compiled: names the operation, its layer if known, and the remedy."""

    def __init__(self, op: str, reason: str, layer: str | None = None) -> None:
        place = f"'{op}'" + (f" in layer {layer}" if layer else "")
        super().__init__(f"{place}: {reason}")
        self.op = op
        self.layer = layer
