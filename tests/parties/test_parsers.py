"""What comes from the network or a file is read whole and checked, or refused with one of our errors; nothing else."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ditto.parties
from ditto import _core
from ditto.errors import DittoError
from ditto.parties import wire
from ditto.parties import wire_pb2 as pb
from ditto.parties.commands import Party, Session
from ditto.parties.config import check_form, read_config
from ditto.parties.publication import PublicationError, Store, described, integers
from ditto.parties.quota import Quota
from ditto.parties.stock import Stock
from tests.e2e.nodes import CALLER, configuration, write_configuration

FOLDER = Path(ditto.parties.__file__).parent


def test_the_generated_code_is_that_of_the_proto(tmp_path: Path) -> None:
    root = FOLDER.parents[1]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", f"--python_out={tmp_path}"]
    subprocess.run([*command, str(root / "ditto/parties/wire.proto")], check=True)
    assert (tmp_path / "ditto/parties/wire_pb2.py").read_text() == (FOLDER / "wire_pb2.py").read_text()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a JSON value."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.deepcopy(data)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_configurations(data: st.DataObject) -> None:
    whole = configuration([1, 2, 3, 4, 5, 6])
    mutated = replaced(whole, data.draw(st.sampled_from(places(whole))), data.draw(JSON))
    try:
        check_form(mutated, "3pc.json")
    except DittoError as error:
        assert str(error).startswith("3pc.json: ")


PROGRAM = {
    "constants": [[2]],
    "inputs": [{"argument": 0, "type": {"kind": "fxp", "shape": [4], "width": 32, "fraction": 8}}],
    "outputs": [{"output": 0, "type": {"kind": "fxp", "shape": [4], "width": 32, "fraction": 8}}],
    "arguments": [{"name": "x", "shape": [4], "dtype": "float32"}],
    "results": [{"name": "", "shape": [4], "dtype": "float32"}],
}
PUBLICATION = {"name": "tiny", "callers": ["bank"], "values": [], "programs": [PROGRAM], "files": [], "labels": None}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_publications(data: st.DataObject) -> None:
    mutated = replaced(PUBLICATION, data.draw(st.sampled_from(places(PUBLICATION))), data.draw(JSON))
    try:
        described(json.dumps(mutated))
    except PublicationError as error:
        assert "publication" in str(error)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from(["request", "reply"]))
def test_messages(parts: list[bytes], kind: str) -> None:
    messages = []
    for part in parts:
        try:
            messages.append(pb.Message.FromString(part))
        except DecodeError:
            messages.append(pb.Message(piece=part))
    try:
        for _, buffers in wire.received(messages, kind):
            assert sum(map(len, buffers)) <= sum(map(len, parts))
    except wire.MalformedMessage:
        pass


def test_what_announces_too_much_is_refused_before_it_comes() -> None:
    for sizes in ([1 << 40], [1 << 33, 1], [1] * 70_000):
        with pytest.raises(wire.MalformedMessage, match="announces"):
            list(wire.received([pb.Message(request=pb.Request(load=pb.Load(), buffers=sizes))], "request"))


def test_only_full_pieces_are_taken() -> None:
    request = pb.Message(request=pb.Request(load=pb.Load(), buffers=[4]))
    assert [b for _, b in wire.received([request, pb.Message(piece=b"four")], "request")] == [[b"four"]]
    for pieces in ([b"fo", b"ur"], [b""], [b"fours"], []):
        with pytest.raises(wire.MalformedMessage, match="a buffer of 4 bytes has a piece"):
            list(wire.received([request, *(pb.Message(piece=piece) for piece in pieces)], "request"))
    with pytest.raises(wire.MalformedMessage, match="the request listen has no buffers"):
        list(wire.received([pb.Message(request=pb.Request(listen=pb.Listen(), buffers=[4]))], "request"))


def test_numbers_are_as_many_as_their_shape_says() -> None:
    assert integers(bytes(32), [2, 2]).tolist() == [[0, 0], [0, 0]]
    for shape in ([5], [-1], [2, -1], [-2, -2], [2**62, 4]):
        with pytest.raises(ValueError):
            integers(bytes(32), shape)


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> Party:
    config = read_config(
        write_configuration(tmp_path_factory.mktemp("party"), {CALLER: ["compute", "publish", "call"]})
    )
    return Party(1, config, _core.Listener("127.0.0.1", 0), None, Store(None, None), Stock(None, None), Quota(None))


INTEGERS = st.integers(0, 5) | st.integers(0, 2**63)
ARRAYS = st.builds(
    pb.Array, id=INTEGERS, shape=st.lists(st.integers(-2, 2**62), max_size=4), width=st.integers(0, 2**31)
)
REQUESTS = st.one_of(
    st.builds(lambda v: pb.Request(mask=pb.Mask(values=v)), st.lists(ARRAYS, max_size=3)),
    st.builds(lambda v: pb.Request(masked=pb.Masked(values=v)), st.lists(ARRAYS, max_size=3)),
    st.builds(lambda p, v: pb.Request(run=pb.Run(program=p, keep=[pb.Kept(id=v)])), INTEGERS, INTEGERS),
    st.builds(
        lambda p, s: pb.Request(load=pb.Load(program=p, shapes=[pb.Shape(extents=s)])),
        INTEGERS,
        st.lists(st.integers(-5, 2**62)),
    ),
    st.builds(lambda t, v: pb.Request(publish=pb.Publish(text=t, values=v)), st.text(), st.lists(INTEGERS)),
    st.builds(lambda n, v: pb.Request(use=pb.Use(name=n, first_value=v)), st.text(), INTEGERS),
    st.builds(lambda n: pb.Request(withdraw=pb.Withdraw(name=n)), st.text()),
    st.builds(lambda a: pb.Request(open=pb.Open(session=a, agreement=a, ports=[1])), st.binary()),
    st.builds(lambda d: pb.Request(listen=pb.Listen(), drop=d, forget=d), st.lists(INTEGERS, max_size=3)),
    st.builds(pb.Request),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(st.tuples(REQUESTS, st.lists(st.binary(max_size=40), max_size=3)), max_size=6))
def test_requests_without_a_session(party: Party, requests: list[tuple[pb.Request, list[bytes]]]) -> None:
    """Every one is answered, and refused in words unless it asks for nothing."""
    session = Session(party, CALLER)
    for number, (request, buffers) in enumerate(requests, 1):
        request.number = number
        reply, results = session.handle(request, buffers)
        assert reply.number == number and not list(results)
        assert reply.error or request.WhichOneof("command") in ("listen", "mask", "masked")
    session.close()
