"""What a party does for a caller in one session, command by command.

A value belongs to the session's caller, or to a publication that the session uses. A publication's values are inputs of
its own programs alone, in the places that its owner has given them; other programs take the caller's own values alone.
So a result tells a caller what its own inputs and approved programs tell, and nobody else anything.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ditto import _core
from ditto.parties import wire_pb2 as pb
from ditto.parties.accounting import ring_width
from ditto.parties.agreement import engine_digest
from ditto.parties.budget import Account, Budget, OverBudget
from ditto.parties.config import Config, Right
from ditto.parties.peak_memory import peak_memory_bytes
from ditto.parties.publication import Publication, PublicationError, Store, integers, made
from ditto.parties.quota import OverQuota, Quota
from ditto.parties.stock import ITEM_BYTES, Stock, StockError

audit = logging.getLogger("ditto.audit")
log = logging.getLogger("ditto.node")

Reply = tuple[pb.Reply, Sequence[Any]]

# What an array may have, and what a number takes at a party at most: two components of eight bytes.
_MOST_ELEMENTS = 1 << 29
_ELEMENT_BYTES = 16


class Refused(Exception):
    """The caller may not do this, or not now."""


@dataclass
class Party:
    """What all sessions at a node share.

    Attributes:
        listener: where the other parties connect to.
        credentials: with which they know each other; None where they are all on this machine.
        link: to the other parties, bits a second and seconds that a message takes, if it is to be slower than it is.
    """

    role: int
    config: Config
    listener: _core.Listener
    credentials: _core.Credentials | None
    store: Store
    stock: Stock
    quota: Quota
    link: tuple[float, float] | None = None
    calls: dict[str, int] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)

    @property
    def name(self) -> str:
        return f"P{self.role}"


@dataclass(frozen=True)
class _Loaded:
    """A program of a session.

    Attributes:
        used: the publication it is of, if it is of one, and which of its programs it is.
        fixed: then for each input the id of the published value, or the numbers, that it has to be; None for arguments.
    """

    program: _core.Program
    used: Publication | None = None
    index: int = 0
    fixed: tuple[Any, ...] = ()

    def filled(self, arguments: Sequence[Any]) -> list[Any]:
        """The inputs, with these arguments by their places in the order of the inputs (`Program.places`)."""
        assert self.used is not None
        told = self.used.told.programs[self.index]
        by_number = dict(zip(told.places(), arguments, strict=True))
        return [
            by_number[given.argument] if given.argument is not None else fixed
            for given, fixed in zip(told.inputs, self.fixed, strict=True)
        ]


@dataclass(frozen=True)
class _Taken:
    """A run from stock: what it is called, what it is a run of, and its inputs."""

    item: bytes
    program: int
    inputs: list[Any]


class Session:
    """One caller's session at one party. Commands come one after the other; `abort` may come at any time.

    Args:
        leave: ends the caller's stream, from any thread.
    """

    def __init__(self, party: Party, caller: str, leave: Callable[[], object] = lambda: None) -> None:
        self._party = party
        self._caller = caller
        self.leave = leave
        self._waits_since: float | None = time.monotonic()
        self._rights = party.config.rights.get(caller, frozenset())
        self._session: _core.Session | None = None
        self._opening: bytes | None = None
        self._id = b""
        self._programs: dict[int, _Loaded] = {}
        self._published: set[int] = set()
        self._requests = 0
        self._without_p0 = False
        self._taken: _Taken | None = None
        self._account = Account(party.budget, caller)
        self._lock = threading.Lock()
        self._ended = ""
        self.doing = "waits for its caller"

    def handle(self, request: pb.Request, buffers: list[bytes]) -> Reply:
        """Runs a command. What goes wrong is told in the reply, as its `error`."""
        self._requests += 1
        self._waits_since = None
        try:
            if request.number != self._requests:
                raise Refused(f"got request {request.number} where {self._requests} was to come")
            if self._ended:
                raise Refused(self._ended)
            kind = request.WhichOneof("command")
            if kind is None:
                raise Refused("got a request without a command")
            self.doing = kind
            for id in request.drop:
                self._open_session().drop(id)
                self._account.free(("value", id))
            for number in request.forget:
                self._programs.pop(number, None)
                self._account.free(("program", number))
            commands: dict[str, Callable[[Any, list[bytes]], Reply]] = {
                "listen": self._listen,
                "open": self._open,
                "load": self._load,
                "mask": self._mask,
                "masked": self._masked,
                "run": self._run,
                "publish": self._publish,
                "use": self._use,
                "withdraw": self._withdraw,
                "deal": self._deal,
                "take": self._take,
                "probe": self._probe,
            }
            reply, results = commands[kind](getattr(request, kind), buffers)
        except Exception as error:
            said = str(error) or type(error).__name__
            own = isinstance(error, (Refused, PublicationError, StockError, OverBudget, OverQuota))
            reply, results = pb.Reply(error=f"{self._party.name} {said}" if own else said), []
            # The parties may not be where each other is any more.
            self.abort(reply.error)
        finally:
            self._account.free("request")
            self._account.free("run")
            self.doing = "waits for its caller"
            self._waits_since = time.monotonic()
        reply.number = request.number
        return reply, results

    @property
    def caller(self) -> str:
        """Whose it is."""
        return self._caller

    def idle(self) -> float:
        """For how many seconds it has been waiting for its caller."""
        since = self._waits_since
        return 0.0 if since is None else time.monotonic() - since

    def expect(self, size: int) -> None:
        """Buffers of so many bytes are to come with the next request. Raises OverBudget."""
        self._account.hold("request", size)

    def abort(self, reason: str) -> None:
        """Ends the session, a run that is under way included, at the other parties too."""
        with self._lock:
            self._ended = self._ended or reason
            session, opening = self._session, self._opening
        if session is not None:
            session.abort(reason)
        elif opening is not None:
            self._party.listener.cancel(opening, reason)

    def close(self) -> None:
        """Forgets everything."""
        self.abort("the session has ended")
        self._programs.clear()
        self._session = None
        self._account.close()

    # ------------------------------------------------------------------------------------------------ sessions

    def _demand(self, right: Right, what: str) -> None:
        if right not in self._rights:
            raise Refused(f"does not let {self._caller} {what}: its configuration gives no right to {right}")

    def _demand_p0(self) -> None:
        if self._without_p0:
            raise Refused("uses publications and takes runs from stock in a session without P0, and nothing else")

    def _open_session(self) -> _core.Session:
        if self._session is None:
            raise Refused("has no open session")
        return self._session

    def _listen(self, command: pb.Listen, buffers: list[bytes]) -> Reply:
        return pb.Reply(port=self._party.listener.port), []

    def _open(self, command: pb.Open, buffers: list[bytes]) -> Reply:
        config = self._party.config
        if self._session is not None:
            raise Refused("has opened this session before")
        if command.agreement != config.agreement():
            raise Refused("has another configuration than the caller: compare node_ids, addresses and certificates")
        if len(command.ports) != 3:
            raise Refused("got no ports")
        # A port that a configuration names is not the caller's to choose.
        ports = zip(config.internal, command.ports, strict=True)
        addresses = [(host, port or given) for (host, port), given in ports]
        threads = config.threads or len(os.sched_getaffinity(0))
        _core.set_threads(threads)
        if len(command.session) != 16:
            raise Refused("got no session id")
        with self._lock:
            self._opening = self._id = command.session
        if self._ended:
            raise Refused(self._ended)
        self._without_p0 = command.without_p0
        try:
            session = _core.Session(
                self._party.role,
                self._party.listener,
                addresses,
                command.session,
                config.timeout,
                self._party.credentials,
                self._party.link,
                command.without_p0,
            )
            with self._lock:
                self._session = session
        finally:
            self._opening = None
        if self._ended:
            session.abort(self._ended)
        session.agree_on("engine", engine_digest())
        return pb.Reply(), []

    def _probe(self, command: pb.Probe, buffers: list[bytes]) -> Reply:
        speeds = [
            pb.Speed(party=peer, round_trip_seconds=trip, bits_per_second=bits)
            for peer, (trip, bits) in self._open_session().probe().items()
        ]
        return pb.Reply(speeds=speeds), []

    # ------------------------------------------------------------------------------------------------ values

    def _mask(self, command: pb.Mask, buffers: list[bytes]) -> Reply:
        session = self._open_session()
        self._demand_p0()
        masks = []
        for value in command.values:
            self._hold(value.id, value.shape, value.width)
            masks.append(session.mask(value.id, list(value.shape), value.width))
        return pb.Reply(), [mask for mask in masks if mask is not None]

    def _hold(self, id: int, shape: Sequence[int], width: int) -> None:
        """A value that the session is going to have."""
        self._account.hold(("value", id), _ELEMENT_BYTES * _elements(shape, width))

    def _masked(self, command: pb.Masked, buffers: list[bytes]) -> Reply:
        # P0 gets the same command without the values.
        if self._party.role != 0:
            if len(buffers) != len(command.values):
                raise Refused(f"got {len(buffers)} masked values instead of {len(command.values)}")
            for value, masked in zip(command.values, buffers, strict=True):
                _elements(value.shape, value.width)
                self._open_session().set_masked(value.id, list(value.shape), value.width, masked)
        return pb.Reply(), []

    # ------------------------------------------------------------------------------------------------ programs

    def _load(self, command: pb.Load, buffers: list[bytes]) -> Reply:
        self._demand_p0()
        self._demand("compute", "run programs of its own")
        if len(buffers) != 1 + len(command.shapes):
            raise Refused(f"got {len(buffers)} buffers of a program with {len(command.shapes)} constants")
        # Once more, as integers and in what is parsed.
        self._account.hold(("program", command.program), 2 * sum(map(len, buffers)))
        constants = [integers(data, shape.extents) for data, shape in zip(buffers[1:], command.shapes, strict=True)]
        program = _core.Program(buffers[0].decode(), constants)
        self._open_session().agree(program)
        self._programs[command.program] = _Loaded(program)
        return pb.Reply(), []

    def _run(self, command: pb.Run, buffers: list[bytes]) -> Reply:
        session, public = self._open_session(), iter(buffers)
        if command.program not in self._programs:
            raise Refused(f"has no program {command.program} in this session")
        loaded = self._programs[command.program]
        if sum(item.WhichOneof("kind") == "public" for item in command.inputs) != len(buffers):
            raise Refused("got another number of public inputs than it was told of")
        inputs: list[Any] = [
            integers(next(public), item.public.extents) if item.WhichOneof("kind") == "public" else item.id
            for item in command.inputs
        ]
        self._check_inputs(loaded, inputs)
        taken, self._taken = self._taken, None
        if self._without_p0:
            self._check_taken(taken, command.program, inputs)
        if loaded.used is not None and command.keep:
            raise Refused(f"does not keep results of publication {loaded.used.told.name}")
        kept = {item.output: item.id for item in command.keep}
        self._account.hold("run", loaded.program.peak_bytes)
        sizes = loaded.program.output_bytes
        for output, id in kept.items():
            self._account.hold(("value", id), sizes[output] if output < len(sizes) else 0)
        who, context = "a program of its own", ""
        if loaded.used is not None:
            # Counted whatever comes of it: that a guard was set off is the caller's business alone.
            who, context = loaded.used.told.name, loaded.used.digest.hex()
            if self._has_quota(loaded.used):
                self._party.quota.count(who, self._caller, loaded.used.told.most_calls, loaded.used.told.most_per_hour)
            self._party.calls[who] = self._party.calls.get(who, 0) + 1
        if taken is not None:
            context += taken.item.hex()
        try:
            outputs, report = session.run(loaded.program, inputs, command.offline_first, kept, context)
        except _core.RangeViolation:
            audit.info("ran", extra={"caller": self._caller, "program": who, "revealed": "nothing, out of range"})
            return pb.Reply(out_of_range=True), []
        sent = report["offline"] + report["online"]
        audit.info("ran", extra={"caller": self._caller, "program": who, "sent": sent, "revealed": len(outputs)})
        return pb.Reply(report=json.dumps(report), peak_memory_bytes=peak_memory_bytes()), list(outputs)

    def _has_quota(self, used: Publication) -> bool:
        """Whether this caller may not call a publication as often as it likes."""
        limited = (used.told.most_calls, used.told.most_per_hour) != (None, None)
        return limited and used.owner != self._caller

    def _check_inputs(self, loaded: _Loaded, inputs: Sequence[Any]) -> None:
        """A publication's values go where its owner has put them, and nowhere else."""
        if loaded.used is not None and len(inputs) != len(loaded.fixed):
            raise Refused(f"got {len(inputs)} inputs of a program of {len(loaded.fixed)}")
        fixed = loaded.fixed if loaded.used is not None else (None,) * len(inputs)
        for n, (given, wanted) in enumerate(zip(inputs, fixed, strict=True)):
            if isinstance(wanted, np.ndarray) and not (isinstance(given, np.ndarray) and np.array_equal(given, wanted)):
                raise Refused(f"takes published numbers as input {n} of this program, and no other")
            if isinstance(wanted, int) and not (isinstance(given, int) and given == wanted):
                raise Refused(f"takes a published value as input {n} of this program, and no other")
            if wanted is None and isinstance(given, int) and given in self._published:
                raise Refused(f"does not take a published value as input {n} of this program")

    # ------------------------------------------------------------------------------------------------ stock

    def _deal(self, command: pb.Deal, buffers: list[bytes]) -> Reply:
        self._demand_p0()
        session, loaded = self._open_session(), self._programs.get(command.program)
        if loaded is None or loaded.used is None or loaded.used.owner != self._caller:
            raise Refused(f"deals for programs that {self._caller} has published and uses, and no other")
        publication = loaded.used
        arguments = [_core.Argument(place) for place in range(len(publication.told.programs[loaded.index].places()))]
        self._account.hold("run", loaded.program.peak_bytes)
        item = self._named_item(publication.digest)
        key, stream = session.deal(
            loaded.program, loaded.filled(arguments), f"{publication.digest.hex()} {loaded.index}"
        )
        if self._party.role != 0:
            name, digest = publication.told.name, publication.digest
            self._party.stock.put(item, name, digest, loaded.index, key, stream)
        # Both have it before anyone counts on it.
        session.agree_on("stock", publication.digest)
        return pb.Reply(), []

    def _named_item(self, digest: bytes) -> bytes:
        """What P1 and P2 call the run that they are about to keep: P1 makes it up, so that no caller can.

        P1 tells besides which runs it has, and P2 forgets others: those that were taken there alone.
        """
        session, stock = self._open_session(), self._party.stock
        if self._party.role == 0:
            return b""
        if self._party.role == 1:
            item = os.urandom(ITEM_BYTES)
            session.tell(item + b"".join(stock.items(digest)))
            return item
        told = session.told()
        item, *others = (told[n : n + ITEM_BYTES] for n in range(0, len(told), ITEM_BYTES))
        stock.keep_only(digest, others)
        return item

    def _take(self, command: pb.Take, buffers: list[bytes]) -> Reply:
        session, loaded = self._open_session(), self._programs.get(command.program)
        if not self._without_p0:
            raise Refused("takes runs from stock in sessions without P0")
        if loaded is None or loaded.used is None:
            raise Refused(f"has no published program {command.program} in this session")
        told = loaded.used.told
        if self._has_quota(loaded.used):
            # The run is counted; nothing is burnt for one that there will not be.
            self._party.quota.check(told.name, self._caller, told.most_calls, told.most_per_hour)
        stock, wanted = self._party.stock, (loaded.used.digest, loaded.index)
        if self._party.role == 1:
            found = stock.take(*wanted)
            session.tell(b"" if found is None else found[0])
        else:
            item = session.told()
            found = stock.take(*wanted, item) if item else None
        if found is None:
            return pb.Reply(), []
        item, key, stream = found
        session.prepare(self._requests, key, stream)
        types = list(told.programs[loaded.index].places().values())
        ids = range(command.first_value, command.first_value + len(types))
        widths = [ring_width(type) for type in types]
        masks = []
        for id, type, width in zip(ids, types, widths, strict=True):
            self._hold(id, type.shape, width)
            masks.append(session.mask(id, list(type.shape), width))
        self._taken = _Taken(item, command.program, loaded.filled(ids))
        return pb.Reply(item=item), masks

    def _check_taken(self, taken: _Taken | None, program: int, inputs: Sequence[Any]) -> None:
        """A run from stock is on the arguments whose masks P0 has dealt for, or its result would be no program's."""
        if taken is None or taken.program != program:
            raise Refused("runs without P0 what was taken from stock, and nothing else")
        for n, (given, wanted) in enumerate(zip(inputs, taken.inputs, strict=True)):
            if isinstance(wanted, int) and given != wanted:
                raise Refused(f"takes value {wanted} as input {n} of this run, whose masks are in stock")

    # ------------------------------------------------------------------------------------------------ publications

    def _publish(self, command: pb.Publish, buffers: list[bytes]) -> Reply:
        self._demand_p0()
        self._demand("publish", "publish")
        if taken := self._published.intersection(command.values):
            raise Refused(f"does not publish values of another publication: {sorted(taken)}")
        shares = [self._open_session().get(id) for id in command.values]
        # The sharing, too: shares of two would not fit, though all else is the same.
        sharing = hashlib.sha256(self._id + self._requests.to_bytes(8, "little")).digest()
        publication = made(self._caller, command.text, buffers, shares, sharing)
        with self._party.store.putting(publication):
            # All have written it before anyone takes it for what was there.
            self._open_session().agree_on("publication", publication.digest)
        self._party.stock.forget(publication.told.name, but=publication.digest)
        audit.info("published", extra={"caller": self._caller, "program": publication.told.name})
        return pb.Reply(digest=publication.digest), []

    def _use(self, command: pb.Use, buffers: list[bytes]) -> Reply:
        session = self._open_session()
        publication = self._usable(command.name)
        numbering = f"{command.first_program} {command.first_value}".encode()
        session.agree_on("publication", hashlib.sha256(publication.digest + numbering).digest())
        ids = range(command.first_value, command.first_value + len(publication.shares))
        for id, share in zip(ids, publication.shares, strict=True):
            session.put(id, share)
            self._published.add(id)
        programs = zip(publication.loaded, publication.told.programs, publication.numbers, strict=True)
        for n, (program, told, numbers) in enumerate(programs, command.first_program):
            session.agree(program)
            fixed = (
                ids[given.value]
                if given.value is not None
                else None
                if given.constant is None
                else numbers[given.constant]
                for given in told.inputs
            )
            self._programs[n] = _Loaded(program, publication, n - command.first_program, tuple(fixed))
        return pb.Reply(publication=publication.text, digest=publication.digest), publication.for_callers()

    def _usable(self, name: str) -> Publication:
        # Who may not use a publication is told no more than of one that there is not, or that is damaged.
        publication = None
        try:
            if name in self._party.store.names():
                publication = self._party.store.get(name)
        except PublicationError as error:
            log.error("cannot read a publication", extra={"publication": name, "reason": str(error)})
        if publication is None or not publication.may_use(self._caller, self._rights):
            raise Refused(f"has no publication {name!r} that {self._caller} may use")
        return publication

    def _withdraw(self, command: pb.Withdraw, buffers: list[bytes]) -> Reply:
        self._demand_p0()
        self._demand("publish", "withdraw")
        publication = self._usable(command.name)
        if publication.owner != self._caller:
            raise Refused(f"lets only the owner withdraw {command.name!r}")
        self._party.store.remove(command.name)
        self._party.stock.forget(command.name)
        self._party.quota.forget(command.name)
        audit.info("withdrawn", extra={"caller": self._caller, "program": command.name})
        return pb.Reply(), []


def _elements(shape: Sequence[int], width: int) -> int:
    """How many numbers a value has. Raises Refused if it is none, or more than may be."""
    elements = 1
    for extent in shape:
        elements *= extent
        if extent < 0 or elements > _MOST_ELEMENTS:
            break
    if not (0 <= elements <= _MOST_ELEMENTS and all(n >= 0 for n in shape) and 1 <= width <= 64):
        raise Refused(f"got a value of shape {list(shape)} and width {width}")
    return elements
