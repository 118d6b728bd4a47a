"""The commands of docs/evaluation.md."""

from __future__ import annotations

from pathlib import Path

from tests.docs.pages import ROOT
from tests.docs.shell import Shell
from tests.e2e.nodes import take_free_ports


def test_a_data_set_on_running_nodes(tmp_path: Path) -> None:
    (tmp_path / "bench").symlink_to(ROOT / "bench")
    with Shell(tmp_path) as shell:
        shell.run("spu-ditto init trial")
        take_free_ports(tmp_path / "trial" / "3pc.json")
        shell.run("spu-ditto up --config trial/3pc.json")
        shell.run("export DITTO_IDENTITY=trial/certificates/model-owner")
        said = shell.run("python bench/bert_glue.py --config trial/3pc.json --batch 8")
    assert "pearson, secure" in said and "A child is feeding ducks" in said
