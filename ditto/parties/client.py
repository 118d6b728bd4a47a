"""What a data owner runs: calls of published models on data of its own. Needs NumPy and gRPC, no compiler and no JAX.

    from ditto.parties.client import Client

    with Client("3pc.json", "bank") as client:
        client.models()
        client.call("credit", features=x)                # an array of the same shape as the model was published for
        client.pipeline("sentiment")("What a film!")     # from text to label

Inputs are masked here, results are put together here, and nobody else gets either.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import numpy as np

from ditto.encoding import Array, ValueType, check_dtype, decode_result, encode_argument
from ditto.errors import RuntimeFailure, ShapeError, UnsupportedError
from ditto.parties import wire
from ditto.parties import wire_pb2 as pb
from ditto.parties.accounting import ring_width
from ditto.parties.config import Config, read_config
from ditto.parties.connect import own_identity
from ditto.parties.identity import Identity
from ditto.parties.publication import Described, Program, described, integers
from ditto.parties.run_report import RunReport
from ditto.parties.session import RemoteParties, RemoteValue, Tap, node_channel
from ditto.parties.texts import TextPipeline, Tokenizer

TOKENIZER = "tokenizer.json"

# How long a model whose stock was used up is called with P0, in seconds, before it is looked at again.
_DRY = 30.0


@dataclasses.dataclass(frozen=True)
class Model:
    """A published model as its nodes tell of it; the same at all three."""

    name: str
    owner: str


@dataclasses.dataclass(frozen=True)
class _Used:
    """A publication in a session."""

    told: Described
    files: Mapping[str, bytes]
    first_program: int
    values: tuple[int, ...]
    # Of every program.
    numbers: tuple[tuple[Array, ...], ...]


# What is called, by the shapes of its arguments.
_Call: TypeAlias = tuple[str, tuple[tuple[str, tuple[int, ...]], ...]]


@dataclasses.dataclass
class _Session:
    """A session, with P0 or without, and what is used in it."""

    parties: RemoteParties
    with_p0: bool
    used: dict[str, _Used] = dataclasses.field(default_factory=dict)

    def use(self, name: str) -> _Used:
        if name not in self.used:
            self.used[name] = self.parties.use(name, _used)
        return self.used[name]


class Client:
    """Calls published models. Threads may share it: calls wait for each other.

    A session with the nodes is opened at the first call, and again if it was lost between calls, as when a node was
    started anew. While there is stock (`spu-ditto preprocess`) of a model, it is called from that, without P0.

    Args:
        config: a configuration file with certificates.
        identity: this caller's, as in `spu_ditto.connect`; the configuration has to give it the right to call.
        tap: is given all that passes between this caller and the nodes, as in `RemoteParties`: secrets of this caller.

    Raises:
        ConfigError, IdentityError: they cannot be read, or are not what they must be.
    """

    def __init__(
        self,
        config: str | Path | Config,
        identity: str | Path | Identity | None = None,
        *,
        tap: Tap | None = None,
    ) -> None:
        self._config = config if isinstance(config, Config) else read_config(config)
        self._identity = own_identity(identity)
        self._tap = tap
        self._lock = threading.RLock()
        # With P0, and without.
        self._sessions: dict[bool, _Session] = {}
        # Until when a model is taken to be out of stock for arguments of these shapes.
        self._dry: dict[_Call, float] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the sessions."""
        while self._sessions:
            _, session = self._sessions.popitem()
            session.parties.close()

    def models(self) -> list[Model]:
        """What this caller may call.

        Raises:
            RuntimeFailure: a node cannot be reached, or they do not tell the same.
        """
        told = [describe(self._config, role, self._identity) for role in range(3)]
        first, *others = [{(p.name, p.owner, p.digest) for p in node.publications} for node in told]
        differing = {name for other in others for name, _, _ in first ^ other}
        if differing:
            raise RuntimeFailure(f"the nodes do not have the same publications: {sorted(differing)}")
        return [Model(p.name, p.owner) for p in told[1].publications]

    def call(self, name: str, /, **inputs: Any) -> Any:
        """The results of a published model: an array, or a dict of arrays if they have names.

        Raises:
            ShapeError: the arguments are not those of a program of the model; names what differs.
            RangeError: an argument, or a value inside, is out of range.
            RuntimeFailure: there is no such model for this caller, or a party failed.
        """
        return self.run(name, inputs)[0]

    def run(self, name: str, inputs: Mapping[str, Any]) -> tuple[Any, RunReport]:
        """As `call`, and what it cost."""
        with self._lock:
            prepared = self._prepared(name, inputs, with_p0=False) if self._stocked(name, inputs) else None
            if prepared is None:
                prepared = self._prepared(name, inputs, with_p0=True)
                assert prepared is not None
            return self._run(*prepared)

    def pipeline(self, name: str, *, told: Callable[[RunReport], None] | None = None) -> TextPipeline:
        """A function of text, of the task that the model was published for.

        Args:
            told: is given what each run of the model cost.

        Raises:
            UnsupportedError: it was published without a tokenizer or a task.
            ImportError: the package `tokenizers` is not there.
        """
        with self._lock:
            used = self._session(with_p0=not self._stocked(name, {})).use(name)
        published = used.told
        if TOKENIZER not in used.files or published.task is None:
            raise UnsupportedError(f"model {name} was published without a tokenizer or a task; use call with arrays")
        lengths = {_tokens(program) for program in published.programs} - {0}
        if not lengths:
            raise UnsupportedError(f"model {name} takes no token ids; use call with arrays")

        def run(known: Mapping[str, Array]) -> Array:
            tokens = known["input_ids"].shape[1]
            program = next(p for p in published.programs if _tokens(p) == tokens)
            inputs = {a.name: known[a.name.rpartition("/")[2]].astype(a.dtype) for a in program.arguments}
            result, report = self.run(name, inputs)
            if told is not None:
                told(report)
            return np.asarray(result)

        tokenizer = Tokenizer(used.files[TOKENIZER].decode())
        return TextPipeline(published.task, published.labels, tokenizer, sorted(lengths), run)

    # ------------------------------------------------------------------------------------------------ sessions

    def _session(self, *, with_p0: bool) -> _Session:
        found = self._sessions.get(with_p0)
        if found is not None and found.parties.ended:
            self._end(with_p0)
            found = None
        if found is None:
            parties = RemoteParties(self._config, self._identity, tap=self._tap, without_p0=not with_p0)
            found = self._sessions[with_p0] = _Session(parties, with_p0)
        return found

    def _end(self, with_p0: bool) -> None:
        if session := self._sessions.pop(with_p0, None):
            session.parties.close()

    def _stocked(self, name: str, inputs: Mapping[str, Any]) -> bool:
        """Whether there may be stock for a call."""
        if time.monotonic() < self._dry.get(_call(name, inputs), 0.0):
            return False
        without_p0 = self._sessions.get(False)
        if without_p0 is not None and not without_p0.parties.ended:
            return True
        try:
            told = describe(self._config, 1, self._identity)
        except RuntimeFailure:
            return False
        if any(sum(publication.stock) for publication in told.publications if publication.name == name):
            return True
        self._dry[_call(name, inputs)] = time.monotonic() + _DRY
        return False

    def _prepared(
        self, name: str, inputs: Mapping[str, Any], *, with_p0: bool
    ) -> tuple[_Session, _Used, int, dict[int, RemoteValue]] | None:
        """Shares the arguments of a call; None if it was to be from stock, and there is none.

        Returns:
            The session, the publication, the number of its program, and the argument's values.
        """
        kept = self._sessions.get(with_p0)
        try:
            return self._shared(self._session(with_p0=with_p0), name, inputs)
        except RuntimeFailure:
            if kept is None or self._sessions.get(with_p0) is not kept:
                raise
            # The session was lost since the last call; of this one nothing but masks has been asked for.
            self._end(with_p0)
            return self._shared(self._session(with_p0=with_p0), name, inputs)

    def _shared(
        self, session: _Session, name: str, inputs: Mapping[str, Any]
    ) -> tuple[_Session, _Used, int, dict[int, RemoteValue]] | None:
        used = session.use(name)
        index, program = _program_for(used.told, inputs)
        encoded: dict[int, tuple[Array, ValueType]] = {}
        for place, type in program.places().items():
            argument = program.arguments[place]
            value = np.asarray(inputs[argument.name])
            check_dtype(value, np.dtype(argument.dtype), argument.name)
            encoded[place] = encode_argument(value, type, argument.name), type
        if session.with_p0:
            shared = session.parties.put_many(list(encoded.values()))
        elif (taken := session.parties.take(used.first_program + index, list(encoded.values()))) is not None:
            shared = taken
        else:
            self._dry[_call(name, inputs)] = time.monotonic() + _DRY
            self._end(False)  # in the next, the model may be a newer one
            return None
        return session, used, index, dict(zip(encoded, shared, strict=True))

    def _run(
        self, session: _Session, used: _Used, index: int, values: Mapping[int, RemoteValue]
    ) -> tuple[Any, RunReport]:
        program = used.told.programs[index]
        handed: list[RemoteValue | int | Array] = []
        for given in program.inputs:
            if given.argument is not None:
                handed.append(values[given.argument])
            elif given.value is not None:
                handed.append(used.values[given.value])
            else:
                assert given.constant is not None
                handed.append(used.numbers[index][given.constant])
        # Several results may be one output.
        types = {output.output: output.type for output in program.outputs}
        kinds = [(list(types[n].shape), ring_width(types[n])) for n in sorted(types)]
        outputs, report = session.parties.run_used(used.first_program + index, handed, kinds)
        results = [
            np.asarray(
                decode_result(outputs[output.output], types[output.output], np.dtype(result.dtype), result.name)
            ).reshape(result.shape)
            for output, result in zip(program.outputs, program.results, strict=True)
        ]
        report = dataclasses.replace(report, input_bytes=sum(value.input_bytes for value in values.values()))
        if len(results) == 1:
            return results[0], report
        return {result.name: array for result, array in zip(program.results, results, strict=True)}, report


def _call(name: str, inputs: Mapping[str, Any]) -> _Call:
    return name, tuple(sorted((argument, np.shape(value)) for argument, value in inputs.items()))


def _tokens(program: Program) -> int:
    """The tokens of a text that a program takes, 0 if it takes none."""
    found = [a.shape[1] for a in program.arguments if a.name.rpartition("/")[2] == "input_ids" and len(a.shape) == 2]
    return found[0] if found else 0


def _program_for(told: Described, inputs: Mapping[str, Any]) -> tuple[int, Program]:
    """The program for arguments of these shapes. Raises ShapeError; names what differs."""
    shapes = {name: np.shape(value) for name, value in inputs.items()}
    for n, program in enumerate(told.programs):
        if {argument.name: argument.shape for argument in program.arguments} == shapes:
            return n, program
    wanted = " or ".join(
        ", ".join(f"{a.name}: {a.dtype}{list(a.shape)}" for a in program.arguments) for program in told.programs
    )
    given = ", ".join(f"{name}: {list(shape)}" for name, shape in shapes.items())
    raise ShapeError(f"model {told.name} takes {wanted}; this call has {given or 'no arguments'}")


def _used(text: str, buffers: Sequence[bytes], first_program: int, first_value: int) -> _Used:
    """What nodes answer to `Use`."""
    told = described(text)
    rest = iter(buffers)
    numbers = tuple(tuple(integers(next(rest), shape) for shape in program.numbers) for program in told.programs)
    files = dict(zip(told.files, rest, strict=True))
    return _Used(told, files, first_program, tuple(range(first_value, first_value + len(told.values))), numbers)


def describe(config: Config, role: int, identity: Identity, timeout: float = 10.0) -> pb.Description:
    """What a node says of itself.

    Raises:
        RuntimeFailure: it cannot be reached, or does not know this caller.
    """
    with node_channel(config.nodes[role], config.certificates[config.names[role]], identity) as channel:
        ask = channel.unary_unary(wire.DESCRIBE, pb.Nothing.SerializeToString, pb.Description.FromString)
        try:
            told: pb.Description = ask(pb.Nothing(), timeout=timeout)
            return told
        except grpc.RpcError as error:
            raise RuntimeFailure(f"P{role} does not answer: {wire.described(error)}") from error
