"""The commands of a service, as operators and owners type them, on real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import spu_ditto
from ditto.cli import app
from ditto.parties.client import Client
from ditto.parties.config import read_config
from ditto.parties.setup import make_configuration
from spu_ditto import models
from tests.e2e.nodes import take_free_ports

MODELS = Path(__file__).parent.parent / "nn" / "models"
TEXTS = ["A man is playing a guitar.", "Nobody plays."]


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running service; the folder that `init` has made."""
    folder = tmp_path_factory.mktemp("service")
    run("init", folder)
    path = folder / "3pc.json"
    take_free_ports(path)
    command = [sys.executable, "-m", "ditto.cli", "up", "--config", str(path), "--store", str(folder / "store")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    up = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert up.stdout is not None and up.stderr is not None
    assert sorted(up.stdout.readline().split()[0] for _ in range(3)) == [b"P0", b"P1", b"P2"]
    yield folder
    up.send_signal(signal.SIGTERM)
    assert up.wait(60) == 0
    up.stdout.close()
    up.stderr.close()


def arguments(folder: Path, name: str) -> tuple[object, ...]:
    return "--config", folder / "3pc.json", "--identity", folder / "certificates" / name


def test_from_text_to_an_answer(service: Path) -> None:
    owner, caller = arguments(service, "model-owner"), arguments(service, "data-owner")
    checked = run("check", *owner)
    assert "WRONG" not in checked and checked.count("answers in") == checked.count("Mbit/s") == 3
    assert "published minilm" in run("publish", "minilm", "--name", "minilm", "--seq-len", 16, *owner)
    assert run("models", *caller).split("\t")[0] == "minilm"
    model = models.load("minilm")
    plain = model.reference(model.params, model.encode(TEXTS, seq_len=16))
    answers = run("call", "minilm", *(part for text in TEXTS for part in ("--text", text)), *caller)
    for line, expected in zip(answers.splitlines(), plain, strict=True):
        found = np.array(json.loads(line))
        assert models.cosine(found, np.asarray(expected)) > 0.99
    told = run("status", *owner)
    assert told.count("minilm of model-owner: 2 calls") == 3
    assert "withdrew minilm" in run("withdraw", "minilm", *owner)
    assert run("models", *caller) == ""


def test_models_of_other_tasks_and_students(service: Path, tmp_path: Path) -> None:
    owner, caller = arguments(service, "model-owner"), arguments(service, "data-owner")
    question = ("--text", "who sleeps", "--context", "the cat sleeps on the mat")
    answers = {}
    for name, words in (("bert-sequence", ("--text", "the cat sleeps")), ("bert-qa", question)):
        run("publish", MODELS / name, "--name", name, "--seq-len", 16, *owner)
        answers[name] = json.loads(run("call", name, *words, *caller))
    for name, answer in answers.items():
        told = json.loads((MODELS / name / "pipeline.json").read_text())["result"]
        found, expected = (one if isinstance(one, dict) else one[0] for one in (answer, told))
        assert {key: found[key] for key in found if key != "score"} == {
            key: expected[key] for key in expected if key != "score"
        }
    # A model with stand-ins is one like others.
    models.load(MODELS / "bert-sequence").converted(attention="2quad", activation="quad").save(tmp_path / "student")
    run("publish", tmp_path / "student", "--name", "student", "--seq-len", 16, *owner)
    student = models.load(tmp_path / "student")
    inputs = student.encode(["the cat sleeps"], seq_len=16)
    [answer] = json.loads(run("call", "student", "--text", "the cat sleeps", *caller))
    assert student.labels is not None
    assert answer["label"] == student.labels[int(np.argmax(student.reference(student.params, inputs)))]
    for name in ("bert-sequence", "bert-qa", "student"):
        run("withdraw", name, *owner)
    # More tokens than any program takes are not cut.
    run("publish", MODELS / "bert-sequence", "--name", "short", "--seq-len", 8, *owner)
    assert "the text has 12 tokens, and 8 are the most" in " ".join(
        run("call", "short", "--text", "the cat " * 5, *caller, code=1).split()
    )
    run("withdraw", "short", *owner)


def test_a_node_that_ends_is_started_again(service: Path) -> None:
    secure = spu_ditto.compile(lambda w, x: w * x)
    compiled = secure.lower(np.float32(0), np.zeros(2, np.float32)).compile()
    owner = service / "certificates" / "model-owner"
    with spu_ditto.connect(service / "3pc.json", identity=owner) as parties:
        spu_ditto.publish(parties, "double", compiled, {"w": np.float32(2)})
    with Client(service / "3pc.json", service / "certificates" / "data-owner") as client:
        x = np.array([1, -3], np.float32)
        np.testing.assert_allclose(client.call("double", x=x), 2 * x, atol=1e-3)
        [victim] = [
            int(status.parent.name)
            for status in Path("/proc").glob("[0-9]*/cmdline")
            if _is_node(status, service / "3pc.json", 1)
        ]
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(spu_ditto.RuntimeFailure, match="P1"):
            for _ in range(100):
                client.call("double", x=x)
                time.sleep(0.05)
        deadline = time.monotonic() + 60
        while True:
            try:
                np.testing.assert_allclose(client.call("double", x=x), 2 * x, atol=1e-3)
                break
            except spu_ditto.RuntimeFailure:
                assert time.monotonic() < deadline
                time.sleep(0.5)


def _is_node(status: Path, config: Path, role: int) -> bool:
    try:
        words = status.read_bytes().split(b"\0")
    except OSError:
        return False
    place = words.index(b"--party") if b"--party" in words else None
    return place is not None and str(config).encode() in words and words[place + 1] == b"%d" % role


def test_what_is_wrong_is_said(service: Path, tmp_path: Path) -> None:
    config = make_configuration(tmp_path / "mine", base=None)
    take_free_ports(config)
    told = run("check", *arguments(tmp_path / "mine", "model-owner"), code=1)
    assert told.count("WRONG") == 3 and "Is it started" in told
    # Of another configuration: the nodes do not know this caller.
    data, theirs = json.loads(config.read_text()), read_config(service / "3pc.json")
    data["nodes"] = {name: f"{host}:{port}" for name, (host, port) in zip(data["nodes"], theirs.nodes)}
    config.write_text(json.dumps(data))
    assert run("check", *arguments(tmp_path / "mine", "model-owner"), code=1).count("WRONG") == 3
    assert "is there already" in run("init", tmp_path / "mine", code=1)
    assert "names three hosts" in run("init", tmp_path / "other", "--hosts", "a,b", code=1)
    assert "cannot be read" in run("models", *arguments(service, "nobody"), code=1)
    assert "has no publication 'x'" in run("call", "x", "--text", "y", *arguments(service, "data-owner"), code=1)


def test_spus_own_configuration_gets_certificates(tmp_path: Path) -> None:
    nodes = {f"node:{n}": f"127.0.0.1:{61920 + n}" for n in range(5)}
    spu = {"node_ids": list(nodes)[:3], "spu_internal_addrs": [f"127.0.0.1:{61930 + n}" for n in range(3)]}
    spu["runtime_config"] = {"protocol": "ABY3", "field": "FM64", "enable_pphlo_profile": True}
    owners = {f"P{n}": {"kind": "PYU", "config": {"node_id": f"node:{n + 2}"}} for n in (1, 2)}
    theirs = tmp_path / "spu.json"
    theirs.write_text(
        json.dumps({"id": "x", "nodes": nodes, "devices": {"SPU": {"kind": "SPU", "config": spu}, **owners}})
    )
    run("init", tmp_path / "made", "--config", theirs)
    config = read_config(tmp_path / "made" / "3pc.json")
    assert config.names == ("node:0", "node:1", "node:2") and set(config.rights) == {"P1", "P2"}
    key = tmp_path / "made" / "certificates" / "p1.key"
    assert key.stat().st_mode & 0o077 == 0
