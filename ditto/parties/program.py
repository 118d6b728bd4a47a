"""A compiled program: what the parties run, what the caller computes, and how arguments and results map to both."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from ditto.encoding import Array, Encoded, ValueType
from ditto.errors import CompileError

_FORMAT = "spu-ditto-program"
_VERSION = 4


# Where a value of the caller's comes from: an argument of the function, or a result of what JAX computes.
Source = tuple[Literal["argument", "computed", "program"], int]


@dataclass(frozen=True)
class PublicPart:
    """What the caller does around the parties' program, @main.

    Attributes:
        code: StableHLO of what JAX computes; None if that is nothing. Text: a version of JAX does not read another's
            bytecode, and what is saved may be loaded there.
        public: the function's arguments (positions) that `code` takes.
        main: for each argument of @main what is passed. Secret ones are arguments of the function.
        outputs: for each result of the function what it is; "program" is a result of @main.
    """

    main: tuple[Source, ...]
    outputs: tuple[Source, ...]
    code: str | None = None
    public: tuple[int, ...] = ()


@dataclass(frozen=True)
class Binding:
    """Where a program input comes from, or where an output is found.

    `source` is "argument" (a caller's argument), "public" (a result of `RingProgram.public`), or, for outputs,
    "computed" (a result of `RingProgram.part`) or "program". `type` is None for outputs that never were in a ring.
    """

    source: Literal["argument", "public", "computed", "program"]
    index: int
    type: ValueType | None


@dataclass(frozen=True, eq=False)
class RingProgram:
    """Everything needed to run a compiled function.

    Attributes:
        ring: the program in the ring dialect, for people and for `spu.Executable.code`.
        engine: the same as the JSON text the engine reads.
        constants: int64 arrays that go with `engine`, in its order.
        public: PPHLO text of what is public in @main, the program that SPU's compiler has seen. The caller evaluates it
            in the clear, on the public arguments of @main in their order, but for those that are `fixed`.
        inputs: one for each input of `engine`.
        outputs: one for each result of the function.
        part: what the caller does before.
        main: the names of @main's arguments, "" for secret ones.
        fixed: values of public arguments of @main (by position) that the program was made for.
    """

    ring: str
    engine: str
    constants: list[Encoded]
    public: str
    inputs: tuple[Binding, ...]
    outputs: tuple[Binding, ...]
    part: PublicPart = PublicPart((), ())
    main: tuple[str, ...] = ()
    fixed: Mapping[int, Array] = field(default_factory=dict)

    def __repr__(self) -> str:
        counts = (len(self.inputs), len(self.outputs), len(self.constants))
        return "<RingProgram with {} inputs, {} outputs, {} constants>".format(*counts)


def save_program(file: str | Path | IO[bytes], program: RingProgram, signature: dict[str, Any]) -> None:
    """Writes a program and a JSON-serialisable signature to one file (a zip archive)."""
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "signature": signature,
        "inputs": [asdict(b) for b in program.inputs],
        "outputs": [asdict(b) for b in program.outputs],
        "constants": len(program.constants),
        "part": {"main": program.part.main, "outputs": program.part.outputs, "public": program.part.public},
        "main": program.main,
        "fixed": list(program.fixed),
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(header))
        archive.writestr("program.ring", program.ring)
        archive.writestr("program.json", program.engine)
        archive.writestr("public.pphlo", program.public)
        if program.part.code is not None:
            archive.writestr("public.mlir", program.part.code)
        for n, constant in enumerate(program.constants):
            archive.writestr(f"constant{n}.npy", _bytes_of(constant))
        for n, value in program.fixed.items():
            archive.writestr(f"fixed{n}.npy", _bytes_of(value))


def _bytes_of(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def load_program(file: str | Path | IO[bytes]) -> tuple[RingProgram, dict[str, Any]]:
    """Reads what `save_program` wrote.

    Raises:
        CompileError: the file is not such a program, or one of another version.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            header = json.loads(archive.read("header.json"))
            if (header["format"], header["version"]) != (_FORMAT, _VERSION):
                found = f"format {header['format']} version {header['version']}"
                raise CompileError(None, f"{file} is {found}; compile it anew")

            def array(name: str) -> Array:
                return np.asarray(np.load(io.BytesIO(archive.read(name)), allow_pickle=False))

            part = header["part"]
            program = RingProgram(
                ring=archive.read("program.ring").decode(),
                engine=archive.read("program.json").decode(),
                constants=[array(f"constant{n}.npy") for n in range(header["constants"])],
                public=archive.read("public.pphlo").decode(),
                inputs=tuple(_binding(b) for b in header["inputs"]),
                outputs=tuple(_binding(b) for b in header["outputs"]),
                part=PublicPart(
                    main=tuple((source, index) for source, index in part["main"]),
                    outputs=tuple((source, index) for source, index in part["outputs"]),
                    code=archive.read("public.mlir").decode() if "public.mlir" in archive.namelist() else None,
                    public=tuple(part["public"]),
                ),
                main=tuple(header["main"]),
                fixed={n: array(f"fixed{n}.npy") for n in header["fixed"]},
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, ValueError, TypeError) as error:
        raise CompileError(None, f"{file} is not a saved program: {error}") from error
    return program, header["signature"]


def _binding(data: dict[str, Any]) -> Binding:
    kind = data["type"]
    if kind is not None:
        ends = kind["infinities"]
        kind = ValueType(**{**kind, "shape": tuple(kind["shape"]), "infinities": ends and tuple(ends)})
    return Binding(data["source"], data["index"], kind)
