"""A runtime that evaluates ring programs in plain, for tests of the caller's side."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from ditto.dialects import ring
from ditto.encoding import Encoded, ValueType
from ditto.interpreter.ring import evaluate_ring
from ditto.parties.program import Binding, RingProgram
from ditto.parties.run_report import RunReport


@dataclass(frozen=True)
class Plain:
    encoded: Encoded
    type: ValueType
    input_bytes: int = 100


def _fraction(binding: Binding) -> int:
    return 0 if binding.type is None else binding.type.fraction


@dataclass(eq=False)
class PlaintextRuntime:
    """Keeps a list of what was shared, and counts runs."""

    shared: list[ValueType] = field(default_factory=list)
    runs: int = 0
    check_ranges: bool = False

    def put(self, encoded: Encoded, type: ValueType) -> Plain:
        self.shared.append(type)
        return Plain(encoded, type)

    def run(
        self,
        program: RingProgram,
        inputs: Sequence[Plain | Encoded],
        *,
        offline_first: bool = False,
        keep: Collection[int] = (),
    ) -> tuple[list[Encoded], RunReport]:
        assert not keep
        self.runs += 1
        module = ring.parse_module(program.ring)
        secret = [value for value in inputs if isinstance(value, Plain)]
        arguments = [np.ldexp(value.encoded.astype(np.float64), -value.type.fraction) for value in secret]
        for argument in ring.main(module).body.block.args[len(secret) :]:
            arguments.append(np.zeros(ring.shape(argument)))
        # The finest form of a public argument that enters in several.
        for binding, value in sorted(zip(program.inputs, inputs, strict=True), key=lambda pair: _fraction(pair[0])):
            if isinstance(value, np.ndarray):
                assert binding.type is not None
                arguments[len(secret) + binding.index] = np.ldexp(value.astype(np.float64), -binding.type.fraction)
        results = evaluate_ring(module, arguments)
        types = [b.type for b in program.outputs if b.source == "program" and b.type is not None]
        revealed = [np.rint(np.ldexp(r, t.fraction)).astype(np.int64) for r, t in zip(results, types, strict=True)]
        return revealed, RunReport(0.0, None, (0, 0, 0), 0, 0)
