"""SPU's compiler kept running, so that the hundreds of small programs here pay for its start once.

As a script it answers requests, one JSON object {"source", "visibility"} a line, with one JSON object {"text"} or
{"error"} a line. `SpuService` starts it, and starts it anew after a program that the compiler dies of.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from spu_ditto.errors import CompileError


class SpuService:
    """Stands in for the one process per program of `spu_ditto.spu_compiler`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def compile(self, source: str, visibility: Sequence[str], timeout: float) -> str:
        """PPHLO text of a StableHLO module. Raises CompileError if SPU refuses it or dies."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({"source": source, "visibility": list(visibility)}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            self.close()
            raise CompileError(None, "SPU's compiler died on this program")
        answer = json.loads(line)
        if "error" in answer:
            raise CompileError(None, f"SPU's compiler refuses this program:\n{answer['error']}")
        return str(answer["text"])

    def close(self) -> None:
        """Ends the process; the next program starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "JAX_PLATFORMS": "cpu"},
        )


def _answer(request: str) -> dict[str, str]:
    from spu_ditto.spu_worker import compiled

    try:
        return {"text": compiled(**json.loads(request))}
    except RuntimeError as error:
        return {"error": str(error)}


def _serve() -> None:
    # What the compiler itself prints must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for request in sys.stdin:
        answers.write(json.dumps(_answer(request)) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
