"""SPU's compiler, StableHLO to PPHLO: in a subprocess, with its output cached on disk by content.

It takes about a second for a BERT layer, and aborts the process on some inputs (fft, clz, ...).
The cache lives in $SPU_DITTO_CACHE, else $XDG_CACHE_HOME/spu-ditto, else ~/.cache/spu-ditto; deleting it is safe.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from spu_ditto.errors import CompileError

TIMEOUT_SECONDS = 900.0
_STDERR_LINES = 20
_WORKER = Path(__file__).with_name("spu_worker.py")


def cache_directory() -> Path:
    """The directory that holds compiled programs."""
    if own := os.environ.get("SPU_DITTO_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "spu-ditto"


def compile_stablehlo(
    source: str, visibility: Sequence[str], located_source: str | None = None, timeout: float = TIMEOUT_SECONDS
) -> str:
    """Compiles a StableHLO module to PPHLO text without `pphlo.free`.

    Args:
        source: the module without locations; with `visibility` it identifies the program in the cache.
        visibility: "secret" or "public" for each argument of @main.
        located_source: the same module with locations, which SPU's error messages then carry.
        timeout: seconds until the compiler is stopped.

    Raises:
        CompileError: SPU refuses the program, dies, or takes longer than `timeout`.
    """
    identity = json.dumps([version("spu"), "disable_deallocation_insertion", list(visibility), source])
    path = cache_directory() / f"{hashlib.sha256(identity.encode()).hexdigest()}.pphlo"
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    text = _run(located_source or source, visibility, timeout)
    try:
        _write_atomically(path, text)
    except OSError as error:
        warnings.warn(f"the compiled program is not cached: {error}", stacklevel=2)
    return text


def _run(source: str, visibility: Sequence[str], timeout: float) -> str:
    with tempfile.TemporaryDirectory(prefix="spu-ditto-") as folder:
        request, response = Path(folder, "request.json"), Path(folder, "response.pphlo")
        request.write_text(json.dumps({"source": source, "visibility": list(visibility)}))
        try:
            done = subprocess.run(
                [sys.executable, "-P", str(_WORKER), str(request), str(response)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=timeout,
                # The caller's import path, so that the worker finds the same spu.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "JAX_PLATFORMS": "cpu"},
            )
        except subprocess.TimeoutExpired as error:
            raise CompileError(None, f"SPU's compiler did not finish within {timeout:g} s and was stopped") from error
        if done.returncode == 0:
            return response.read_text()
        tail = "\n".join(done.stderr.decode(errors="replace").strip().splitlines()[-_STDERR_LINES:])
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise _error(f"SPU's compiler died of {name} on this program. Its last words:\n{tail}", tail)
    raise _error(f"SPU's compiler refuses this program:\n{tail}", tail)


def _error(reason: str, said: str) -> CompileError:
    operation = re.search(r"operation '([\w.]+)'", said)
    # The innermost frame comes first in a call-site chain.
    place = re.search(r'"([^"]+)":(\d+):\d+', said)
    return CompileError(
        operation[1] if operation else None, reason, source_line=f"{place[1]}:{place[2]}" if place else None
    )


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(text)
    os.replace(file.name, path)
