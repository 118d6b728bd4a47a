"""The three parties of a configuration file, in the form of SPU's examples.

    {"nodes": {"node:0": "127.0.0.1:61320", "node:1": "127.0.0.1:61321", "node:2": "127.0.0.1:61322"},
     "devices": {"SPU": {"kind": "SPU", "config": {
         "node_ids": ["node:0", "node:1", "node:2"],
         "spu_internal_addrs": ["127.0.0.1:61330", "127.0.0.1:61331", "127.0.0.1:61332"],
         "runtime_config": {"protocol": "DITTO"}}}}}

`nodes` are the addresses a caller connects to, `spu_internal_addrs` those the parties connect to among themselves.
`runtime_config` may hold `timeout_seconds` (`timeoutSeconds`) and `threads`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ditto.errors import DittoError

Address = tuple[str, int]


class ConfigError(DittoError, ValueError):
    """A configuration file is not what it must be; names the file and the field."""


@dataclass(frozen=True)
class Config:
    """Three parties: where callers and the other parties reach them, in the order P0, P1, P2."""

    nodes: tuple[Address, Address, Address]
    internal: tuple[Address, Address, Address]
    timeout: float
    threads: int | None


# The longest wait of a party for a message of another, in seconds.
TIMEOUT = 60.0


def read_config(path: str | Path) -> Config:
    """Reads a configuration file.

    Raises:
        ConfigError: the file is missing, no JSON, or lacks a field.
    """
    try:
        data = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return parse_config(data, str(path))


def parse_config(data: Any, name: str) -> Config:
    """The configuration in the parsed JSON text of the file `name`; raises as `read_config`."""
    device = _field(_field(data, "devices", name), "SPU", f"{name}: devices")
    config = _field(device, "config", f"{name}: devices.SPU")
    where = f"{name}: devices.SPU.config"
    nodes = _field(data, "nodes", name)
    ids = _field(config, "node_ids", where)
    internal = _field(config, "spu_internal_addrs", where)
    for field, value in (("node_ids", ids), ("spu_internal_addrs", internal)):
        if not isinstance(value, list) or len(value) != 3:
            raise ConfigError(f"{where}.{field} must list three parties")
    runtime = {_snake_case(key): value for key, value in config.get("runtime_config", {}).items()}
    return Config(
        nodes=_three([_address(_field(nodes, id, f"{name}: nodes"), f"{name}: nodes[{id}]") for id in ids]),
        internal=_three([_address(text, f"{where}.spu_internal_addrs") for text in internal]),
        timeout=float(runtime.get("timeout_seconds", TIMEOUT)),
        threads=runtime.get("threads"),
    )


def _three(addresses: list[Address]) -> tuple[Address, Address, Address]:
    first, second, third = addresses
    return first, second, third


def _field(data: Any, key: str, where: str) -> Any:
    if not isinstance(data, dict) or key not in data:
        raise ConfigError(f"{where} has no field {key!r}")
    return data[key]


def _address(text: Any, where: str) -> Address:
    match = re.fullmatch(r"(.+):(\d{1,5})", text) if isinstance(text, str) else None
    if match is None or int(match[2]) > 65535:
        raise ConfigError(f"{where}: {text!r} is not of the form host:port")
    return match[1], int(match[2])


def _snake_case(key: str) -> str:
    return re.sub(r"([A-Z])", lambda letter: "_" + letter[1].lower(), key)
