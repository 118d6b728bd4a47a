"""Two owners who do not trust each other, and three nodes: models under names, called by others than their owners."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spu_ditto
from ditto.parties import wire_pb2 as pb
from ditto.parties.client import Client
from ditto.parties.identity import Identity
from ditto.parties.publication import (
    Described,
    Input,
    NamedArray,
    Output,
    Program,
    Publication,
    PublicationError,
    Store,
    made,
)
from ditto.parties.session import Exchange, RemoteParties
from tests.e2e.nodes import kill, start_nodes, write_configuration

RNG = np.random.default_rng(2)
WEIGHTS = {"w": RNG.normal(size=(6, 3)).astype(np.float32), "b": RNG.normal(size=3).astype(np.float32)}
RIGHTS = {"hospital": ["compute", "publish"], "clinic": ["compute", "publish"], "bank": ["call"], "shop": ["call"]}


def model(params: Any, x: Any) -> Any:
    return {"scores": jax.nn.softmax(x @ params["w"] + params["b"]), "size": jnp.sum(x * x, axis=1)}


class Nodes:
    """Three nodes that can be started anew."""

    def __init__(self, folder: Path) -> None:
        self.config = write_configuration(folder, RIGHTS)
        self.start()

    def start(self) -> None:
        self.running = start_nodes(self.config)

    def stop(self) -> None:
        kill(self.running)

    def session(self, name: str) -> contextlib.AbstractContextManager[RemoteParties]:
        return spu_ditto.connect(self.config, identity=self.config.parent / name)

    def client(self, name: str) -> Client:
        return Client(self.config, self.config.parent / name)

    def log(self, role: int) -> str:
        return (self.config.parent / f"node-{role}.log").read_text()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory.mktemp("nodes"))
    try:
        with nodes.session("hospital") as parties:
            secure = spu_ditto.compile(model)
            programs = [secure.lower(WEIGHTS, np.zeros((n, 6), np.float32)).compile() for n in (1, 4)]
            spu_ditto.publish(parties, "triage", programs, {"params": WEIGHTS})
            spu_ditto.publish(parties, "for-shops", programs[0], {"params": WEIGHTS}, callers=["shop"])
        yield nodes
    finally:
        nodes.stop()


def check(client: Client, rows: int = 4, name: str = "triage") -> None:
    x = RNG.normal(size=(rows, 6)).astype(np.float32)
    found, expected = client.call(name, x=x), model(WEIGHTS, x)
    for part in ("scores", "size"):
        np.testing.assert_allclose(found[part], expected[part], atol=2e-3)


def test_a_data_owner_needs_neither_jax_nor_the_compiler(nodes: Nodes) -> None:
    x = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)
    script = f"""
        import sys
        import numpy as np
        from ditto.parties.client import Client

        with Client({str(nodes.config)!r}, {str(nodes.config.parent / "bank")!r}) as client:
            x = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)
            print([model.name for model in client.models()], client.call("triage", x=x)["scores"].tolist(), sep="\\n")
        print([name for name in ("jax", "spu", "xdsl", "spu_ditto", "torch") if name in sys.modules])
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    models, scores, imported = map(json.loads, done.stdout.replace("'", '"').splitlines())
    assert models == ["triage"] and imported == []
    np.testing.assert_allclose(scores, model(WEIGHTS, x)["scores"], atol=2e-3)


def test_a_client_can_be_watched(nodes: Nodes) -> None:
    passed: list[Exchange] = []
    with Client(nodes.config, nodes.config.parent / "bank", tap=passed.append) as client:
        check(client)
    commands = ("listen", "open", "use", "mask", "masked", "run")
    assert [(one.role, one.command) for one in passed] == [(role, name) for name in commands for role in range(3)]
    found = {(one.role, one.command): one for one in passed}
    # What P1 and P2 mask with, each its own part; then what is masked, the same at both. Nothing of it at P0.
    masks, masked = ([found[role, name] for role in range(3)] for name in ("mask", "masked"))
    assert masks[0].received == masked[0].sent == ()
    [first], [second], [argument] = masks[1].received, masks[2].received, masked[1].sent
    assert masked[2].sent == (argument,)
    assert len(first) == len(second) == len(argument) and len({first, second, argument}) == 3
    # Nobody logs by accident what was sent.
    assert repr(argument) not in repr(passed)


def test_published_models_outlive_their_nodes(nodes: Nodes) -> None:
    with nodes.client("bank") as client:
        check(client)
        nodes.stop()
        nodes.start()
        # The client's session is lost, which it notices by itself; one row is another program.
        check(client, rows=1)
        check(client)
        nodes.stop()
        with pytest.raises(spu_ditto.RuntimeFailure, match="is lost"):
            check(client)
        nodes.start()
        check(client)


def test_how_often_who_may_call(nodes: Nodes) -> None:
    secure = spu_ditto.compile(model)
    program = secure.lower(WEIGHTS, np.zeros((1, 6), np.float32)).compile()
    with nodes.session("hospital") as parties:
        spu_ditto.publish(parties, "rare", program, {"params": WEIGHTS}, most_calls=3, most_per_hour=2)
    for _ in range(2):
        with nodes.client("bank") as bank:
            check(bank, rows=1, name="rare")
    nodes.stop()
    nodes.start()
    with nodes.client("bank") as bank, nodes.client("shop") as shop, nodes.client("hospital") as owner:
        with pytest.raises(
            spu_ditto.RuntimeFailure, match=r"P\d runs 'rare' 2 times an hour for bank; the next in \d+ s"
        ):
            check(bank, rows=1, name="rare")
        # The others' calls are counted apart, and the owner's are not; the next call of something else works.
        for _ in range(3):
            check(owner, rows=1, name="rare")
        check(shop, rows=1, name="rare")
        check(bank)
    with nodes.session("hospital") as parties:
        spu_ditto.publish(parties, "rare", program, {"params": WEIGHTS}, most_calls=3)
    with nodes.client("bank") as bank:
        check(bank, rows=1, name="rare")
        with pytest.raises(spu_ditto.RuntimeFailure, match=r"P\d runs 'rare' 3 times for bank, which it has"):
            check(bank, rows=1, name="rare")
    with nodes.session("hospital") as parties:
        parties.withdraw("rare")


def test_who_may_call_what(nodes: Nodes) -> None:
    with nodes.client("bank") as bank, nodes.client("shop") as shop:
        assert [m.name for m in shop.models()] == ["for-shops", "triage"]
        check(shop, rows=1, name="for-shops")
        for name in ("for-shops", "nothing"):
            with pytest.raises(spu_ditto.RuntimeFailure, match=f"has no publication '{name}' that bank may use"):
                check(bank, name=name)
        check(bank)
    with pytest.raises(spu_ditto.RuntimeFailure, match="is lost"), Client(nodes.config, Identity.make("bank")) as thief:
        check(thief)
    with nodes.client("clinic") as clinic, pytest.raises(spu_ditto.RuntimeFailure, match="has no publication 'triage'"):
        check(clinic)


def test_wrong_arguments_are_named_and_the_next_call_works(nodes: Nodes) -> None:
    with nodes.client("bank") as client:
        for wrong, error, words in (
            (
                {"x": np.zeros((2, 6), np.float32)},
                spu_ditto.ShapeError,
                r"takes x: float32\[1, 6\] or .*x: \[2, 6\]",
            ),
            ({"y": np.zeros((1, 6), np.float32)}, spu_ditto.ShapeError, r"this call has y: \[1, 6\]"),
            ({}, spu_ditto.ShapeError, "this call has no arguments"),
            ({"x": np.full((1, 6), 1e9, np.float32)}, spu_ditto.RangeError, "argument x holds NaN or too large"),
            ({"x": np.full((1, 6), np.nan, np.float32)}, spu_ditto.RangeError, "argument x holds NaN"),
        ):
            with pytest.raises(error, match=words):
                client.call("triage", **wrong)
            check(client)


def test_weights_go_where_their_owner_has_put_them(nodes: Nodes) -> None:
    secure = spu_ditto.compile(lambda x: x + 0.0)
    identity = secure.lower(np.zeros((6, 3), np.float32)).compile().program
    with nodes.client("bank") as client:
        check(client)
        session = client._session(with_p0=True)
        parties, used = session.parties, session.used["triage"]
        # A program of one's own.
        with pytest.raises(spu_ditto.RuntimeFailure, match="does not let bank run programs of its own"):
            parties.run(identity, [parties.put(np.zeros((6, 3), np.int64), identity.inputs[0].type)])  # type: ignore[arg-type]
        for wrong in ("weights as the argument", "an argument as weights", "weights in another order", "kept"):
            client.close()
            check(client)
            session = client._session(with_p0=True)
            parties, used = session.parties, session.used["triage"]
            program = used.told.programs[0]
            [argument] = parties.put_many([(np.zeros((1, 6)), program.inputs[0].type)])
            first, second = used.values[:2]
            ids = [argument.id if i.value is None else used.values[i.value] for i in program.inputs]
            inputs = [pb.Input(id=id) for id in ids]
            run = pb.Run(program=used.first_program, inputs=inputs)
            if wrong == "weights as the argument":
                place = next(n for n, i in enumerate(program.inputs) if i.argument is not None)
                run.inputs[place].id = first
            elif wrong == "an argument as weights":
                place = next(n for n, i in enumerate(program.inputs) if i.value is not None)
                run.inputs[place].id = argument.id
            elif wrong == "weights in another order":
                places = [n for n, i in enumerate(program.inputs) if i.value is not None]
                run.inputs[places[0]].id, run.inputs[places[1]].id = second, first
            else:
                run.keep.add(output=0, id=10_000)
            with pytest.raises(spu_ditto.RuntimeFailure, match="published value|does not keep results"):
                parties._call(lambda: parties._all(pb.Request(run=run)))  # noqa: B023
    # Nor does their own owner get at what another owner's model has in it, or publish it anew.
    with nodes.session("hospital") as parties:
        with pytest.raises(spu_ditto.RuntimeFailure, match="does not hold value"):
            parties._call(lambda: parties._all(pb.Request(publish=pb.Publish(text="{}", values=[3]))))
    with nodes.session("clinic") as parties, pytest.raises(spu_ditto.RuntimeFailure, match="belongs to another owner"):
        compiled = spu_ditto.compile(model).lower(WEIGHTS, np.zeros((1, 6), np.float32)).compile()
        spu_ditto.publish(parties, "triage", compiled, {"params": WEIGHTS})
    with nodes.client("bank") as client:
        check(client)


def lied_to(parties: RemoteParties, to: int, change: Any) -> None:
    """Has one party be told another thing than the others from now on."""
    send = parties._nodes[to].send

    def lying(request: pb.Request, buffers: Any) -> None:
        send(*change(request, buffers))

    parties._nodes[to].send = lying  # type: ignore[method-assign]


def test_who_tells_the_parties_different_things_gets_nothing(nodes: Nodes) -> None:
    """Answers to inputs that P1 and P2 do not have alike would tell of the weights."""

    def another_value(request: pb.Request, buffers: Any) -> Any:
        if request.WhichOneof("command") == "masked":
            buffers = [bytes([buffers[0][0] ^ 1]) + buffers[0][1:], *buffers[1:]]
        return request, buffers

    def another_id(request: pb.Request, buffers: Any) -> Any:
        for item in request.run.inputs:
            if item.id == mine[1].id:
                item.id = mine[0].id
        return request, buffers

    def another_order(request: pb.Request, buffers: Any) -> Any:
        if request.WhichOneof("command") == "run":
            request.run.offline_first = True
        return request, buffers

    def other_numbers(request: pb.Request, buffers: Any) -> Any:
        if request.WhichOneof("command") == "use":
            request.use.first_value += 1
        return request, buffers

    for to, change in ((1, another_value), (2, another_value), (0, another_id), (2, another_id), (0, another_order)):
        with nodes.client("bank") as client:
            check(client)
            session = client._session(with_p0=True)
            parties, used = session.parties, session.used["triage"]
            lied_to(parties, to, change)
            program = used.told.programs[1]
            type = next(i.type for i in program.inputs if i.argument is not None)
            mine = parties.put_many([(np.ones((4, 6), np.int64), type)] * 2)
            inputs = [mine[1] if i.value is None else used.values[i.value] for i in program.inputs]
            kinds = [(list(o.type.shape), o.type.width) for o in program.outputs]
            with pytest.raises(spu_ditto.RuntimeFailure, match="different inputs"):
                parties.run_used(used.first_program + 1, inputs, kinds)
    with nodes.client("bank") as client:
        parties = client._session(with_p0=True).parties
        lied_to(parties, 2, other_numbers)
        with pytest.raises(spu_ditto.RuntimeFailure, match="different publications"):
            parties.use("triage", lambda *told: told)
    with nodes.client("bank") as client:
        check(client)


def test_published_numbers_are_the_owners(nodes: Nodes) -> None:
    """Numbers that programs take besides arguments are not for callers to choose."""
    # The compiler folds what is constant; a publication may have numbers all the same.
    compiled = spu_ditto.compile(lambda w, x, n: (w * n).sum() + x, input_visibility=("secret", "secret", "public"))
    zeros = np.zeros(4, np.float32)
    program = compiled.lower(WEIGHTS["b"][[0, 1, 2, 0]], np.float32(0), zeros).compile().program
    collected = Numbered(program)
    with nodes.session("hospital") as parties:
        w = parties.put_many([(np.array([1 << 18, 2 << 18, 3 << 18, 4 << 18]), collected.weights)])
        parties.publish(collected.text, w, collected.buffers)
        with nodes.client("bank") as client:
            assert abs(float(client.call("numbered", x=np.float32(0.5))) - 0.5) < 1e-3
            used = client._session(with_p0=True).used["numbered"]
            unit = np.zeros_like(used.numbers[0][0])
            unit.flat[0] = 1 << 18
            object.__setattr__(used, "numbers", ((unit, *used.numbers[0][1:]),))
            with pytest.raises(spu_ditto.RuntimeFailure, match="takes published numbers as input"):
                client.call("numbered", x=np.float32(0.5))
        parties.withdraw("numbered")


def test_callers_at_once_get_their_own_answers(nodes: Nodes) -> None:
    def calls(n: int) -> None:
        with nodes.client("bank" if n % 2 else "shop") as client:
            for _ in range(4):
                check(client)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(calls, range(4)))


def test_publishing_again_and_withdrawing(nodes: Nodes) -> None:
    secure = spu_ditto.compile(lambda w, x: x * w)
    compiled = secure.lower(np.float32(0), np.zeros(3, np.float32)).compile()
    x = np.array([1, 2, 3], np.float32)
    with nodes.session("hospital") as parties, nodes.client("bank") as bank:
        for factor in (2.0, 3.0):
            spu_ditto.publish(parties, "scale", compiled, {"w": np.float32(factor)})
            bank.close()
            np.testing.assert_allclose(bank.call("scale", x=x), factor * x, atol=1e-3)
        with nodes.session("clinic") as others, pytest.raises(spu_ditto.RuntimeFailure, match="has no publication"):
            others.withdraw("scale")
        parties.withdraw("scale")
        assert "scale" not in [m.name for m in bank.models()]


def test_results_that_may_be_infinite(nodes: Nodes) -> None:
    compiled = spu_ditto.compile(lambda w, x: jnp.where(x > w, x, -jnp.inf)).lower(
        np.float32(0), np.zeros(3, np.float32)
    )
    x = np.array([-1, 0.5, 2], np.float32)
    with nodes.session("hospital") as parties, nodes.client("bank") as bank:
        spu_ditto.publish(parties, "above", compiled.compile(), {"w": np.float32(1)})
        np.testing.assert_allclose(bank.call("above", x=x), [-np.inf, -np.inf, 2], atol=1e-3)
        parties.withdraw("above")


def test_what_cannot_be_published(nodes: Nodes) -> None:
    def fn(w: Any, x: Any, n: Any) -> Any:
        return x * w + n, n

    w, x = np.float32(2), np.zeros(3, np.float32)
    secure = spu_ditto.compile(fn, input_visibility=("secret", "secret", "public"))
    with nodes.session("hospital") as parties:
        for programs, weights, words in (
            (secure.lower(w, x, x).compile(), {"w": w}, "takes public arguments"),
            (spu_ditto.compile(lambda w, x: w * x).lower(w, x).compile(), {"v": w}, r"has no parameters \['v'\]"),
            (spu_ditto.compile(lambda w, x: w * x).lower(w, x).compile(), {"w": [w, w]}, "takes 1 arrays in w, not 2"),
            (spu_ditto.compile(lambda w, x: (w * x, 3)).lower(w, x).compile(), {"w": w}, "result 1 of .* is no secret"),
        ):
            with pytest.raises(spu_ditto.UnsupportedError, match=words):
                spu_ditto.publish(parties, "wrong", programs, weights)
        compiled = spu_ditto.compile(lambda w, x: w * x).lower(w, x).compile()
        with pytest.raises(ValueError, match="pattern"):
            spu_ditto.publish(parties, "../wrong", compiled, {"w": w})


def test_nothing_secret_is_logged_and_everything_else_is(nodes: Nodes) -> None:
    with nodes.client("bank") as client:
        check(client)
    for role in range(3):
        log = nodes.log(role)
        assert "opened a session: caller bank" in log and "ran: caller bank, program triage" in log
        assert "PRIVATE KEY" not in log and "components" not in log


class Numbered:
    """A publication, written by hand, of a program with one public argument."""

    def __init__(self, program: Any) -> None:
        inputs, numbers = [], list[Any]()
        for binding in program.inputs:
            described = Input(type=binding.type)
            if binding.source == "public":
                numbers.append(np.zeros(binding.type.shape, "<i8"))
                inputs.append(described.model_copy(update={"constant": len(numbers) - 1}))
            elif binding.index == 0:
                self.weights = binding.type
                inputs.append(described.model_copy(update={"value": 0}))
            else:
                inputs.append(described.model_copy(update={"argument": 0}))
        constants = [np.asarray(c, "<i8") for c in program.constants]
        made = Program(
            constants=tuple(c.shape for c in constants),
            numbers=tuple(n.shape for n in numbers),
            inputs=tuple(inputs),
            outputs=(Output(output=0, type=program.outputs[0].type),),
            arguments=(NamedArray(name="x", shape=(), dtype="float32"),),
            results=(NamedArray(name="", shape=(), dtype="float32"),),
        )
        self.text = Described(name="numbered", values=(self.weights,), programs=(made,)).model_dump_json()
        self.buffers = [program.engine.encode(), *constants, *numbers]


def shares(role: int) -> Publication:
    from ditto import _core
    from tests.e2e.programs import Builder, fxp

    b = Builder()
    x = b.input(fxp(32, 8, [4]))
    program = b.program(b.op("neg", [x], fxp(32, 8, [4])))
    type = {"kind": "fxp", "shape": [4], "width": 32, "fraction": 8}
    text = {
        "name": "tiny",
        "values": [type],
        "programs": [
            {
                "constants": [],
                "inputs": [{"value": 0, "type": type}],
                "outputs": [{"output": 0, "type": type}],
                "arguments": [],
                "results": [{"name": "", "shape": [4], "dtype": "float32"}],
            }
        ],
    }
    component = bytes(range(16))
    held = ((False, True, True), (True, True, False), (True, False, True))[role]
    packed = [component if of_one else None for of_one in held]
    return made("owner", json.dumps(text), [program.engine.encode()], [_core.Share([4], 32, packed)], b"sharing")


def test_publications_at_rest_are_sealed(tmp_path: Path) -> None:
    key = bytes(range(32))
    with Store(tmp_path, key).putting(shares(1)):
        assert not list(tmp_path.glob("*.publication"))
    [path] = tmp_path.iterdir()
    sealed = path.read_bytes()
    assert bytes(range(16)) not in sealed and b"owner" not in sealed and path.stat().st_mode & 0o077 == 0
    again = Store(tmp_path, key).get("tiny")
    assert (again.owner, again.text, again.buffers, again.digest) == (
        shares(1).owner,
        shares(1).text,
        shares(1).buffers,
        shares(1).digest,
    )
    assert again.shares[0].components() == shares(1).shares[0].components()
    with pytest.raises(PublicationError, match="its key is another, or it is damaged"):
        Store(tmp_path, bytes(32)).get("tiny")
    for place in range(20, len(sealed), 7):
        path.write_bytes(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
        with pytest.raises(PublicationError, match="cannot be read"):
            Store(tmp_path, key).get("tiny")
        path.write_bytes(sealed[:place])
        with pytest.raises(PublicationError, match="cannot be read"):
            Store(tmp_path, key).get("tiny")
    # Under another name it is no publication.
    path.write_bytes(sealed)
    path.rename(tmp_path / "other.publication")
    with pytest.raises(PublicationError, match="cannot be read"):
        Store(tmp_path, key).get("other")
    for name in ("../x", "", ".hidden", "a/b", "x" * 200):
        with pytest.raises(PublicationError, match="is no name"):
            Store(tmp_path, key).get(name)
