"""bench/bert_glue.py as a user runs it: three processes, a real model, the JSON file."""

import importlib
import json
import re
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
    done = run("--pairs", str(pairs), *few, "--divergence", "--json", str(result))
    assert done.returncode == 0, done.stderr
    assert "The kettle" in done.stdout and "Nobody answer" in done.stdout
    measured = json.loads(result.read_text())
    assert set(measured) == {
        *("model", "policy", "seq_len", "network", "samples", "trios", "max_abs_error", "label_agreement", "metric"),
        *("seconds", "bytes", "rounds", "peak_rss_bytes", "baseline", "made_with", "spread", "divergence"),
    }
    assert measured["network"] == "1gbit,1ms"
    made_with = measured["made_with"]
    assert made_with["arguments"]["layers"] == 2 and made_with["arguments"]["pairs"] == str(pairs)
    assert made_with["seeds"] == [0] and made_with["threads"] >= 1 and made_with["cpu"]
    assert len(made_with["load"]) == 3
    assert {"python", "spu-ditto", "jax", "spu"} <= set(made_with["versions"])
    assert measured["samples"] == 4 and measured["trios"] == 1 and measured["seq_len"] == 16
    # Every run draws masks anew.
    errors = measured["max_abs_error"]
    assert 0 < errors["least"] < errors["median"] < errors["most"] < 0.02
    assert len(set(errors["all"])) == 5
    shown = f"{errors['median']:.5f} ({errors['least']:.5f} to {errors['most']:.5f})"
    assert shown in done.stdout and "largest error against float32, 5 draws" in done.stdout
    sizes = measured["bytes"]
    assert sizes["total"] == sizes["offline"] + sizes["online"] == sum(sizes["per_party_sent"])
    assert sizes["input"] > 0 and measured["rounds"] > 0 and measured["peak_rss_bytes"] > 0
    for part in ("online", "total"):
        times = measured["spread"][part]
        assert 0 < times["least"] <= times["median"] == measured["seconds"][part] <= times["most"]
        # Two batches, drawn five times.
        assert len(times["all"]) == {"online": 3, "total": 10}[part]
        assert f"{times['median']:.2f} ({times['least']:.2f} to {times['most']:.2f})" in done.stdout
    layers = measured["divergence"]["layers"]
    assert measured["divergence"]["samples"] == 2 and measured["divergence"]["ok"]
    assert [layer["name"] for layer in layers if "encoder" in layer["name"]] == [
        *("bert/encoder/layer/0", "bert/encoder/layer/1"),
    ]
    assert re.search(r"bert/encoder/layer/1 .* ring\.\w+ at nn/\w+\.py:\d+ ", done.stdout)
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
    assert json.loads(result.read_text())["max_abs_error"]["most"] < 0.02
    assert refused.returncode == 2 and "guest" in refused.stderr and "compute" in refused.stderr


def test_trios_on_ray(tmp_path: Path) -> None:
    pairs, result = tmp_path / "pairs.tsv", tmp_path / "result.json"
    pairs.write_text(PAIRS)
    few = ("--pairs", str(pairs), "--layers", "1", "--seq-len", "8", "--engine", "ray", "--trios", "2")
    done = run(*few, "--json", str(result))
    assert done.returncode == 0, done.stderr
    measured = json.loads(result.read_text())
    assert measured["trios"] == 2 and measured["samples"] == 4
    assert 0 < measured["max_abs_error"]["least"] < measured["max_abs_error"]["most"] < 0.02
    # Four sentences, five times each.
    assert len(measured["spread"]["total"]["all"]) == 20


def test_few_batches_are_run_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    workload = importlib.import_module("workload")
    batch = workload.Batch(model=None, inputs={}, count=1)
    assert workload.draws_of([batch] * 64) == 5 and workload.draws_of([batch] * 65) == 1
    # Of random weights, which come one by one.
    assert workload.draws_of(batch for _ in range(5)) == 1


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
