"""./dev where nothing is installed: its help, and what it refuses before it installs anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.write_help import COMMANDS, ROOT, help_of

# In the place of what installs; each run leaves a line in the file CALLS.
STUB = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\n'


class Checkout:
    """A copy of what ./dev reads, on a machine where packages are reported as `installed` or missing."""

    def __init__(self, root: Path, bin_: Path, installed: bool = True) -> None:
        self.root, self.calls = root, bin_ / "calls"
        (root / "docs").mkdir(parents=True)
        bin_.mkdir()
        shutil.copy(ROOT / "dev", root)
        shutil.copy(ROOT / "requirements.lock", root)
        shutil.copytree(ROOT / "docs" / "help", root / "docs" / "help")
        for name in ("apt-get", "bazel", "sudo"):
            write_script(bin_ / name, STUB)
        write_script(bin_ / "dpkg-query", f"#!/bin/sh\necho {'ii' if installed else 'un'}\n")
        self.path = f"{bin_}:/usr/bin:/bin"

    def dev(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs ./dev, and is sure that it has called nothing that installs or builds."""
        env = {"PATH": self.path, "CALLS": str(self.calls), "HOME": str(self.root), **environment}
        done = subprocess.run([self.root / "dev", *arguments], env=env, capture_output=True, text=True)
        assert not self.calls.exists(), self.calls.read_text()
        return done


def write_script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", tmp_path / "bin")


@pytest.mark.parametrize("arguments", [("run", "--help"), ("run", "--layers", "2", "--help"), ("run", "-h")])
def test_help_needs_nothing(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    done = checkout.dev(*arguments)
    assert done.returncode == 0
    assert done.stdout.startswith("./dev run: a BERT") and "[pairs: 32, else 128]" in done.stdout
    assert not (checkout.root / ".venv").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_that_of_the_program(command: str) -> None:
    assert (ROOT / "docs" / "help" / f"{command}.txt").read_text() == help_of(command)


def test_every_command_has_help_and_others_are_refused(checkout: Checkout) -> None:
    listed = checkout.dev().stdout.splitlines()
    assert checkout.dev("--help").stdout.splitlines() == listed
    for line in listed:
        _, name, *what = line.split()
        done = checkout.dev(name, "--help")
        assert done.returncode == 0 and done.stdout.splitlines()[0] == f"./dev {name}: {' '.join(what)}"
    unknown = checkout.dev("rnu")
    assert unknown.returncode == 2 and "no command 'rnu'" in unknown.stderr


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "is no Python that runs here; Python 3.11 is needed: name another in DITTO_PYTHON"),
        ("exit 1", "is no Python that runs here"),
        ("echo 3.13", "is Python 3.13; Python 3.11 is needed"),
    ],
)
def test_a_wrong_interpreter_leaves_nothing(tmp_path: Path, script: str | None, message: str) -> None:
    checkout = Checkout(tmp_path / "checkout", tmp_path / "bin", installed=False)
    wrong = tmp_path / "python"
    if script is not None:
        write_script(wrong, f"#!/bin/sh\n{script}\n")
    done = checkout.dev("build", DITTO_PYTHON=str(wrong))
    assert done.returncode == 1 and f"{wrong} {message}" in done.stderr
    assert not (checkout.root / ".venv").exists()


def test_an_environment_that_fails_half_way_leaves_nothing(checkout: Checkout, tmp_path: Path) -> None:
    half = 'case "$*" in -c*) echo 3.11 ;; *) mkdir "$3" && touch "$3/lib"; exit 1 ;; esac'
    python = write_script(tmp_path / "python", f"#!/bin/sh\n{half}\n")
    done = checkout.dev("build", DITTO_PYTHON=str(python))
    assert done.returncode == 1 and "makes no virtual environment" in done.stderr
    assert not (checkout.root / ".venv").exists()


def test_a_folder_that_is_no_environment_is_kept(checkout: Checkout, tmp_path: Path) -> None:
    python = write_script(tmp_path / "python", "#!/bin/sh\necho 3.11\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("keep me")
    done = checkout.dev("build", DITTO_PYTHON=str(python), DITTO_VENV=str(tmp_path / "mine"))
    assert done.returncode == 1 and "is no virtual environment: remove it" in done.stderr
    assert (tmp_path / "mine" / "letter").exists()


def test_an_environment_of_another_python_is_named(checkout: Checkout) -> None:
    (checkout.root / ".venv" / "bin").mkdir(parents=True)
    write_script(checkout.root / ".venv" / "bin" / "python", "#!/bin/sh\necho 3.12\n")
    done = checkout.dev("lint")
    assert done.returncode == 1 and "is Python 3.12" in done.stderr and "remove" in done.stderr


def test_a_path_with_a_space_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "my checkout", tmp_path / "bin", installed=False)
    done = checkout.dev("run")
    assert done.returncode == 1
    assert f"there is one in '{checkout.root}': move it" in done.stderr
    assert os.listdir(checkout.root) and not (checkout.root / ".venv").exists()


def test_a_machine_without_apt_is_told_what_is_needed(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", tmp_path / "bin", installed=False)
    (tmp_path / "bin" / "apt-get").unlink()
    for name in ("bash", "sh", "env", "sed", "grep", "cat", "dirname", "basename"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name, path="/usr/bin:/bin") or "")
    checkout.path = str(tmp_path / "bin")
    done = checkout.dev("build")
    assert done.returncode == 1 and "no apt-get here" in done.stderr and "bazel-bootstrap" in done.stderr
