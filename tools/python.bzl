"""The Python that the extension is built for and the virtual environment that the tests run in.

DITTO_LOCK: the packages, requirements.lock by default.
DITTO_VENV: an existing virtual environment with these installed; without it Bazel creates its own.
DITTO_PYTHON: the interpreter otherwise, /usr/bin/python3.11 by default, whatever a shell's PATH says.
"""

def _interpreter(ctx):
    venv = ctx.os.environ.get("DITTO_VENV")
    return venv + "/bin/python" if venv else ctx.os.environ.get("DITTO_PYTHON") or "/usr/bin/python3.11"

def _run(ctx, *args):
    result = ctx.execute(args, timeout = 3600, environment = {"PYTHONHOME": "", "PYTHONPATH": ""})
    if result.return_code:
        fail("%s failed:\n%s%s" % (" ".join(args), result.stdout, result.stderr))
    return result.stdout.strip()

def _python_headers_impl(ctx):
    include = _run(ctx, _interpreter(ctx), "-c", "import sysconfig; print(sysconfig.get_path('include'))")
    if not ctx.path(include + "/Python.h").exists:
        fail("%s/Python.h is missing: install the Debian package python3-dev, or run ./dev build, which does" % include)
    ctx.symlink(include, "include")
    ctx.file("BUILD.bazel", """
cc_library(
    name = "headers",
    hdrs = glob(["include/**/*.h"]),
    includes = ["include"],
    visibility = ["//visibility:public"],
)
""")

python_headers = repository_rule(
    implementation = _python_headers_impl,
    environ = ["DITTO_PYTHON", "DITTO_VENV"],
    local = True,
)

def _python_venv_impl(ctx):
    lock = ctx.path(Label("//:" + (ctx.os.environ.get("DITTO_LOCK") or "requirements.lock")))
    python = _interpreter(ctx)
    if not ctx.os.environ.get("DITTO_VENV"):
        ctx.report_progress("creating a virtual environment")
        _run(ctx, python, "-m", "venv", "venv")
        python = str(ctx.path("venv/bin/python"))
        ctx.report_progress("installing " + lock.basename)
        _run(ctx, python, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", str(lock))

    # A data dependency of every Python test, so that results do not outlive a change of the packages.
    ctx.file("packages.txt", _run(ctx, python, "-VV") + "\n" + ctx.read(lock))
    ctx.file("BUILD.bazel", """
load("@bazel_tools//tools/python:toolchain.bzl", "py_runtime_pair")

package(default_visibility = ["//visibility:public"])

py_library(
    name = "packages",
    data = ["packages.txt"],
)

py_runtime(
    name = "runtime",
    interpreter_path = "{python}",
    python_version = "PY3",
    stub_shebang = "#!{python}",
)

py_runtime_pair(
    name = "runtime_pair",
    py3_runtime = ":runtime",
)
""".format(python = python))

python_venv = repository_rule(
    implementation = _python_venv_impl,
    environ = ["DITTO_LOCK", "DITTO_PYTHON", "DITTO_VENV"],
)
