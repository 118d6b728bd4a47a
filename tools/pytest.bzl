"""pytest under Bazel."""

def pytest_test(name, srcs, deps = [], **kwargs):
    """Runs test files with pytest.

    `import ditto` and `import spu_ditto` resolve as in the checkout. Files that a test reads belong in `data`, say
    data = glob(["*.mlir"]) for filecheck inputs, and lie beside the test: Path(__file__).parent / "x.mlir" (do not
    resolve() it, for that leads out of the test's declared files).

    Args:
      name: name of the target.
      srcs: test_*.py files, all of which run, and conftest.py or helpers beside them.
      deps: the py_library targets that the tests import.
      **kwargs: data, size, tags, ... as in py_test.
    """
    top = "/".join([".."] * len(native.package_name().split("/"))) if native.package_name() else "."
    native.py_test(
        name = name,
        srcs = srcs + ["//tools:pytest_main.py"],
        args = ["$(location %s)" % src for src in srcs if src.split("/")[-1].startswith("test_")],
        imports = [top, top + "/python"],
        main = "//tools:pytest_main.py",
        python_version = "PY3",
        srcs_version = "PY3",
        deps = deps + ["@python_venv//:packages"],
        **kwargs
    )
