"""A configuration to begin with: certificates for three nodes and two owners, and who may do what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ditto.parties.config import ConfigError, check_form, read_config
from ditto.parties.identity import Identity, host_name

MODEL_OWNER, DATA_OWNER = "model-owner", "data-owner"
_RIGHTS = {MODEL_OWNER: ["compute", "publish"], DATA_OWNER: ["call"]}
_FIRST_PORT = 61920


def make_configuration(
    folder: Path, hosts: Sequence[str] = ("127.0.0.1",) * 3, base: Mapping[str, Any] | None = None
) -> Path:
    """Writes 3pc.json, and a certificate and a key for everybody in it.

    Every key is for one machine: a node needs the configuration, all certificates and its own key.

    Args:
        hosts: of the three nodes; local ones get ports of their own.
        base: a configuration in SPU's form without certificates, which is kept as it is but for them. Its owners (PYU
            devices) take the places of the model's and the data's owner, and may do everything.

    Raises:
        ConfigError: there is a configuration already, or `base` is none.
    """
    path = folder / "3pc.json"
    if path.exists():
        raise ConfigError(f"{path} is there already; choose another folder, or remove it")
    data = dict(base) if base is not None else _new(hosts)
    check_form(data, "the configuration")
    ids = next(device["config"]["node_ids"] for device in data["devices"].values() if device["kind"] == "SPU")
    owners = [name for name, device in data["devices"].items() if device["kind"] == "PYU"]
    rights: dict[str, list[str]] = {name: ["compute", "publish", "call"] for name in owners} or _RIGHTS
    names = [*ids, *rights]
    for name in names:
        Identity.make(name).save(folder / "certificates" / host_name(name))
    certificates = {name: f"certificates/{host_name(name)}.pem" for name in names}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**data, "ditto": {"certificates": certificates, "rights": rights}}, indent=2) + "\n")
    read_config(path)
    return path


def _new(hosts: Sequence[str]) -> dict[str, Any]:
    ids = [f"node:{n}" for n in range(3)]
    # Where machines are apart, all of them may have the same ports.
    apart = len(set(hosts)) == len(hosts)
    ports = [_FIRST_PORT + (0 if apart else n) for n in range(3)]
    addresses = [
        [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in zip(hosts, shifted)]
        for shifted in (ports, [port + 10 for port in ports])
    ]
    spu = {"node_ids": ids, "spu_internal_addrs": addresses[1], "runtime_config": {"protocol": "DITTO"}}
    return {"nodes": dict(zip(ids, addresses[0])), "devices": {"SPU": {"kind": "SPU", "config": spu}}}
