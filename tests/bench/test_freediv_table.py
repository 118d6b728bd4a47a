"""bench/freediv_table.py as a user runs it, on a tiny layer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench import glue
from spu_ditto.distill.recipe import recipe

SCRIPT = Path(glue.__file__).with_name("freediv_table.py")


def test_seven_combinations(tmp_path: Path) -> None:
    folder, result, picture = tmp_path / "runs" / "a", tmp_path / "result.json", tmp_path / "picture.png"
    asked = {"teacher": "minilm", "task": "sentiment", "seq_len": 32, "seed": 0}
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(json.dumps({**asked, "recipe": recipe("freediv").model_dump(mode="json")}))
    (folder / "results.json").write_text(json.dumps([{"plain": 0.9}, {"plain": 0.5}, {"plain": 0.75}]))

    arguments = ("--quick", "--runs", tmp_path / "runs", "--json", result, "--plot", picture)
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {(row["attention"], row["activation"]): row for row in json.loads(result.read_text())["rows"]}
    assert len(rows) == 7
    stock, cheapest = rows["raw", "raw"], rows["2quad-freediv", "quad"]
    assert stock["times_less"] == {"bytes": 1, "rounds": 1, "LAN": 1, "WAN": 1}
    # Nothing to divide by, no maximum and no exponential: fewest rounds, and fastest where these count.
    assert cheapest["rounds"] == min(row["rounds"] for row in rows.values())
    assert cheapest["times_less"]["WAN"] == max(row["times_less"]["WAN"] for row in rows.values()) > 1.1
    # What is left out saves rounds, one after the other: the division, then maximum and exponential.
    for activation in ("raw", "quad"):
        one, two, three = (rows[name, activation]["rounds"] for name in ("raw", "softmax-freediv", "2quad"))
        assert one > two > three
    for row in rows.values():
        assert len(row["measured"]["none"]["all"]) == 3 and row["network"]["WAN"] >= 0.02 * row["rounds"]
        taught = 0.75 if row is cheapest else None
        assert row["accuracy"] == {"replaced": None, "distilled": taught}
    table, sources = done.stdout.split("\n\n")
    assert len(table.splitlines()) == 2 + 7
    assert table.splitlines()[-1].endswith("| 75.0 % | not found |")
    assert "| MPCFormer: 2.20 times, SST-2 92.0 % |" in table and "2.26 times faster" in sources
    assert picture.read_bytes().startswith(b"\x89PNG")
