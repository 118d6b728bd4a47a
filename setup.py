"""`pip install .`: Bazel builds the extension ditto._core, setuptools packs it with the two Python packages."""

import subprocess
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
TARGET = "//ditto:_core.so"


class BazelBuildExt(build_ext):
    """Builds for the interpreter that pip runs in, wherever the checkout's own virtual environment is."""

    def build_extension(self, ext: Extension) -> None:
        flags = ["--repo_env=DITTO_VENV=", f"--repo_env=DITTO_PYTHON={sys.executable}"]
        try:
            subprocess.run(["bazel", "build", *flags, TARGET], cwd=ROOT, check=True)
        except FileNotFoundError:
            sys.exit("bazel is missing: install the Debian package bazel-bootstrap, or run ./dev build, which does")
        info = subprocess.run(
            ["bazel", "info", *flags, "bazel-bin"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        target = Path(self.get_ext_fullpath(ext.name))
        self.mkpath(str(target.parent))
        self.copy_file(str(Path(info.stdout.strip(), "ditto/_core.so")), str(target))


setup(
    packages=find_packages(include=["ditto", "ditto.*"])
    + find_packages("python", include=["spu_ditto", "spu_ditto.*"]),
    package_dir={"ditto": "ditto", "spu_ditto": "python/spu_ditto"},
    include_package_data=False,  # MANIFEST.in is for the sdist: no sources of the engine in wheels
    package_data={
        "ditto": [
            "_core.pyi",
            "demo.html",
            "parties/wire.proto",
            "parties/wire_pb2.pyi",
            "policy/plan.schema.json",
            "py.typed",
        ],
        "spu_ditto": ["py.typed", "reports/page/*"],
    },
    ext_modules=[Extension("ditto._core", sources=[])],
    cmdclass={"build_ext": BazelBuildExt},
)
