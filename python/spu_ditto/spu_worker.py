"""Runs SPU's compiler once. A script of its own because that compiler may abort its process on some inputs.

Usage: spu_worker.py REQUEST RESPONSE.
REQUEST is JSON: {"source": StableHLO text, "visibility": ["secret" | "public", ...]}. RESPONSE receives the PPHLO text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from spu import libspu

# SPU takes the epsilon of sqrt(x) + epsilon for a float64 here, and refuses other dtypes by this file's name.
_REWRITE_OF_EPSILONS = "optimize_sqrt_plus_eps"


def compiled(source: str, visibility: Sequence[str]) -> str:
    """PPHLO text of a StableHLO module. Raises RuntimeError, as SPU does, if it is refused."""
    try:
        return _compiled(source, visibility, rewrite_epsilons=True)
    except RuntimeError as error:
        if _REWRITE_OF_EPSILONS not in str(error):
            raise
    return _compiled(source, visibility, rewrite_epsilons=False)


def _compiled(source: str, visibility: Sequence[str], *, rewrite_epsilons: bool) -> str:
    kinds = {"secret": libspu.Visibility.VIS_SECRET, "public": libspu.Visibility.VIS_PUBLIC}
    module = libspu.CompilationSource(
        libspu.SourceIRType.STABLEHLO, source.encode(), [kinds[name] for name in visibility]
    )
    options = libspu.CompilerOptions()
    # Values are freed by our engine, at their last use in our schedule.
    options.disable_deallocation_insertion = True
    options.disable_sqrt_plus_epsilon_rewrite = not rewrite_epsilons
    code = libspu.compile(module, options)
    return code.decode() if isinstance(code, bytes) else str(code)


def main(request_path: str, response_path: str) -> None:
    request = json.loads(Path(request_path).read_text())
    Path(response_path).write_text(compiled(request["source"], request["visibility"]))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except RuntimeError as error:
        # SPU appends a C++ stack trace, which tells a user nothing.
        sys.exit(str(error).split("Stacktrace:")[0].split("stacktrace:")[0].strip())
