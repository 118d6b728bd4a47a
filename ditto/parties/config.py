"""The three parties of a configuration file, in the form of SPU's examples, and who may do what with them.

    {"nodes": {"node:0": "127.0.0.1:61320", "node:1": "127.0.0.1:61321", "node:2": "127.0.0.1:61322"},
     "devices": {
         "SPU": {"kind": "SPU", "config": {
             "node_ids": ["node:0", "node:1", "node:2"],
             "spu_internal_addrs": ["127.0.0.1:61330", "127.0.0.1:61331", "127.0.0.1:61332"],
             "runtime_config": {"protocol": "DITTO", "timeout_seconds": 60}}},
         "alice": {"kind": "PYU", "config": {"node_id": "node:0"}}},
     "ditto": {
         "certificates": {"node:0": "node-0.pem", "node:1": "node-1.pem", "node:2": "node-2.pem",
                          "hospital": "hospital.pem", "bank": "bank.pem"},
         "rights": {"hospital": ["compute", "publish"], "bank": ["call"]}}}

`nodes` are the addresses that callers connect to, `spu_internal_addrs` those that the parties connect to among
themselves. Certificates are files beside this one, as PEM. `bind` in "ditto" tells where a node listens if that is not
its address: {"node:0": {"callers": "0.0.0.0:61320", "parties": "0.0.0.0:61330"}}.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives import serialization
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ditto.errors import DittoError
from ditto.parties.identity import IdentityError, fingerprint, names_of, parsed, read_text

# Host and port.
Address = tuple[str, int]
# To run programs of one's own on data of one's own; to give programs and weights a name; to use what has one.
Right = Literal["compute", "publish", "call"]

# The longest wait of a party for a message of another, in seconds.
TIMEOUT = 60.0


class ConfigError(DittoError, ValueError):
    """A configuration file is not what it must be; names the file and the field."""


def _address(text: Any) -> Address:
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+)):(\d{1,5})", text) if isinstance(text, str) else None
    if match is None or int(match[3]) > 65535:
        raise ValueError(f"{text!r} is not of the form host:port, or [address]:port for IPv6")
    return match[1] or match[2], int(match[3])


def _protocol(name: Any) -> Any:
    if name not in ("DITTO", "ABY3", "REF2K", "SEMI2K", "CHEETAH"):
        raise ValueError(f"{name!r} is no protocol")
    if name not in ("DITTO", "ABY3"):
        raise ValueError(
            f'{name} is not for three parties with an honest majority: write "DITTO" (or "ABY3", its like)'
        )
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Runtime(_Strict):
    """SPU's settings. What decides how SPU computes, and not how this project does, is named and has no effect."""

    protocol: Annotated[str, BeforeValidator(_protocol)] = "DITTO"
    field: Literal["FM32", "FM64", "FM128"] = "FM64"
    fxp_fraction_bits: int | None = Field(None, ge=0, le=60)
    enable_pphlo_profile: bool = False
    enable_hal_profile: bool = False
    timeout_seconds: float = Field(
        TIMEOUT, gt=0, le=86400, validation_alias=AliasChoices("timeout_seconds", "timeoutSeconds"), strict=False
    )
    threads: int | None = Field(None, ge=1, le=1024)


class _SpuConfig(_Strict):
    node_ids: list[str] = Field(min_length=3, max_length=3)
    spu_internal_addrs: list[Annotated[Address, BeforeValidator(_address)]] = Field(min_length=3, max_length=3)
    runtime_config: _Runtime = _Runtime()
    experimental_data_folder: list[str] | None = None


class _Spu(_Strict):
    kind: Literal["SPU"]
    config: _SpuConfig


class _PyuConfig(_Strict):
    node_id: str


class _Pyu(_Strict):
    kind: Literal["PYU"]
    config: _PyuConfig


class _Bind(_Strict):
    callers: Annotated[Address, BeforeValidator(_address)] | None = None
    parties: Annotated[Address, BeforeValidator(_address)] | None = None


class _Ditto(_Strict):
    certificates: dict[str, str]
    rights: dict[str, list[Right]] = {}
    bind: dict[str, _Bind] = {}


class _File(_Strict):
    id: str | None = None
    nodes: dict[str, Annotated[Address, BeforeValidator(_address)]]
    devices: dict[str, Annotated[_Spu | _Pyu, Field(discriminator="kind")]]
    ditto: _Ditto | None = None


@dataclass(frozen=True)
class Config:
    """Three parties and their callers.

    Attributes:
        names: of P0, P1, P2.
        nodes: where callers reach them, in that order.
        internal: where the parties reach each other.
        bind: where each listens for callers and for parties.
        certificates: of parties and owners, PEM by name.
        rights: of owners, by name.
    """

    names: tuple[str, str, str]
    nodes: tuple[Address, Address, Address]
    internal: tuple[Address, Address, Address]
    bind: tuple[tuple[Address, Address], ...]
    timeout: float
    threads: int | None
    certificates: Mapping[str, str]
    rights: Mapping[str, frozenset[str]]

    def agreement(self) -> bytes:
        """SHA-256 of what all nodes, and their callers, have to have alike: who the parties are and where."""
        # Where a port is free to choose, it is told when a session begins.
        parties = [
            (name, self.internal[n], fingerprint(self.certificates[name]).hex()) for n, name in enumerate(self.names)
        ]
        return hashlib.sha256(json.dumps(parties).encode()).digest()

    def name_of(self, certificate: str | bytes) -> str | None:
        """Whose certificate this is."""
        return self._fingerprints.get(fingerprint(certificate))

    @functools.cached_property
    def _fingerprints(self) -> dict[bytes, str]:
        return {fingerprint(certificate): name for name, certificate in self.certificates.items()}


def read_config(path: str | Path) -> Config:
    """Reads a configuration file.

    Raises:
        ConfigError: the file is missing, no JSON, or not what it must be; names the path in it.
        IdentityError: a certificate cannot be read.
    """
    try:
        data = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return parse_config(data, str(path), Path(path).parent)


def check_form(data: Any, name: str) -> None:
    """Raises ConfigError unless this is a configuration, with or without certificates."""
    _parsed(data, name)


def parse_config(data: Any, name: str, folder: Path = Path()) -> Config:
    """The configuration in the parsed JSON text of the file `name`; raises as `read_config`.

    Args:
        folder: where the files of the certificates are.
    """
    file, spu = _parsed(data, name)
    if file.ditto is None:
        raise ConfigError(
            f'{name} names no certificates ("ditto"), by which parties and callers know each other: make some with '
            "`spu-ditto init`"
        )
    ids = spu.node_ids
    certificates = {who: _certificate(folder / path, who) for who, path in file.ditto.certificates.items()}
    for where, needed in (("nodes", file.nodes), ("ditto.certificates", certificates)):
        if missing := [id for id in ids if id not in needed]:
            raise ConfigError(f"{name}: {where} lacks {', '.join(missing)}")
    known: dict[bytes, str] = {}
    for who, text in certificates.items():
        other = known.setdefault(fingerprint(text), who)
        if other != who:
            raise ConfigError(f"{name}: ditto.certificates: {other} and {who} have the same certificate")
    for where, table in (("rights", file.ditto.rights), ("bind", file.ditto.bind)):
        if unknown := [who for who in table if who not in certificates]:
            raise ConfigError(f"{name}: ditto.{where} names {', '.join(unknown)}, who have no certificate")
    if parties := [who for who in file.ditto.rights if who in ids]:
        raise ConfigError(
            f"{name}: ditto.rights: {', '.join(parties)} are parties; give owners certificates of their own"
        )
    nodes = [file.nodes[id] for id in ids]
    binds = [file.ditto.bind.get(id, _Bind()) for id in ids]
    pairs = zip(binds, nodes, spu.spu_internal_addrs, strict=True)
    return Config(
        names=_three(ids),
        nodes=_three(nodes),
        internal=_three(spu.spu_internal_addrs),
        bind=tuple((bind.callers or node, bind.parties or internal) for bind, node, internal in pairs),
        timeout=spu.runtime_config.timeout_seconds,
        threads=spu.runtime_config.threads,
        certificates=certificates,
        rights={who: frozenset(rights) for who, rights in file.ditto.rights.items()},
    )


def _parsed(data: Any, name: str) -> tuple[_File, _SpuConfig]:
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(f"{name}: {_told(one)}" for one in error.errors())) from error
    devices = [device.config for device in file.devices.values() if isinstance(device, _Spu)]
    if len(devices) != 1:
        raise ConfigError(f"{name}: devices has {len(devices)} of the kind SPU instead of one")
    [spu] = devices
    if len(set(spu.node_ids)) < 3:
        raise ConfigError(f"{name}: node_ids {spu.node_ids} names a party twice")
    for where, addresses in (("nodes", list(file.nodes.values())), ("spu_internal_addrs", spu.spu_internal_addrs)):
        fixed = [address for address in addresses if address[1]]
        if twice := [address for n, address in enumerate(fixed) if address in fixed[:n]]:
            raise ConfigError(f"{name}: {where} has {twice[0][0]}:{twice[0][1]} twice")
    if both := [address for address in spu.spu_internal_addrs if address[1] and address in file.nodes.values()]:
        raise ConfigError(f"{name}: {both[0][0]}:{both[0][1]} is in nodes and in spu_internal_addrs")
    return file, spu


def _told(error: Any) -> str:
    """An error of the validation, with the path in the file."""
    # The kind of a device is a step of the validation, not one in the file.
    path = ".".join(str(part) for n, part in enumerate(error["loc"]) if (n, error["loc"][0]) != (2, "devices"))
    if error["type"] == "extra_forbidden":
        return f"{path} is no setting; remove it, or mend its name"
    if error["type"] == "missing":
        return f"{path} is missing"
    return f"{path}: {error['msg'].removeprefix('Value error, ')}"


def _certificate(path: Path, who: str) -> str:
    text = read_text(path)
    if not names_of(text, str(path)):
        raise IdentityError(f"{path}: the certificate of {who} has no name (a DNS name among its subject's others)")
    # One certificate, ended by a newline, whatever else is in the file.
    return parsed(text, str(path)).public_bytes(serialization.Encoding.PEM).decode()


def _three(items: list[Any]) -> tuple[Any, Any, Any]:
    first, second, third = items
    return first, second, third


def is_loopback(address: Address) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] == "localhost"


def shown(address: Address) -> str:
    """An address as text."""
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
