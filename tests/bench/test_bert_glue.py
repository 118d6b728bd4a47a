"""bench/bert_glue.py as a user runs it: three processes, a real model, the JSON file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import glue
from tests.e2e.nodes import running_nodes

SCRIPT = Path(glue.__file__).with_name("bert_glue.py")
PAIRS = """sentence1\tsentence2\tscore
The kettle whistles in the kitchen.\tWater is boiling for tea.\t3.2
Nobody answered the telephone.\tThe phone rang and nobody picked up.\t4.6
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True)


def test_sentence_pairs_among_three_processes(tmp_path: Path) -> None:
    pairs, result = tmp_path / "pairs.tsv", tmp_path / "result.json"
    pairs.write_text(PAIRS)
    few = ("--layers", "2", "--seq-len", "16", "--batch", "2", "--network", "1gbit,1ms")
    done = run("--pairs", str(pairs), *few, "--json", str(result))
    assert done.returncode == 0, done.stderr
    assert "The kettle" in done.stdout and "Nobody answer" in done.stdout
    measured = json.loads(result.read_text())
    assert set(measured) == {
        *("model", "policy", "seq_len", "network", "samples", "trios", "max_abs_error", "label_agreement", "metric"),
        *("seconds", "bytes", "rounds", "peak_rss_bytes", "baseline", "made_with", "spread"),
    }
    assert measured["network"] == "1gbit,1ms"
    made_with = measured["made_with"]
    assert made_with["arguments"]["layers"] == 2 and made_with["arguments"]["pairs"] == str(pairs)
    assert made_with["seeds"] == [0] and made_with["threads"] >= 1 and made_with["cpu"]
    assert len(made_with["load"]) == 3
    assert {"python", "spu-ditto", "jax", "spu"} <= set(made_with["versions"])
    assert measured["samples"] == 4 and measured["trios"] == 1 and measured["seq_len"] == 16
    assert 0 < measured["max_abs_error"] < 0.02
    sizes = measured["bytes"]
    assert sizes["total"] == sizes["offline"] + sizes["online"] == sum(sizes["per_party_sent"])
    assert sizes["input"] > 0 and measured["rounds"] > 0 and measured["peak_rss_bytes"] > 0
    for part in ("online", "total"):
        times = measured["spread"][part]
        assert 0 < times["least"] <= times["median"] == measured["seconds"][part] <= times["most"]
        assert len(times["all"]) == 3
    assert all(measured["seconds"][part] > 0 for part in ("compile", "online", "total"))


def test_nodes_of_a_configuration(tmp_path: Path) -> None:
    pairs, result = tmp_path / "pairs.tsv", tmp_path / "result.json"
    pairs.write_text(PAIRS)
    few = ("--pairs", str(pairs), "--layers", "1", "--seq-len", "8")
    with running_nodes(tmp_path, {"owner": ["compute"], "guest": ["call"]}) as config:
        there = ("--config", str(config), "--identity")
        done = run(*few, *there, str(tmp_path / "owner"), "--json", str(result))
        assert done.returncode == 0, done.stderr
        refused = run(*few, *there, str(tmp_path / "guest"))
    assert json.loads(result.read_text())["max_abs_error"] < 0.02
    assert refused.returncode == 2 and "guest" in refused.stderr and "compute" in refused.stderr


def test_trios_on_ray(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    few = ("--layers", "1", "--seq-len", "8", "--engine", "ray", "--trios", "2")
    done = run(*few, "--json", str(result))
    assert done.returncode == 0, done.stderr
    measured = json.loads(result.read_text())
    assert measured["trios"] == 2 and measured["samples"] == 48
    assert 0 < measured["max_abs_error"] < 0.02
    assert abs(measured["metric"]["secure"] - measured["metric"]["float32"]) < 0.02
    assert len(measured["spread"]["total"]["all"]) == 48


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--task", "rte"), "--task and --data-dir go together"),
        (("--model", "bert-base"), "weights of bert-base are not bundled"),
        (("--model", "/nowhere"), "neither a directory, nor in the local Hugging Face cache"),
        (("--pairs", "/nowhere.tsv"), "/nowhere.tsv does not exist"),
        (("--config", "/nowhere.json"), "/nowhere.json: [Errno 2] No such file"),
        (("--config", "3pc.json", "--engine", "ray"), "exclude each other"),
        (("--identity", "owner"), "--identity goes with --config"),
        (("--trios", "2"), "--trios goes with --engine ray"),
        (("--network", "moon"), 'network \'moon\' is not "LAN", "WAN"'),
    ],
)
def test_bad_arguments_are_named_before_any_party_starts(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
