"""SPU's compiler, StableHLO to PPHLO: in a subprocess, for it aborts its process on some inputs (fft, clz, ...).

It takes about a second for a BERT layer; its output is kept in the cache on disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from spu_ditto import disk_cache
from spu_ditto.errors import CompileError
from spu_ditto.tracebacks import users_place

TIMEOUT_SECONDS = 900.0
_STDERR_LINES = 20
_WORKER = Path(__file__).with_name("spu_worker.py")


def compile_stablehlo(
    source: str,
    visibility: Sequence[str],
    located_source: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
    *,
    cached: bool = True,
) -> str:
    """Compiles a StableHLO module to PPHLO text without `pphlo.free`.

    Args:
        source: the module without locations; with `visibility` it identifies the program in the cache.
        visibility: "secret" or "public" for each argument of @main.
        located_source: the same module with locations, which SPU's error messages then carry.
        timeout: seconds until the compiler is stopped.
        cached: whether the program may be read from the cache on disk and written to it.

    Raises:
        CompileError: SPU refuses the program, dies, or takes longer than `timeout`.
    """
    name = disk_cache.name_of("pphlo", [version("spu"), "disable_deallocation_insertion", list(visibility), source])
    known = disk_cache.read(name) if cached else None
    if known is not None:
        # A spoilt entry is made anew and replaced.
        with contextlib.suppress(zlib.error, UnicodeDecodeError):
            return zlib.decompress(known).decode()
    text = _run(located_source or source, visibility, timeout)
    if cached:
        disk_cache.write(name, zlib.compress(text.encode()))
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
    return CompileError(operation[1] if operation else None, reason, source_line=users_place(said))
