"""Runs SPU's compiler once. A script of its own because that compiler may abort its process on some inputs.

Usage: spu_worker.py REQUEST RESPONSE.
REQUEST is JSON: {"source": StableHLO text, "visibility": ["secret" | "public", ...]}. RESPONSE receives the PPHLO text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from spu import libspu


def main(request_path: str, response_path: str) -> None:
    request = json.loads(Path(request_path).read_text())
    kinds = {"secret": libspu.Visibility.VIS_SECRET, "public": libspu.Visibility.VIS_PUBLIC}
    source = libspu.CompilationSource(
        libspu.SourceIRType.STABLEHLO, request["source"].encode(), [kinds[name] for name in request["visibility"]]
    )
    options = libspu.CompilerOptions()
    # Values are freed by our engine, at their last use in our schedule.
    options.disable_deallocation_insertion = True
    code = libspu.compile(source, options)
    Path(response_path).write_bytes(code if isinstance(code, bytes) else code.encode())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RuntimeError as error:
        # SPU appends a C++ stack trace, which tells a user nothing.
        sys.exit(str(error).split("Stacktrace:")[0].split("stacktrace:")[0].strip())
