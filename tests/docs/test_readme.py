"""README's examples and commands run as they are printed, one after the other, in one folder."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spu_ditto import ppd
from tests.docs.pages import ROOT, blocks, lines
from tests.docs.shell import Shell
from tests.e2e.nodes import take_free_ports
from tools.fresh_clone import ALL

README = ROOT / "README.md"


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__readme__"}
    said: dict[str, str] = {}
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(ppd.close)
        shell = cleanup.enter_context(Shell(tmp_path))
        for block in blocks(README):
            if block.language == "python":
                exec(compile(block.text, str(README), "exec"), names)  # noqa: S102
                continue
            for line in lines(block):
                if line in ALL:
                    continue
                said[line] = shell.run(line)
                if line == "spu-ditto init trial":
                    take_free_ports(tmp_path / "trial" / "3pc.json")
    assert "ring.matmul" in capsys.readouterr().out
    made = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert made == {"model.html", "model.json", "trial"}
    result = names["secure"](names["params"], names["x"])
    np.testing.assert_allclose(result, names["model"](names["params"], names["x"]), atol=0.02)

    [check] = [text for line, text in said.items() if line.startswith("spu-ditto check")]
    assert check.count("ok") >= 6 and "WRONG" not in check
    [call] = [text for line, text in said.items() if line.startswith("spu-ditto call")]
    embedding = np.asarray(json.loads(call))
    assert embedding.size == 384 and 0.01 < np.abs(embedding).max() < 10


def test_each_node_is_started_by_hand(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        shell.run("spu-ditto init trial")
        take_free_ports(tmp_path / "trial" / "3pc.json")
    with Shell(tmp_path / "trial") as shell:
        assert "P0 listens" in shell.run("spu-ditto node --config 3pc.json --party 0 --store store")


def test_the_demo(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        assert "the page of minilm" in shell.run("spu-ditto demo minilm --local")
        shell.run("spu-ditto init trial")
        take_free_ports(tmp_path / "trial" / "3pc.json")
        shell.run("spu-ditto up --config trial/3pc.json --store trial/store")
        shell.run("export DITTO_CONFIG=trial/3pc.json")
        shell.run("spu-ditto publish minilm --name minilm --seq-len 32 --identity trial/certificates/model-owner")
        shell.run("spu-ditto demo minilm --config trial/3pc.json --identity trial/certificates/data-owner")
        assert "the page of minilm" in shell.run("spu-ditto demo minilm --identity trial/certificates/data-owner")


def test_nodes_are_stopped(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        shell.run("spu-ditto init trial")
        take_free_ports(tmp_path / "trial" / "3pc.json")
        shell.run("spu-ditto up --config trial/3pc.json")
        assert "stopped process" in shell.run("spu-ditto stop --config trial/3pc.json")


def test_a_configuration_for_three_hosts(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        shell.run("spu-ditto init trial --hosts a.org,b.org,c.org")
        made = json.loads((tmp_path / "trial" / "3pc.json").read_text())
        assert [address.split(":")[0] for address in made["nodes"].values()] == ["a.org", "b.org", "c.org"]
        of_spu = {name: made[name] for name in ("nodes", "devices")}
        (tmp_path / "3pc.json").write_text(json.dumps(of_spu))
        shell.run("spu-ditto init made --config 3pc.json")
        assert "certificates" in json.loads((tmp_path / "made" / "3pc.json").read_text())["ditto"]


def test_the_cache_is_shown(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        assert " cache " in shell.run("spu-ditto --help")
        assert "0 entries" in shell.run("spu-ditto cache")
