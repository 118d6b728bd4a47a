"""Three parties that are processes of their own, here or elsewhere, as a runtime."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
import numpy as np

from ditto import _core
from ditto.encoding import Encoded, ValueType
from ditto.errors import RangeError, RuntimeFailure
from ditto.parties import wire
from ditto.parties import wire_pb2 as pb
from ditto.parties.accounting import ring_width, run_report, sharing_bytes
from ditto.parties.config import Address, Config, shown
from ditto.parties.identity import Identity, names_of
from ditto.parties.program import RingProgram
from ditto.parties.run_report import RunReport
from ditto.parties.runtime import OUT_OF_RANGE, Stored

# How long to wait for the other parties' accounts of a failure, in seconds.
_GRACE = 3.0

_INTERRUPTED = "the session was interrupted in the middle of a call"


@dataclass(frozen=True)
class Exchange:
    """A request to a party and its reply, as they were sent: the command's name in wire.proto, and the buffers."""

    role: int
    command: str
    sent: tuple[bytes, ...] = field(repr=False)
    received: tuple[bytes, ...] = field(repr=False)


Tap = Callable[[Exchange], None]

_Message = tuple[pb.Request, Sequence[Any]]
_Reply = tuple[pb.Reply, list[bytes]]
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class RemoteValue:
    """A value the parties of one session hold shares of, until this is garbage."""

    session: bytes
    id: int
    input_bytes: int


def node_channel(address: Address, certificate: str, identity: Identity) -> grpc.Channel:
    """A connection to a node, which has to show this certificate. It is made at the first use."""
    secure = grpc.ssl_channel_credentials(certificate.encode(), identity.key.encode(), identity.certificate.encode())
    [name, *_] = names_of(certificate, "the node's certificate")
    options = [*wire.CLIENT_OPTIONS, ("grpc.ssl_target_name_override", name)]
    return grpc.secure_channel(shown(address), secure, options)


class _Node:
    """A session's stream to one node."""

    def __init__(self, role: int, channel: grpc.Channel, arrived: queue.SimpleQueue[Any]) -> None:
        self._channel = channel
        self._requests: queue.SimpleQueue[pb.Message | None] = queue.SimpleQueue()
        converse = channel.stream_stream(wire.CONVERSE, pb.Message.SerializeToString, pb.Message.FromString)
        self._stream = converse(iter(self._requests.get, None))
        threading.Thread(target=self._read, args=(role, arrived), daemon=True).start()

    def send(self, request: pb.Request, buffers: Sequence[Any]) -> None:
        for message in wire.messages(request, buffers):
            self._requests.put(message)

    def end(self) -> None:
        """Ends the session at the node; may be called from anywhere, and more than once."""
        self._stream.cancel()
        self._requests.put(None)

    def close(self) -> None:
        self.end()
        self._channel.close()

    def _read(self, role: int, arrived: queue.SimpleQueue[Any]) -> None:
        """Passes on (role, reply), at last (role, why there are no more)."""
        try:
            for reply in wire.received(self._stream, "reply"):
                arrived.put((role, reply))
            arrived.put((role, "it ended the session"))
        except grpc.RpcError as error:
            arrived.put((role, wire.described(error)))
        except Exception as error:
            arrived.put((role, str(error)))


class RemoteParties:
    """A session with three nodes. It is ended by `close`.

    Threads may share it: calls wait for each other. Whatever goes wrong within a call, an interrupt in this process
    included, ends the session here and at the parties, since neither side knows how far the other has come.

    Args:
        config: the nodes.
        identity: this caller's.
        why_lost: what is known about a party whose connection broke, from what its connection said.
        check_ranges: debug mode, as in `Runtime`.
        without_p0: a session with P1 and P2 alone, for runs of publications from stock (`take`).
        tap: is given all that this caller and the parties have sent each other, once all three have answered.

    Raises:
        RuntimeFailure: a party cannot be reached, or refuses this caller.
    """

    def __init__(
        self,
        config: Config,
        identity: Identity,
        why_lost: Callable[[int, str], str] | None = None,
        *,
        check_ranges: bool = False,
        without_p0: bool = False,
        tap: Tap | None = None,
    ) -> None:
        self.check_ranges = check_ranges
        self._tap = tap
        self._config = config
        self._why_lost = why_lost or self._lost
        self._session = secrets.token_bytes(16)
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._in_call = False
        self._ended = ""
        self._requests = 0
        self._next_id = 0
        self._next_program = 0
        # Garbage collection may happen anywhere, so what it frees is told to the parties with the next command.
        self._dropped: deque[int] = deque()
        self._forgotten: deque[int] = deque()
        self._programs: weakref.WeakKeyDictionary[RingProgram, tuple[int, _Outputs]] = weakref.WeakKeyDictionary()
        self._arrived: queue.SimpleQueue[tuple[int, _Reply | str]] = queue.SimpleQueue()
        self._nodes: dict[int, _Node] = {}
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(self.close)
            for role in (1, 2) if without_p0 else (0, 1, 2):
                channel = node_channel(config.nodes[role], config.certificates[config.names[role]], identity)
                self._nodes[role] = _Node(role, channel, self._arrived)
            self._call(self._open)
            cleanup.pop_all()

    def _lost(self, role: int, said: str) -> str:
        return f"P{role} at {shown(self._config.nodes[role])} is lost: {said}"

    def __repr__(self) -> str:
        state = [", checks ranges"] * self.check_ranges + [f", {self._ended}"] * bool(self._ended)
        return f"<RemoteParties in a session of process {self._process}{''.join(state)}>"

    def put(self, encoded: Encoded, type: ValueType) -> Stored:
        """Shares an encoded array; see `Runtime.put`."""
        [value] = self.put_many([(encoded, type)])
        return value

    def run(
        self,
        program: RingProgram,
        inputs: Sequence[Stored | Encoded],
        *,
        offline_first: bool = False,
        keep: Collection[int] = (),
    ) -> tuple[Sequence[Encoded | Stored], RunReport]:
        """Runs a program; see `Runtime.run`."""
        named, public = self._named(inputs)

        def exchange() -> tuple[float, _Outputs, dict[int, RemoteValue], list[_Reply]]:
            id, types = self._loaded(program)
            kept = {output: self._value(0) for output in sorted(keep)}
            names = [pb.Kept(output=output, id=value.id) for output, value in kept.items()]
            run = pb.Run(program=id, inputs=named, offline_first=offline_first, keep=names)
            seconds, replies = self._timed(run, public)
            return seconds, types, kept, replies

        seconds, types, kept, replies = self._call(exchange)
        opened = [type for n, type in enumerate(types) if n not in kept]
        revealed, report = self._revealed(seconds, replies, opened, offline_first)
        rest = iter(revealed)
        return [kept[n] if n in kept else next(rest) for n in range(len(types))], report

    def _named(self, inputs: Sequence[Stored | Encoded | int]) -> tuple[list[pb.Input], list[Any]]:
        """Inputs as a request names them, and the buffers of those that are public."""
        named: list[pb.Input] = []
        public = []
        for n, value in enumerate(inputs):
            if isinstance(value, np.ndarray):
                array = np.asarray(value, "<i8", order="C")
                named.append(pb.Input(public=pb.Shape(extents=array.shape)))
                public.append(array)
            elif isinstance(value, int):
                named.append(pb.Input(id=value))
            elif isinstance(value, RemoteValue) and value.session == self._session:
                named.append(pb.Input(id=value.id))
            else:
                raise RuntimeFailure(f"input {n} is a value of another session; share it in this one")
        return named, public

    def _revealed(
        self, seconds: float, replies: Sequence[_Reply], outputs: _Outputs, offline_first: bool
    ) -> tuple[list[Encoded], RunReport]:
        """The outputs of a run of which P1 and P2 have told their parts, and what it cost."""
        if any(reply.out_of_range for reply, _ in replies):
            raise RangeError(OUT_OF_RANGE)
        (_, _), (_, from_p1), (_, from_p2) = replies
        parts = zip(outputs, from_p1, from_p2, strict=True)
        arrays = [_core.reconstruct(first, second, shape, width) for (shape, width), first, second in parts]
        peaks = [replies[role][0].peak_memory_bytes for role in self._nodes]
        peak = sum(peaks) if all(peaks) else None
        reports = [json.loads(reply.report) for reply, _ in replies if reply.report]
        return arrays, run_report(seconds, reports, offline_first=offline_first, peak_rss_bytes=peak)

    @property
    def ended(self) -> bool:
        """Whether the session has ended, here or, as far as is known, at a node."""
        return bool(self._ended)

    def put_many(self, arrays: Sequence[tuple[Encoded, ValueType]]) -> list[RemoteValue]:
        """Shares encoded arrays, all in two round trips."""
        values = [(np.asarray(encoded, np.int64, order="C"), ring_width(type)) for encoded, type in arrays]
        return self._call(lambda: self._share(values)) if values else []

    def publish(self, text: str, values: Sequence[RemoteValue], buffers: Sequence[Any]) -> bytes:
        """Has the nodes publish values of this session; see wire.proto. Returns the publication's digest."""
        ids = [value.id for value in values]
        replies = self._call(lambda: self._all(pb.Request(publish=pb.Publish(text=text, values=ids)), buffers))
        return self._same([replies[role][0].digest for role in self._nodes])

    def withdraw(self, name: str) -> None:
        """Has the nodes forget a publication of this caller's."""
        self._call(lambda: self._all(pb.Request(withdraw=pb.Withdraw(name=name))))

    def use(self, name: str, read: Callable[[str, Sequence[bytes], int, int], _T]) -> _T:
        """Brings a publication into this session.

        Args:
            read: makes what is wanted of its text, its buffers, and the numbers from which on its programs and values
                are numbered.
        """
        first_program, first_value = self._next_program, self._next_id
        use = pb.Use(name=name, first_program=first_program, first_value=first_value)
        replies = self._call(lambda: self._all(pb.Request(use=use)))
        self._same([(replies[n][0].digest, replies[n][0].publication, replies[n][1]) for n in self._nodes])
        reply, buffers = replies[1]
        told = json.loads(reply.publication)
        self._next_program += len(told["programs"])
        self._next_id += len(told["values"])
        return read(reply.publication, buffers, first_program, first_value)

    def run_used(
        self, program: int, inputs: Sequence[RemoteValue | int | Encoded], outputs: _Outputs
    ) -> tuple[list[Encoded], RunReport]:
        """Runs a program of a publication that is used here.

        Args:
            inputs: values of this session, the numbers of published ones, or public integers.
            outputs: shape and width of each.
        """
        named, public = self._named(inputs)
        run = pb.Run(program=program, inputs=named)
        return self._revealed(*self._call(lambda: self._timed(run, public)), outputs, False)

    def deal(self, program: int) -> None:
        """Has the parties deal a run of a program of a publication that is used here, and this caller's."""
        self._call(lambda: self._all(pb.Request(deal=pb.Deal(program=program))))

    def take(self, program: int, arrays: Sequence[tuple[Encoded, ValueType]]) -> list[RemoteValue] | None:
        """Shares the arguments of a run from stock, in the order of `Program.places`, which has to be the next.

        Returns:
            None if there is none.
        """
        arguments = [(np.asarray(encoded, np.int64, order="C"), ring_width(type)) for encoded, type in arrays]

        def exchange() -> list[RemoteValue] | None:
            while True:
                stored = [self._value(sharing_bytes(values.size, width)) for values, width in arguments]
                first = stored[0].id if stored else self._next_id
                replies = self._all(pb.Request(take=pb.Take(program=program, first_value=first)))
                (at_p1, l1), (at_p2, l2) = replies[1:]
                if not at_p1.item:
                    return None
                # One may have lost what the other has; that is burnt, too.
                if at_p1.item == at_p2.item:
                    break
            values = [
                pb.Array(id=value.id, shape=array.shape, width=width)
                for value, (array, width) in zip(stored, arguments, strict=True)
            ]
            self._complete(values, arguments, l1, l2)
            return stored

        return self._call(exchange)

    def _timed(self, run: pb.Run, public: Sequence[Any]) -> tuple[float, list[_Reply]]:
        """A run's replies, and how long they took."""
        start = time.perf_counter()
        replies = self._all(pb.Request(run=run), public)
        return time.perf_counter() - start, replies

    def _same(self, told: Sequence[_T]) -> _T:
        """What all nodes have told. Raises RuntimeFailure if they differ."""
        if any(other != told[0] for other in told[1:]):
            self._end("the nodes have different publications of this name")
            raise RuntimeFailure("the nodes have different publications of this name; publish it anew")
        return told[0]

    def probe(self) -> dict[tuple[int, int], tuple[float, float]]:
        """For every two parties the seconds of a round trip and the bits a second between them."""
        replies = self._call(lambda: self._all(pb.Request(probe=pb.Probe())))
        return {
            (role, speed.party): (speed.round_trip_seconds, speed.bits_per_second)
            for role, (reply, _) in enumerate(replies)
            for speed in reply.speeds
        }

    def close(self) -> None:
        """Ends the session; a call that another thread is in fails."""
        if os.getpid() == self._process:
            self._end("the session is closed")
            for node in self._nodes.values():
                node.close()

    def _call(self, exchange: Callable[[], _T]) -> _T:
        """Runs a series of exchanges that belong together. If it does not come to its end, the session ends."""
        if os.getpid() != self._process:
            raise RuntimeFailure(f"the session belongs to process {self._process}; open another one after a fork")
        with self._lock:
            # Seen only where an interrupt kept the handler below from its work.
            if self._in_call:
                self._end(_INTERRUPTED)
            if self._ended:
                raise RuntimeFailure(f"{self._ended}; open another session")
            self._in_call = True
            try:
                result = exchange()
                self._in_call = False
                return result
            except BaseException:
                self._end(_INTERRUPTED)
                raise

    def _end(self, reason: str) -> None:
        self._ended = self._ended or reason
        for node in self._nodes.values():
            node.end()

    def _open(self) -> None:
        ports = [reply.port for reply, _ in self._all(pb.Request(listen=pb.Listen()))]
        without_p0 = 0 not in self._nodes
        told = pb.Open(session=self._session, agreement=self._config.agreement(), ports=ports, without_p0=without_p0)
        self._all(pb.Request(open=told))

    def _share(self, arrays: Sequence[tuple[Encoded, int]]) -> list[RemoteValue]:
        """Shares arrays, each in a ring of its width."""
        stored = [self._value(sharing_bytes(values.size, width)) for values, width in arrays]
        values = [
            pb.Array(id=value.id, shape=array.shape, width=width)
            for value, (array, width) in zip(stored, arrays, strict=True)
        ]
        _, (_, first), (_, second) = self._all(pb.Request(mask=pb.Mask(values=values)))
        self._complete(values, arrays, first, second)
        return stored

    def _complete(
        self, values: Sequence[pb.Array], arrays: Sequence[tuple[Encoded, int]], first: list[bytes], second: list[bytes]
    ) -> None:
        """Gives P1 and P2 arrays under the masks that they have told."""
        masked = [
            _core.mask_input(array, width, l1, l2) for (array, width), l1, l2 in zip(arrays, first, second, strict=True)
        ]
        told = pb.Request(masked=pb.Masked(values=values))
        self._each([(told, []), (told, masked), (told, masked)])

    def _value(self, input_bytes: int) -> RemoteValue:
        id, self._next_id = self._next_id, self._next_id + 1
        value = RemoteValue(self._session, id, input_bytes)
        weakref.finalize(value, self._dropped.append, id)
        return value

    def _loaded(self, program: RingProgram) -> tuple[int, _Outputs]:
        known = self._programs.get(program)
        if known is None:
            id, self._next_program = self._next_program, self._next_program + 1
            constants = [np.asarray(c, "<i8", order="C") for c in program.constants]
            shapes = [pb.Shape(extents=c.shape) for c in constants]
            self._all(pb.Request(load=pb.Load(program=id, shapes=shapes)), [program.engine.encode(), *constants])
            known = self._programs[program] = id, _output_types(program)
            weakref.finalize(program, self._forgotten.append, id)
        return known

    def _all(self, request: pb.Request, buffers: Sequence[Any] = ()) -> list[_Reply]:
        """All parties' replies to a request; without P0, its is empty."""
        return self._each([(request, buffers)] * 3)

    def _each(self, messages: Sequence[_Message]) -> list[_Reply]:
        """Sends every party a command and gathers the replies."""
        self._requests += 1
        housekeeping = pb.Request(number=self._requests, drop=_drain(self._dropped), forget=_drain(self._forgotten))
        for role, node in self._nodes.items():
            request, buffers = messages[role]
            told = pb.Request()
            told.CopyFrom(request)
            told.MergeFrom(housekeeping)
            node.send(told, buffers)
        errors: dict[int, str] = {}
        replies: dict[int, _Reply] = {}
        deadline = None
        while len(replies) + len(errors) < len(self._nodes):
            if errors and deadline is None:
                deadline = time.monotonic() + _GRACE
            try:
                role, got = self._arrived.get(
                    timeout=None if deadline is None else max(0.0, deadline - time.monotonic())
                )
            except queue.Empty:
                break
            if isinstance(got, str):
                errors.setdefault(role, self._why_lost(role, got))
            elif got[0].number != self._requests:
                errors[role] = f"P{role} answered request {got[0].number} instead of {self._requests}"
            elif got[0].error:
                errors[role] = got[0].error
            else:
                replies[role] = got
        if errors:
            # Whoever fails tells the others why, and they repeat it: the cause is the shortest account.
            cause = min(errors.values(), key=len)
            self._ended = self._ended or f"the parties have failed before: {cause}"
            raise RuntimeFailure(cause)
        answers = [replies.get(role, (pb.Reply(), [])) for role in range(3)]
        if self._tap is not None:
            for role in self._nodes:
                request, buffers = messages[role]
                command = request.WhichOneof("command") or ""
                sent, received = (tuple(memoryview(b).tobytes() for b in part) for part in (buffers, answers[role][1]))
                self._tap(Exchange(role, command, sent, received))
        return answers


_Outputs = list[tuple[list[int], int]]


def _output_types(program: RingProgram) -> _Outputs:
    engine = json.loads(program.engine)
    values = [engine["values"][id] for id in engine["outputs"]]
    return [(value["shape"], 1 if value["kind"] == "bit" else value["width"]) for value in values]


def _drain(queue: deque[Any]) -> list[Any]:
    return [queue.popleft() for _ in range(len(queue))]
