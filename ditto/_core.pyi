"""The engine. Arrays are C-contiguous int64; `packed` bytes hold elements in as many bits as their ring is wide.

A cost or report is a dict: bytes `offline` and `online`, `rounds`, and `operations` and `layers`, lists of
(name, count, seconds, offline bytes, online bytes, rounds), and `ops`, for each operation of the program in its order
(name, layer, start, seconds, offline bytes, online bytes, rounds, group), where those of one group share their rounds.
Of a program that guards ranges the last of `ops` is the guard, which is no operation of the program. A report tells
when the party `began`, in seconds since 1970; starts count from there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Ints = NDArray[np.int64]

class ProgramError(ValueError):
    """A program cannot run as it stands; names the operation and its layer."""

class RunError(RuntimeError):
    """A run failed; names the party and the operation."""

class RangeViolation(ArithmeticError):
    """A guarded value was not what the program assumes of it; the results have been withheld."""

class ChannelError(ConnectionError):
    """A peer is lost or silent, or a frame is malformed."""

def set_threads(threads: int) -> None:
    """How many threads a kernel may use; results do not depend on it."""

def op_cost(json: str) -> tuple[int, int, int]:
    """Bytes offline, bytes online (of all parties) and rounds of one operation.

    Args:
        json: {"op": name, "in": [value, ...], "out": value, "attrs": {...}}, values as in a program.

    Raises:
        ProgramError: there is no such operation, or it does not take these types.
    """

def op_landing(json: str, width: int) -> tuple[list[int], tuple[int, int, int] | None]:
    """An operation, as `op_cost` takes it, with its result in a ring of `width` bits.

    Returns:
        The width in which it wants each operand, whatever width that has (`range` says how large its integers are; 1
        for a bit, 64 for a public one), and its cost with these operands; None where the engine refuses it so.

    Raises:
        ProgramError: there is no such operation, or it does not take such operands or attributes.
    """

def gelu_pieces(out_fraction: int) -> tuple[float, float, float, list[tuple[float, float]]]:
    """What the protocol computes for x * Phi(x), in real numbers (gelu.h).

    Returns:
        low, high, constant, [(frequency, amplitude), ...]: 0 below `low`, x from `high` on, and between them
        x / 2 + constant + the sum of amplitude * cos(frequency * x). Either bound may be taken half a unit lower.
    """

def kernels() -> list[tuple[str, str, str, str, bool]]:
    """The operations the engine has: (name, operands, result, attributes, whether the parties talk).

    One letter an operand, and for the result: f fixed point, b bit, p public, s either of f and b; a final * repeats
    the one before. Attributes are separated by spaces; those that end in ? may be missing.
    """

class Program:
    """A checked program: `json` as the compiler writes it, with an int64 array for each of its constants.

    Raises ProgramError.
    """

    def __init__(self, json: str, constants: Sequence[_Ints]) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def hash(self) -> str:
        """SHA-256 of text and constants."""
    @property
    def peak_bytes(self) -> float:
        """What the values that a run makes take at a party at most."""
    @property
    def output_bytes(self) -> list[float]:
        """What each output takes at a party."""
    def cost(self) -> dict[str, Any]:
        """What all parties together will send; seconds are 0."""
    def rehearse(self) -> tuple[float, float]:
        """Seconds that P0, and P1 and P2 at once, compute: every kind of operation runs here, on made-up shares."""

class Simulator:
    """Three parties as threads of this process.

    Args:
        timeout: the longest wait for a message, in seconds.
        link: between every two of them: bits a second each way, and seconds that a message takes. None: memory.
    """

    def __init__(self, timeout: float, link: tuple[float, float] | None = None) -> None: ...
    def put(self, values: _Ints, width: int) -> int:
        """Shares integers mod 2^width (bits: width 1); returns the id of the value."""
    def drop(self, id: int) -> None:
        """Forgets a value."""
    def run(
        self,
        program: Program,
        inputs: Sequence[int | _Ints],
        *,
        offline_first: bool = False,
        keep: Sequence[int] = (),
    ) -> tuple[list[_Ints | int], float, list[dict[str, Any]]]:
        """Runs a program on stored values (ids) and public arrays.

        Args:
            offline_first: P1 and P2 start when P0's stream has arrived; the seconds of their reports are online time.
            keep: the outputs that stay shared, by position.

        Returns:
            The outputs as signed integers, the ids of those that stay shared, wall seconds, and one report per party of
            what it sent.

        Raises:
            RunError: a party failed.
            RangeViolation: a value left its range.
        """

class Credentials:
    """What a party proves itself with to the others, and by what it knows them.

    Args:
        certificate: its own, as PEM, perhaps followed by those of its issuers.
        key: the private key to it, as PEM, not under a password. The key kept here is wiped when freed; this text, like
            any text of Python's, is not.
        peers: the certificate of each other party, as PEM. A party is the one with exactly this certificate.

    Raises ValueError for what cannot be read or does not belong together; no error shows any of the key.
    """

    def __init__(self, certificate: str, key: str, peers: dict[int, str]) -> None: ...

class Listener:
    """A listening socket that serves many sessions at once; port 0 takes a free one.

    With `credentials` who connects has to be one of their parties, over TLS 1.3.
    """

    def __init__(self, host: str, port: int, credentials: Credentials | None = None) -> None: ...
    @property
    def port(self) -> int: ...
    def cancel(self, session: bytes, reason: str) -> None:
        """Gives up a session that is being opened, whatever it waits for: its constructor raises ChannelError.

        It does so too if it is called only now: who opens the session makes up a new id for another attempt. An open
        session is not touched.
        """

class Share:
    """What one party holds of a value: two of its components m, l1, l2; P0 l1 and l2. Copies share their memory."""

    def __init__(self, shape: Sequence[int], width: int, components: Sequence[bytes | None]) -> None: ...
    @property
    def shape(self) -> list[int]: ...
    @property
    def width(self) -> int: ...
    def components(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """m, l1, l2, packed to the width. A secret of the party's."""

class Argument:
    """An input that a run will get later, by its place among those."""

    def __init__(self, place: int) -> None: ...

class Session:
    """One party of a session over TCP. Connecting agrees on keys with the other two.

    With `credentials`, the listener's, which all three have or none, the parties talk over TLS 1.3 and know each other
    by their certificates. Who else connects is turned away. Sessions may be opened at the same time, by a thread each.
    With `link`, as in `Simulator`, what this party sends arrives as late as over such links.
    `without_p0`: of P1 and P2 alone, for runs that were dealt before.

    Raises ChannelError.
    """

    def __init__(
        self,
        role: int,
        listener: Listener,
        addresses: Sequence[tuple[str, int]],
        session: bytes,
        timeout: float,
        credentials: Credentials | None = None,
        link: tuple[float, float] | None = None,
        without_p0: bool = False,
    ) -> None: ...
    def mask(self, id: int, shape: Sequence[int], width: int) -> bytes | None:
        """Starts a value; returns this party's mask of it, packed. None at P0, whose part is then done."""
    def set_masked(self, id: int, shape: Sequence[int], width: int, m: bytes) -> None:
        """Completes a value at P1 and P2, once. Raises ValueError the second time."""
    def get(self, id: int) -> Share:
        """A complete value, to be put into other sessions of this party. Raises ValueError if there is none."""
    def put(self, id: int, share: Share) -> None:
        """Stores a value that this party has its components of. Ids increase."""
    def drop(self, id: int) -> None:
        """Forgets a value."""
    def abort(self, reason: str) -> None:
        """Ends the session: whoever waits for it, here or at the other parties, gets ChannelError with this reason."""
    def agree(self, program: Program) -> None:
        """Checks with the other parties that all hold the same program. Raises ProgramError."""
    def agree_on(self, what: str, digest: bytes) -> None:
        """The same of anything else. Raises ProgramError; `what` it is stands in it."""
    def run(
        self,
        program: Program,
        inputs: Sequence[int | _Ints],
        offline_first: bool,
        keep: Mapping[int, int] = ...,
        context: str = ...,
    ) -> tuple[list[bytes], dict[str, Any]]:
        """Runs a program; returns this party's part of the outputs (none at P0) and what it sent.

        Args:
            keep: the outputs that stay shared, by position, each with the id of the value that it becomes.
            context: what else the parties have to have alike.

        Raises RunError, or RangeViolation at P1 and P2.
        """
    def deal(self, program: Program, inputs: Sequence[int | _Ints | Argument], context: str) -> tuple[bytes, bytes]:
        """Makes P0's part of a future run, of which this party has to keep a key and, at P2, a stream: secrets of its.

        Raises ProgramError, ChannelError, RunError, or ValueError for a value that is not here.
        """
    def prepare(self, number: int, key: bytes, stream: bytes) -> None:
        """Without P0: values started from here on are the arguments, in their order, of a run dealt before, the next.

        To prepare the same twice tells P1 or P2 the difference of two inputs: burn it before. `number` is the same at
        both, and larger than all before. Raises ValueError.
        """
    def probe(self) -> dict[int, tuple[float, float]]:
        """Seconds to a party of a higher number and back, and bits a second; all parties call it together."""
    def tell(self, message: bytes) -> None:
        """Sends P2 something, as P1."""
    def told(self) -> bytes:
        """What P1 tells, at P2. Raises ChannelError."""

def mask_input(values: _Ints, width: int, l1: bytes, l2: bytes) -> bytes:
    """The caller's side of sharing: m = x + l1 + l2, packed."""

def reconstruct(from_p1: bytes, from_p2: bytes, shape: Sequence[int], width: int) -> _Ints:
    """The caller's side of revealing."""
