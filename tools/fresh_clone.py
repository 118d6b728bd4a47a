#!/usr/bin/env python3
"""Runs, in a fresh clone, the commands of README and the other pages that no test can run.

    tools/fresh_clone.py [--long] [--only TEXT] [--keep]

SHORT install, build, or need the checkout as ./dev leaves it: a quarter of an hour, most of it to install. LONG take
minutes to hours each, or gigabytes. The rest is run by tests/docs/, and a command in no list fails there. It needs
git, Python, and what ./dev installs; commands that are not ./dev's run in the environment that it makes.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]

SHORT = (
    "./dev",
    "./dev run --help",
    "./dev run",
    "source .venv/bin/activate",
    "./dev python",
    "./dev build",
    "./dev lint",
    "./dev format",
    "./dev docs",
    "./dev package",
    "./dev python tools/write_help.py",
    "./dev python tools/write_plan_schema.py",
    "./dev opt tests/data/layer_norm.pphlo --print-between-passes",
    "python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. ditto/parties/wire.proto",
    "pip install .",
    "pip install '.[models]'",
    "pip install '.[ray]'",
    "pip install '.[search]'",
)
LONG = (
    "./dev test",
    "DITTO_LOCK=requirements-next.lock ./dev test",
    "DITTO_LOCK=requirements-next.lock ./dev test //tests/e2e/...",
    "./dev bench",
    "./dev faults",
    "./dev fuzz",
    "./dev python tools/write_corpus.py",
    "bazel run //ditto/ring:matmul_bench",
    "bazel test //tests/conformance:nightly_fuzz",
    "bench/bert_glue.py --calibrate --pairs bench/data/unrated_pairs.tsv",
    "bench/bert_glue.py --model gpt2 --layers 2 --random-weights --seq-len 32",
    "bench/bert_glue.py --model vit --layers 2 --random-weights",
    "bench/bert_glue.py --model bert-base --random-weights",
    "bench/bert_glue.py --model bert-base --random-weights --policy fm64",
    "bench/bert_glue.py --model gpt2 --random-weights --seq-len 32",
    "bench/bert_glue.py --model bert-base --random-weights --baseline spu",
    "bench/bert_glue.py --model bert-base --random-weights --gelu quad --softmax 2quad",
    "spu-ditto distill minilm --task sentiment --recipe fitted --out run",
    "spu-ditto search animals --out searched --patch 7 --attention raw,2quad,scale",
    "spu-ditto search animals --out small --shape 2x4x64 --patch 4 --budget 4.4s",
    "bench/bert_glue.py --network wan",
    "bench/bert_glue.py --engine ray --trios 2 --pairs bench/data/unrated_pairs.tsv",
    "bench/throughput.py --calls 4",
    "bench/networks.py --parties processes --parties namespaces --baseline spu",
    "python bench/protocols.py",
    "python bench/guard.py",
    "bench/ditto_table.py --runs runs",
    "bench/freediv_table.py --runs runs",
    "bench/mpcformer_table.py --runs runs",
    "bench/mpcvit_table.py --runs runs",
    "python bench/tables.py --only targets",
    "python bench/tables.py --only shapes",
)
ALL = (*SHORT, *LONG)

# Of README, the first example in Python, and the quick start, whose second command goes on until it is ended.
EXAMPLE = "../example.py"
ACTIVATED = f"source .venv/bin/activate && python {EXAMPLE}"
QUICK_START = "the quick start of three organisations"
# From elsewhere, by their own names, and without PYTHONPATH.
BENCHMARKS = 'cd / && for script in "$OLDPWD"/bench/*.py; do [[ ! -x $script ]] || "$script" --help; done'
OWN = "python3.11 -m venv ../own && source ../own/bin/activate"
# Beside what is printed: what a command that is printed is for.
INSTEAD = {
    "./dev python": f"./dev python {EXAMPLE}",
    "source .venv/bin/activate": f"{ACTIVATED} && {BENCHMARKS}",
    "pip install .": f"{OWN} && pip install . && cd / && spu-ditto --help",
    "pip install '.[ray]'": f"{OWN} && pip install '.[ray]' && cd / && python -c 'import ditto.parties.on_ray'",
    "pip install '.[search]'": f"{OWN} && pip install '.[search]' && cd / && python -c 'import spu_ditto.search'",
    "pip install '.[models]'": f"{OWN} && pip install '.[models]' && cd / && python -c 'import spu_ditto.models'",
}


def blocks(language: str) -> list[str]:
    """README's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def quick_start() -> str:
    """README's second and third block for the shell as one script; `up` runs beside the rest, and ends with it."""
    nodes, rest = blocks("sh")[1:3]
    background = re.sub(r"^(spu-ditto up .*?)(\s+#.*)?$", r"\1 > listens &", nodes, flags=re.MULTILINE)
    wait = "trap 'kill %1; wait' EXIT\nfor _ in {1..60}; do (($(wc -l < listens) == 3)) && break; sleep 1; done\n"
    return f"{background}{wait}{rest}"


def run(name: str, script: str, clone: Path) -> bool:
    """Runs one command, in the environment if it is not ./dev's; its output is shown."""
    activate = "" if "./dev" in script or "../own" in script else "source .venv/bin/activate\n"
    print(f"== {name}", flush=True)
    started = time.monotonic()
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", activate + script], cwd=clone, stdin=subprocess.DEVNULL)
    print(f"== {name}: {'ok' if done.returncode == 0 else 'FAILED'}, {time.monotonic() - started:.0f} s", flush=True)
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs README's commands in a fresh clone.")
    parser.add_argument("--long", action="store_true", help="also those that take minutes to hours")
    parser.add_argument("--only", default="", metavar="TEXT", help="those alone that hold this text, after ./dev build")
    parser.add_argument("--keep", action="store_true", help="leave the clone")
    options = parser.parse_args()
    scripts = {name: INSTEAD.get(name, name) for name in SHORT} | {QUICK_START: quick_start()}
    if options.long:
        scripts |= {name: name for name in LONG}
    if options.only:
        scripts = {"./dev build": "./dev build"} | {n: s for n, s in scripts.items() if options.only in n}
    folder = tempfile.mkdtemp(prefix="ditto-clone-") if options.keep else None
    with tempfile.TemporaryDirectory(prefix="ditto-clone-") as temporary:
        clone = Path(folder or temporary) / "checkout"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        (clone / EXAMPLE).write_text(blocks("python")[0])
        failed = [name for name, script in scripts.items() if not run(name, script, clone)]
        changed = subprocess.run(["git", "-C", str(clone), "diff", "--stat"], capture_output=True, text=True).stdout
    if changed:
        failed.append(f"files differ afterwards:\n{changed}")
    print(f"{len(scripts) - len(failed)} passed, {len(failed)} failed", *failed, sep="\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
