"""Models that an owner has given a name: programs, weights as shares, and the files that go with them.

What callers are told is JSON (`Described`); a node besides has its shares of the weights. At rest all of it is
encrypted with the node's own key (AES-256-GCM), and is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ditto import _core
from ditto.encoding import ValueType
from ditto.errors import DittoError
from ditto.parties.accounting import ring_width
from ditto.parties.texts import TextTask

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FORMAT = b"ditto-publication-1\n"
_BLOCK = 1 << 22
_TAG, _NONCE = 16, 8


class PublicationError(DittoError):
    """A publication that there is not, or that is not what it must be."""


class _Strict(BaseModel):
    # Ends of results may be infinite.
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


class Input(_Strict):
    """An input of a program: a published value (by its place among all), an argument of the call, or known numbers."""

    value: int | None = None
    argument: int | None = None
    # Of known numbers: the place among the constants of the program.
    constant: int | None = None
    type: ValueType


class Output(_Strict):
    """A result: an output of the program."""

    output: int
    type: ValueType


class NamedArray(_Strict):
    """An argument or a result, as the caller sees it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Program(_Strict):
    """A program for one set of shapes.

    Attributes:
        constants: shapes of the engine's constants, then of the numbers that `Input.constant` names.
    """

    constants: tuple[tuple[int, ...], ...]
    numbers: tuple[tuple[int, ...], ...] = ()
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    arguments: tuple[NamedArray, ...]
    results: tuple[NamedArray, ...]

    def places(self) -> dict[int, ValueType]:
        """The arguments that are inputs of the program, and how each is shared, in the order of the inputs."""
        return {given.argument: given.type for given in self.inputs if given.argument is not None}


class Described(_Strict):
    """What everybody who may use a publication is told of it.

    Attributes:
        callers: who may, besides the owner; None for all with the right to call.
        most_calls, most_per_hour: how often each of them may, in all and within an hour; None: as often as they like.
        values: types of the published values, in their order.
        files: names of the files that go with it, such as a tokenizer's.
        task, labels: what a pipeline makes of results.
    """

    name: str = Field(pattern=f"^{NAME.pattern}$")
    callers: tuple[str, ...] | None = None
    most_calls: int | None = Field(None, ge=1)
    most_per_hour: int | None = Field(None, ge=1)
    values: tuple[ValueType, ...] = ()
    programs: tuple[Program, ...] = Field(min_length=1)
    files: tuple[str, ...] = ()
    task: TextTask | None = None
    labels: tuple[str, ...] | None = None


def described(text: str) -> Described:
    """Reads JSON. Raises PublicationError; names what is wrong."""
    try:
        return Described.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise PublicationError(
            f"the publication's {'.'.join(map(str, first['loc'])) or 'text'}: {first['msg']}"
        ) from error


@dataclass(frozen=True)
class Publication:
    """A publication at one node.

    Attributes:
        buffers: for every program its text, its constants and its numbers; then the files.
        shares: this node's, of the values.
        sharing: identifies the shares among the nodes: those of another time do not fit.
        loaded: the programs.
    """

    owner: str
    text: str
    told: Described
    buffers: tuple[bytes, ...]
    shares: tuple[_core.Share, ...]
    sharing: bytes
    loaded: tuple[_core.Program, ...]

    @functools.cached_property
    def digest(self) -> bytes:
        """SHA-256 of what all nodes have alike: everything but the shares themselves."""
        hashed = hashlib.sha256()
        for part in (self.owner.encode(), self.text.encode(), self.sharing, *self.buffers):
            hashed.update(hashlib.sha256(part).digest())
        return hashed.digest()

    @functools.cached_property
    def numbers(self) -> list[list[np.ndarray[Any, np.dtype[np.int64]]]]:
        """The known numbers that each of the programs takes."""
        parts = zip(self.told.programs, split_buffers(self.told, self.buffers), strict=True)
        return [
            [integers(data, shape) for data, shape in zip(numbers, program.numbers, strict=True)]
            for program, (_, _, numbers) in parts
        ]

    def for_callers(self) -> list[bytes]:
        """The buffers that callers are given: the programs' numbers, then the files."""
        numbers = [data for _, _, of_one in split_buffers(self.told, self.buffers) for data in of_one]
        return [*numbers, *self.buffers[len(self.buffers) - len(self.told.files) :]]

    def may_use(self, caller: str, rights: frozenset[str]) -> bool:
        """Whether somebody may call it."""
        if caller == self.owner:
            return bool(rights & {"publish", "call"})
        return "call" in rights and (self.told.callers is None or caller in self.told.callers)


def split_buffers(told: Described, buffers: Sequence[bytes]) -> list[tuple[bytes, list[bytes], list[bytes]]]:
    """For every program its text, constants and numbers.

    Raises:
        PublicationError: there are not as many buffers as are described.
    """
    wanted = sum(1 + len(p.constants) + len(p.numbers) for p in told.programs) + len(told.files)
    if len(buffers) != wanted:
        raise PublicationError(f"publication {told.name} has {len(buffers)} buffers instead of {wanted}")
    rest = iter(buffers)
    return [
        (next(rest), [next(rest) for _ in program.constants], [next(rest) for _ in program.numbers])
        for program in told.programs
    ]


class Store:
    """The publications of one node, in memory, and in a folder if there is one.

    Args:
        folder: one file each; made if it is not there.
        key: 32 bytes.
    """

    def __init__(self, folder: Path | None, key: bytes | None) -> None:
        self._folder = folder
        self._cipher = None if key is None else AESGCM(key)
        self._held: dict[str, Publication] = {}
        self._underway: set[str] = set()
        self._lock = threading.RLock()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Of a node that was killed while it wrote.
            for half in folder.glob("*.part"):
                half.unlink()

    def names(self) -> list[str]:
        """Of those in the folder, too."""
        stored = [] if self._folder is None else [path.stem for path in self._folder.glob("*.publication")]
        return sorted({*self._held, *stored})

    def get(self, name: str) -> Publication:
        """Raises PublicationError if there is none, or its file is damaged or of another key."""
        if name not in self._held:
            path = self._path(name)
            if path is None or not path.is_file():
                raise PublicationError(f"there is no publication {name!r}")
            self._held[name] = self._read(path, name)
        return self._held[name]

    @contextlib.contextmanager
    def putting(self, publication: Publication) -> Iterator[None]:
        """Keeps a publication, in the place of its owner's of this name, once the `with` block has come to its end.

        Raises:
            PublicationError: somebody else has published under this name, or does now.
            OSError: the disk is full.
        """
        name = publication.told.name
        path = self._path(name)
        with self._lock:
            if name in self._underway or (name in self.names() and self.get(name).owner != publication.owner):
                raise PublicationError(f"the name {name!r} belongs to another owner; choose another")
            self._underway.add(name)
        written = None
        try:
            written = None if path is None else self._written(path, publication)
            yield
            with self._lock:
                if path is not None and written is not None:
                    os.replace(written, path)
                    _sync(path.parent)
                self._held[name] = publication
        finally:
            self._underway.discard(name)
            if written is not None:
                written.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Forgets a publication."""
        with self._lock:
            self._held.pop(name, None)
            if (path := self._path(name)) is not None:
                path.unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------------ at rest

    def _path(self, name: str) -> Path | None:
        if not NAME.fullmatch(name):
            raise PublicationError(f"{name!r} is no name: letters, digits, and . _ - after the first")
        return None if self._folder is None else self._folder / f"{name}.publication"

    def _written(self, path: Path, publication: Publication) -> Path:
        """A file with the publication, to take the place of the one that may be there."""
        parts = [publication.owner.encode(), publication.text.encode(), publication.sharing, *publication.buffers]
        shares = [(share.shape, share.width, share.components()) for share in publication.shares]
        layout = {
            "buffers": len(parts),
            "shares": [[shape, width, [c is not None for c in components]] for shape, width, components in shares],
        }
        parts += [c for _, _, components in shares for c in components if c is not None]
        temporary = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(_FORMAT)
                self._seal(file, path.stem, [json.dumps(layout).encode(), *parts])
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary

    def _seal(self, file: BinaryIO, name: str, parts: Sequence[bytes]) -> None:
        """Writes parts, each as its length and encrypted blocks; no two blocks of a file have the same nonce."""
        assert self._cipher is not None
        prefix = secrets.token_bytes(_NONCE)
        file.write(prefix)
        counter = 0
        for part in parts:
            file.write(len(part).to_bytes(8, "little"))
            for start in range(0, max(len(part), 1), _BLOCK):
                place = f"{name}/{counter}/{len(part)}".encode()
                nonce = prefix + counter.to_bytes(4, "little")
                file.write(self._cipher.encrypt(nonce, part[start : start + _BLOCK], place))
                counter += 1
        file.write((0).to_bytes(8, "little"))
        file.write(self._cipher.encrypt(prefix + counter.to_bytes(4, "little"), b"", f"{name}/{counter}/end".encode()))

    def _read(self, path: Path, name: str) -> Publication:
        try:
            with path.open("rb") as file:
                if file.read(len(_FORMAT)) != _FORMAT:
                    raise ValueError("it has another format")
                first, *parts = self._opened(file, name, path.stat().st_size)
            layout = json.loads(first)
            count = layout["buffers"]
            owner, text, sharing, *buffers = parts[:count]
            rest = iter(parts[count:])
            shares = tuple(
                _core.Share(shape, width, [next(rest) if held else None for held in components])
                for shape, width, components in layout["shares"]
            )
            return made(owner.decode(), text.decode(), buffers, shares, sharing)
        except (OSError, ValueError, KeyError, StopIteration, InvalidTag, DittoError) as error:
            reason = "its key is another, or it is damaged" if isinstance(error, InvalidTag) else str(error)
            raise PublicationError(f"publication {name!r} cannot be read from {path}: {reason}") from error

    def _opened(self, file: BinaryIO, name: str, size: int) -> Iterator[bytes]:
        assert self._cipher is not None
        prefix = file.read(_NONCE)
        counter = 0
        while True:
            length = int.from_bytes(file.read(8), "little")
            if length > size:
                raise ValueError("it is damaged")
            blocks = []
            last = length == 0 and self._is_end(file, prefix, name, counter)
            if last:
                return
            for start in range(0, max(length, 1), _BLOCK):
                sealed = file.read(min(_BLOCK, length - start) + _TAG)
                nonce = prefix + counter.to_bytes(4, "little")
                blocks.append(self._cipher.decrypt(nonce, sealed, f"{name}/{counter}/{length}".encode()))
                counter += 1
            yield b"".join(blocks)

    def _is_end(self, file: BinaryIO, prefix: bytes, name: str, counter: int) -> bool:
        """Whether the end of the file is here, which is sealed too, so that nothing can be cut off."""
        assert self._cipher is not None
        place = file.tell()
        sealed = file.read()
        if len(sealed) == _TAG:
            self._cipher.decrypt(prefix + counter.to_bytes(4, "little"), sealed, f"{name}/{counter}/end".encode())
            return True
        file.seek(place)
        return False


def _sync(folder: Path) -> None:
    """Names in a folder are on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def made(owner: str, text: str, buffers: Sequence[bytes], shares: Sequence[_core.Share], sharing: bytes) -> Publication:
    """A publication of what was sent or stored.

    Raises:
        PublicationError: the parts do not fit each other.
        ProgramError: a program is none.
    """
    told = described(text)
    if len(shares) != len(told.values):
        raise PublicationError(f"publication {told.name} has {len(shares)} values instead of {len(told.values)}")
    for n, (share, type) in enumerate(zip(shares, told.values, strict=True)):
        if tuple(share.shape) != type.shape or share.width != ring_width(type):
            raise PublicationError(f"value {n} of publication {told.name} has another shape or ring than described")
    loaded = []
    for program, (engine, constants, _) in zip(told.programs, split_buffers(told, buffers), strict=True):
        arrays = [integers(data, shape) for data, shape in zip(constants, program.constants, strict=True)]
        loaded.append(_core.Program(engine.decode(), arrays))
        for given in program.inputs:
            if [given.value, given.argument, given.constant].count(None) != 2:
                raise PublicationError(f"an input of publication {told.name} is not one of value, argument, constant")
            if given.value is not None and not 0 <= given.value < len(told.values):
                raise PublicationError(f"publication {told.name} has no value {given.value}")
            if given.argument is not None and not 0 <= given.argument < len(program.arguments):
                raise PublicationError(f"a program of publication {told.name} has no argument {given.argument}")
            if given.constant is not None and not 0 <= given.constant < len(program.numbers):
                raise PublicationError(f"a program of publication {told.name} has no number {given.constant}")
    return Publication(owner, text, told, tuple(buffers), tuple(shares), sharing, tuple(loaded))


def integers(data: bytes, shape: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """int64 numbers as they travel. Raises ValueError if they are not as many as the shape says."""
    # NumPy would fill in a size of -1.
    if min(shape, default=0) < 0:
        raise ValueError(f"{list(shape)} is no shape")
    return np.frombuffer(data, "<i8").astype(np.int64).reshape(tuple(shape))
