"""Runs a page's commands one after the other, as somebody types them who has activated the environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType


class Shell:
    """A terminal in `folder`. What `up` starts is ended with the `with` block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        programs = folder / ".bin"
        programs.mkdir()
        command, python = programs / "spu-ditto", programs / "python"
        command.write_text(f"#!{sys.executable}\nfrom ditto.cli import app\n\napp()\n")
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        for program in (command, python):
            program.chmod(0o755)
        modules = os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path)
        cache = str(folder / ".cache")
        path = f"{programs}:{os.environ['PATH']}"
        self._env = {**os.environ, "PATH": path, "PYTHONPATH": modules, "SPU_DITTO_CACHE": cache}
        self._left: list[subprocess.Popen[str]] = []

    def run(self, line: str) -> str:
        """What a command prints; what goes on in the foreground is given back once it listens."""
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self._env[name] = value
            return ""
        if line.startswith(("spu-ditto up ", "spu-ditto node ", "spu-ditto demo ")):
            return self._start(line, 3 if line.startswith("spu-ditto up ") else 1)
        done = subprocess.run(["bash", "-c", line], cwd=self._folder, env=self._env, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _start(self, line: str, listeners: int) -> str:
        log = (self._folder / ".log").open("a")
        running = subprocess.Popen(
            line.split(), cwd=self._folder, env=self._env, stdout=subprocess.PIPE, stderr=log, text=True
        )
        self._left.append(running)
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(listeners)]
        assert all("listens" in one for one in said), (self._folder / ".log").read_text()
        return "".join(said)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for running in self._left:
            running.send_signal(signal.SIGINT)
        for running in self._left:
            running.communicate(timeout=30)
