"""Calls from stock: P0 has dealt and is gone."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

import spu_ditto
from ditto.cli import app
from ditto.parties import wire_pb2 as pb
from ditto.parties.client import Client, describe
from ditto.parties.config import read_config
from ditto.parties.identity import Identity
from ditto.parties.preprocess import preprocess
from ditto.parties.session import RemoteParties
from tests.e2e.nodes import kill, start_node, start_nodes, write_configuration

RNG = np.random.default_rng(4)
WEIGHTS = {"w": RNG.normal(size=(6, 3)).astype(np.float32), "b": RNG.normal(size=3).astype(np.float32)}
RIGHTS = {"hospital": ["compute", "publish"], "clinic": ["compute", "publish"], "bank": ["call"]}


def model(params: Any, x: Any, more: Any) -> Any:
    return {"scores": jax.nn.softmax(x @ params["w"] + params["b"]) * more, "size": jnp.sum(x * x, axis=1)}


class Nodes:
    """Three nodes, and what their owners do with them."""

    def __init__(self, folder: Path) -> None:
        self.path = write_configuration(folder, RIGHTS)
        self.config = read_config(self.path)
        self.running = start_nodes(self.path)
        self.publish()

    def identity(self, name: str) -> Identity:
        return Identity.load(self.path.parent / name)

    def publish(self) -> None:
        arguments = [(np.zeros((n, 6), np.float32), np.zeros((n, 1), np.float32)) for n in (1, 4)]
        secure = spu_ditto.compile(model)
        programs = [secure.lower(WEIGHTS, *of_one).compile() for of_one in arguments]
        with spu_ditto.connect(self.path, identity=self.identity("hospital")) as parties:
            spu_ditto.publish(parties, "triage", programs, {"params": WEIGHTS})

    def deal(self, count: int) -> None:
        *_, (held, wanted) = preprocess(self.config, self.identity("hospital"), "triage", count)
        assert held == wanted == 2 * count

    def client(self) -> Client:
        return Client(self.path, self.identity("bank"))

    def kill(self, role: int) -> None:
        self.running[role].kill()

    def start(self, role: int) -> None:
        self.running[role] = start_node(self.path, role)

    def stock(self) -> list[list[int]]:
        found = [describe(self.config, role, self.identity("bank")).publications for role in (1, 2)]
        return [list(publications[0].stock) for publications in found]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory.mktemp("nodes"))
    try:
        yield nodes
    finally:
        kill(nodes.running)


def call(client: Client, rows: int = 4) -> Any:
    """Calls on fresh inputs, checks the answer, and gives the report."""
    x, more = RNG.normal(size=(rows, 6)).astype(np.float32), RNG.uniform(size=(rows, 1)).astype(np.float32)
    found, report = client.run("triage", {"x": x, "more": more})
    expected = model(WEIGHTS, x, more)
    for part in ("scores", "size"):
        np.testing.assert_allclose(found[part], expected[part], atol=2e-3)
    return report


def test_twenty_calls_without_p0(nodes: Nodes) -> None:
    with nodes.client() as client:
        streamed = call(client)
    nodes.deal(20)
    assert nodes.stock() == [[20, 20]] * 2
    nodes.kill(0)
    try:
        with nodes.client() as client:
            for n in range(20):
                report = call(client, rows=1 if n % 2 else 4)
                assert report.offline_bytes == 0
            whole = call(client)
            assert (whole.sent[1], whole.sent[2], whole.rounds) == (streamed.sent[1], streamed.sent[2], streamed.rounds)
            assert whole.input_bytes == streamed.input_bytes
        assert nodes.stock() == [[10, 9]] * 2
        # P1 and P2 may be started anew meanwhile.
        for role in (1, 2):
            nodes.kill(role)
            nodes.start(role)
        with nodes.client() as client:
            for _ in range(9):
                call(client)
            with pytest.raises(spu_ditto.RuntimeFailure, match="P0 at .* is lost"):
                call(client)
            call(client, rows=1)
    finally:
        nodes.start(0)
    assert nodes.stock() == [[9, 0]] * 2
    with nodes.client() as client:
        # Out of stock, P0 streams.
        assert call(client).offline_bytes > 0
        assert call(client, rows=1).offline_bytes == 0


def test_callers_at_once_never_share_a_run(nodes: Nodes) -> None:
    nodes.deal(12)

    def calls(_: int) -> int:
        with nodes.client() as client:
            return sum(call(client).offline_bytes == 0 for _ in range(5))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(calls, range(4))) == 12
    assert [at[1] for at in nodes.stock()] == [0, 0]


def test_what_one_party_lacks_is_burnt_and_the_next_taken(nodes: Nodes) -> None:
    nodes.deal(2)
    before = nodes.stock()[0][0]
    with nodes.client() as client:
        session = client._session(with_p0=False)
        take = pb.Take(program=session.use("triage").first_program, first_value=1000)
        # A caller who talks to P1 alone, and leaves.
        session.parties._nodes[1].send(pb.Request(take=take, number=session.parties._requests + 1), [])
        session.parties._arrived.get(timeout=20)
    assert [at[0] for at in nodes.stock()] == [before - 1, before]
    with nodes.client() as client:
        for _ in range(before - 1):
            assert call(client, rows=1).offline_bytes == 0
        assert call(client, rows=1).offline_bytes > 0
    assert [at[0] for at in nodes.stock()] == [0, 1]
    # P2 forgets what P1 does not have.
    nodes.deal(1)
    assert [at[0] for at in nodes.stock()] == [1, 1]


def test_a_run_from_stock_is_on_its_own_arguments(nodes: Nodes) -> None:
    """Others would have other masks than P0 has dealt for, and the result be no program's."""
    nodes.deal(3)
    for wrong in ("an earlier argument", "another program", "again", "a value that was not dealt"):
        with nodes.client() as client:
            session = client._session(with_p0=False)
            used = session.use("triage")
            program = used.told.programs[0]
            types = list(program.places().values())
            arrays = [(np.zeros(type.shape, np.int64), type) for type in types]
            kinds = [(list(o.type.shape), o.type.width) for o in program.outputs]
            index = used.first_program

            def inputs(values: Any, used: Any = used, program: Any = program) -> list[Any]:
                by_place = dict(zip(program.places(), values, strict=True))
                return [by_place[i.argument] if i.value is None else used.values[i.value] for i in program.inputs]

            mine = session.parties.take(index, arrays)
            assert mine is not None
            if wrong == "an earlier argument":
                session.parties.run_used(index, inputs(mine), kinds)
                second = session.parties.take(index, arrays)
                assert second is not None
                mine = [mine[0], *second[1:]]
            elif wrong == "again":
                session.parties.run_used(index, inputs(mine), kinds)
            match = "whose masks are in stock|what was taken from stock"
            if wrong == "a value that was not dealt":
                match = "without P0, and nothing else"
                with pytest.raises(spu_ditto.RuntimeFailure, match=match):
                    session.parties.put_many(arrays)  # type: ignore[arg-type]
                continue
            with pytest.raises(spu_ditto.RuntimeFailure, match=match):
                session.parties.run_used(index + (wrong == "another program"), inputs(mine), kinds)
        nodes.deal(3)


def test_who_may_deal(nodes: Nodes) -> None:
    for name in ("bank", "clinic"):
        with pytest.raises(spu_ditto.RuntimeFailure, match="deals for programs that bank has published|no publication"):
            list(preprocess(nodes.config, nodes.identity(name), "triage", 50))


def test_without_p0_nothing_is_published_or_computed(nodes: Nodes) -> None:
    commands: dict[str, tuple[pb.Request, list[bytes]]] = {
        "publish": (pb.Request(publish=pb.Publish(text="{}")), [b"{}"]),
        "withdraw": (pb.Request(withdraw=pb.Withdraw(name="triage")), []),
        "load": (pb.Request(load=pb.Load(program=1000)), [b"{}"]),
        "deal": (pb.Request(deal=pb.Deal(program=0)), []),
    }
    for command, buffers in commands.values():
        parties = RemoteParties(nodes.config, nodes.identity("hospital"), without_p0=True)
        with closing(parties), pytest.raises(spu_ditto.RuntimeFailure, match="without P0, and nothing else"):
            parties._call(functools.partial(parties._all, command, buffers))


def test_stock_is_of_one_version(nodes: Nodes) -> None:
    nodes.deal(2)
    with nodes.client() as client:
        assert call(client).offline_bytes == 0
        nodes.publish()
        assert nodes.stock() == [[0, 0]] * 2
        assert call(client).offline_bytes > 0


def test_the_command_deals_and_status_tells(nodes: Nodes) -> None:
    options = ["--config", str(nodes.path), "--identity", str(nodes.path.parent / "hospital")]
    dealt = CliRunner().invoke(app, ["preprocess", "triage", "-n", "2", *options])
    assert dealt.exit_code == 0 and "4 runs of triage are in stock" in dealt.output, dealt.output
    told = CliRunner().invoke(app, ["status", *options]).output
    assert told.count("4 runs in stock") == 2, told
    missing = CliRunner().invoke(app, ["preprocess", "nothing", "-n", "2", *options])
    assert missing.exit_code == 1 and "no publication 'nothing'" in missing.output
