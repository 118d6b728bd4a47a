"""Parties started by hand, found through a configuration file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spu_ditto
from ditto.parties import wire_pb2 as pb
from ditto.parties.config import ConfigError, parse_config
from ditto.parties.identity import Identity, IdentityError
from ditto.parties.simulator import Simulator
from tests.e2e.nodes import CALLER, configuration, connected, running_nodes, write_configuration
from tests.e2e.programs import Builder, fxp, value_type


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    with running_nodes(tmp_path) as config:
        yield config


def test_callers_one_after_the_other(running: Path) -> None:
    b = Builder()
    x = b.input(fxp(32, 8, [4]))
    program = b.program(b.op("square", [x], fxp(24, 8, [4]), shift=8))
    for _ in range(2):
        with connected(running) as parties:
            share = parties.put(np.array([0, 256, -512, 768]), value_type(b.values[0]))
            [result], _ = parties.run(program, [share])
            np.testing.assert_allclose(result, [0, 256, 1024, 2304], atol=1)
    with pytest.raises(spu_ditto.RuntimeFailure, match="closed"):
        parties.run(program, [share])


def test_every_session_has_its_own_keys(running: Path) -> None:
    masks = set()
    for _ in range(3):
        with connected(running) as parties:
            mask = pb.Request(mask=pb.Mask(values=[pb.Array(id=0, shape=[4], width=32)]))
            _, (_, [l1]), (_, [l2]) = parties._call(lambda: parties._all(mask))  # noqa: B023
            masks |= {l1, l2}
    assert len(masks) == 6


def test_a_value_belongs_to_its_session(running: Path) -> None:
    b = Builder()
    x = b.input(fxp(32, 8, [4]))
    program = b.program(b.op("neg", [x], fxp(32, 8, [4])))
    type = value_type(b.values[0])
    with connected(running) as first:
        old = first.put(np.arange(4), type)
    with connected(running) as second:
        own = second.put(np.arange(4, 8), type)
        for foreign in (old, Simulator().put(np.arange(4), type)):
            with pytest.raises(spu_ditto.RuntimeFailure, match="input 0 is a value of another session"):
                second.run(program, [foreign])
        assert second.run(program, [own])[0][0].tolist() == [-4, -5, -6, -7]


def test_who_is_not_known_is_not_served(running: Path) -> None:
    # Of the name of a known one, too.
    for name in ("stranger", CALLER):
        with pytest.raises(spu_ditto.RuntimeFailure, match=r"P\d at 127.0.0.1:.* is lost"):
            with spu_ditto.connect(running, identity=Identity.make(name)):
                pass
    # A node's own certificate is known, and gives no right.
    with pytest.raises(spu_ditto.RuntimeFailure, match="turns this caller away: node:1 has no rights"):
        with spu_ditto.connect(running, identity=running.parent / "node-1"):
            pass
    with connected(running) as parties:
        assert parties.put(np.arange(4), value_type(fxp(32, 8, [4]))).input_bytes > 0


def test_nodes_are_who_their_certificates_say(running: Path, tmp_path: Path) -> None:
    other = write_configuration(tmp_path / "other")
    data, wrong = json.loads(running.read_text()), tmp_path / "wrong.json"
    data["ditto"]["certificates"]["node:0"] = str(other.parent / "node-0.pem")
    wrong.write_text(json.dumps(data))
    with pytest.raises(spu_ditto.RuntimeFailure, match=r"P0 at .* is lost"):
        with spu_ditto.connect(wrong, identity=running.parent / CALLER):
            pass


def test_configurations_have_to_name_the_same_parties(running: Path, tmp_path: Path) -> None:
    data, other = json.loads(running.read_text()), running.parent / "other.json"
    addresses = data["devices"]["SPU"]["config"]["spu_internal_addrs"]
    addresses[1] = "127.0.0.1:1"
    other.write_text(json.dumps(data))
    with pytest.raises(spu_ditto.RuntimeFailure, match="has another configuration than the caller"):
        with spu_ditto.connect(other, identity=running.parent / CALLER):
            pass


def test_an_identity_is_needed(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DITTO_IDENTITY", raising=False)
    with pytest.raises(IdentityError, match="set DITTO_IDENTITY"), spu_ditto.connect(running):
        pass
    monkeypatch.setenv("DITTO_IDENTITY", str(running.parent / "nobody"))
    with pytest.raises(IdentityError, match="nobody.pem cannot be read"), spu_ditto.connect(running):
        pass
    monkeypatch.setenv("DITTO_IDENTITY", str(running.parent / CALLER))
    with spu_ditto.connect(running):
        pass
    (running.parent / "caller.key").write_text((running.parent / "node-0.key").read_text())
    with pytest.raises(IdentityError, match="is not the key of the certificate"), spu_ditto.connect(running):
        pass


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("nodes", "node:1"), "localhost", "nodes.node:1: 'localhost' is not of the form host:port"),
        (("nodes", "node:1"), "localhost:99999", "not of the form host:port"),
        (("nodes", "node:1"), "::1:80", "[address]:port for IPv6"),
        (("nodes", "node:1"), "127.0.0.1:1", "nodes has 127.0.0.1:1 twice"),
        (("devices", "SPU", "config", "spu_internal_addrs"), ["a:1", "b:2", "127.0.0.1:1"], "in nodes and in spu_inte"),
        (("devices",), {}, "devices has 0 of the kind SPU instead of one"),
        (("devices", "SPU", "kind"), "GPU", "devices.SPU"),
        (
            ("devices", "SPU", "config", "node_ids"),
            ["node:0"],
            "devices.SPU.config.node_ids: List should",
        ),
        (("devices", "SPU", "config", "node_ids"), ["node:0", "node:1", "x"], "nodes lacks x"),
        (("devices", "SPU", "config", "node_ids"), ["node:0", "node:1", "node:1"], "names a party twice"),
        (("devices", "SPU", "config", "runtime_config"), None, "devices.SPU.config.runtime_config"),
        (("devices", "SPU", "config", "runtime_config"), {"protocol": "CHEETAH"}, "not for three parties"),
        (("devices", "SPU", "config", "runtime_config"), {"protcol": "ABY3"}, "runtime_config.protcol is no setting"),
        (
            ("devices", "SPU", "config", "runtime_config"),
            {"timeout_seconds": "abc"},
            "timeout_seconds: Input should",
        ),
        (("devices", "SPU", "config", "runtime_config"), {"timeout_seconds": 0}, "greater than 0"),
        (("devices", "SPU", "config", "runtime_config"), {"timeout_seconds": float("inf")}, "less than or equal to"),
        (("devices", "SPU", "config", "runtime_config"), {"threads": 1.5}, "threads: Input should be a valid integer"),
        (("ditto",), None, "names no certificates"),
        (("ditto", "certificates", "node:2"), "node-1.pem", "node:1 and node:2 have the same certificate"),
        (("ditto", "rights"), {"nobody": ["call"]}, "ditto.rights names nobody, who have no certificate"),
        (("ditto", "rights"), {"node:1": ["call"]}, "node:1 are parties"),
        (
            ("ditto", "rights"),
            {"caller": ["own"]},
            "ditto.rights.caller.0: Input should be",
        ),
    ],
)
def test_a_wrong_configuration_is_named(path: tuple[str, ...], value: Any, message: str, certificates: Path) -> None:
    data = configuration([1, 2, 3, 4, 5, 6])
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse_config(data, "3pc.json", certificates)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_configuration(tmp_path_factory.mktemp("certificates")).parent
