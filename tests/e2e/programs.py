"""Ring programs written by hand, for tests of the engine without the compiler."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ditto.encoding import Encoded, ValueType
from ditto.parties.program import Binding, RingProgram

Value = dict[str, Any]


def fxp(width: int, fraction: int, shape: Sequence[int], range: int | None = None) -> Value:
    return {"kind": "fxp", "width": width, "fraction": fraction, "shape": list(shape), "range": range}


def bit(shape: Sequence[int]) -> Value:
    return {"kind": "bit", "shape": list(shape)}


def public(shape: Sequence[int]) -> Value:
    return {"kind": "public", "shape": list(shape)}


@dataclass
class Builder:
    """Collects the JSON text of a program."""

    values: list[Value] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    constants: list[int] = field(default_factory=list)
    arrays: list[Encoded] = field(default_factory=list)
    ops: list[dict[str, Any]] = field(default_factory=list)

    def _value(self, value: Value) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def input(self, value: Value) -> int:
        self.inputs.append(self._value(value))
        return self.inputs[-1]

    def constant(self, array: Any) -> int:
        self.arrays.append(np.asarray(array, np.int64))
        self.constants.append(self._value(public(self.arrays[-1].shape)))
        return self.constants[-1]

    def op(self, name: str, operands: Sequence[int], result: Value, layer: str = "", **attrs: Any) -> int:
        out = self._value(result)
        self.ops.append({"op": name, "in": list(operands), "out": [out], "attrs": attrs, "layer": layer})
        return out

    def text(self, *outputs: int) -> str:
        return json.dumps(
            {
                "format": "ditto-program",
                "version": 1,
                "name": "test",
                "values": self.values,
                "inputs": self.inputs,
                "outputs": list(outputs),
                "constants": self.constants,
                "ops": self.ops,
            }
        )

    def program(self, *outputs: int) -> RingProgram:
        def binding(id: int, n: int) -> Binding:
            return Binding("argument", n, value_type(self.values[id]))

        return RingProgram(
            ring="",
            engine=self.text(*outputs),
            constants=list(self.arrays),
            public="",
            inputs=tuple(binding(id, n) for n, id in enumerate(self.inputs)),
            outputs=tuple(binding(id, n) for n, id in enumerate(outputs)),
        )


def value_type(value: Value) -> ValueType:
    if value["kind"] == "fxp":
        return ValueType("fxp", tuple(value["shape"]), value["width"], value["fraction"], value["range"])
    return ValueType("bit" if value["kind"] == "bit" else "index", tuple(value["shape"]), 1)


def repeated_products(n: int, count: int) -> RingProgram:
    """The square of an n x n matrix, again and again."""
    b = Builder()
    value = b.input(fxp(32, 8, [1, n, n]))
    for _ in range(count):
        value = b.op("matmul", [value, value], fxp(20, 8, [1, n, n]), shift=8)
        value = b.op("up_cast", [value], fxp(32, 8, [1, n, n]))
    return b.program(value)


def endless() -> RingProgram:
    """Products for many minutes."""
    return repeated_products(1000, 3000)
