"""Fuzz targets as tests."""

def fuzz_test(name, deps):
    """Runs the target NAME_fuzz.cc on its corpus, and for some seconds on what is made of that.

    Args:
      name: the target's; its corpus is the folder corpus/NAME.
      deps: what it tests.
    """
    corpus = native.glob(["corpus/%s/*" % name])
    native.cc_test(
        name = name + "_fuzz",
        size = "medium",
        srcs = [name + "_fuzz.cc"],
        args = ["-max_total_time=3", "-seed=1"] + ["$(location %s)" % file for file in corpus],
        data = corpus,
        linkstatic = True,
        tags = ["fuzz"],
        deps = [":driver"] + deps,
    )
