"""`spu-ditto stop` ends what `spu-ditto up` runs, and nothing else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ditto.cli import app
from ditto.parties.config import read_config
from ditto.parties.setup import make_configuration
from tests.e2e.nodes import take_free_ports


class Up:
    """`spu-ditto up`, once all three nodes listen."""

    def __init__(self, config: Path) -> None:
        command = [sys.executable, "-m", "ditto.cli", "up", "--config", str(config)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
        )
        assert self.process.stdout is not None
        said = [self.process.stdout.readline() for _ in range(3)]
        assert all("listens" in line for line in said), said

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    made = make_configuration(tmp_path / "trial")
    take_free_ports(made)
    return made


@pytest.fixture
def up(config: Path) -> Iterator[Up]:
    started = Up(config)
    yield started
    started.close()


def spu_ditto(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, " ".join(result.output.split())


def test_it_ends_the_nodes_and_what_watches_them(config: Path, up: Up) -> None:
    assert spu_ditto("stop", "--config", config) == (0, f"stopped process {up.process.pid} and its nodes")
    assert up.process.wait(0) == 0
    for address in read_config(config).nodes:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
    code, said = spu_ditto("stop", "--config", config)
    assert code == 1 and f"no `spu-ditto up --config {config}` runs on this machine" in said
    # What is left of it does not keep nodes from being started anew.
    again = Up(config)
    assert spu_ditto("stop", "--config", config)[0] == 0
    again.close()


def test_one_configuration_is_run_once(config: Path, up: Up) -> None:
    code, said = spu_ditto("up", "--config", config)
    assert code == 1
    assert f"process {up.process.pid} runs the nodes" in said and f"spu-ditto stop --config {config}" in said
    # By another path too.
    link = config.with_name("link.json")
    link.symlink_to(config)
    assert spu_ditto("stop", "--config", link)[0] == 0
    assert up.process.wait(0) == 0


def test_a_process_that_was_killed_runs_nothing(config: Path, up: Up) -> None:
    up.process.send_signal(signal.SIGKILL)
    up.process.wait()
    code, said = spu_ditto("stop", "--config", config)
    assert code == 1 and "runs on this machine" in said


def test_nothing_else_is_stopped(config: Path, up: Up, tmp_path: Path) -> None:
    other = make_configuration(tmp_path / "other")
    code, said = spu_ditto("stop", "--config", other)
    assert code == 1 and str(other) in said
    assert up.process.poll() is None
    for address in read_config(config).nodes:
        socket.create_connection(address).close()


def test_a_file_that_is_no_configuration_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "3pc.json"
    file.write_text("{}")
    code, said = spu_ditto("up", "--config", file)
    assert code == 1 and "nodes is missing" in said
