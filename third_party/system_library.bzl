"""Libraries that come from Debian packages.

Their headers stay in /usr/include, where the compiler finds them by itself and treats them as system headers (no
warnings from them). All that Bazel has to know is how to link, so each library is one call in WORKSPACE.
"""

def _system_library_impl(ctx):
    if not ctx.path("/usr/include/" + ctx.attr.header).exists:
        fail("/usr/include/%s is missing: install the Debian package %s, or run ./dev build, which does" %
             (ctx.attr.header, ctx.attr.package))
    ctx.file("BUILD.bazel", """
cc_library(
    name = {name},
    defines = {defines},
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
    deps = {deps},
)
""".format(
        name = repr(ctx.attr.target or ctx.name),
        defines = repr(ctx.attr.defines),
        linkopts = repr(ctx.attr.linkopts),
        deps = repr([str(dep) for dep in ctx.attr.deps]),
    ))

system_library = repository_rule(
    implementation = _system_library_impl,
    attrs = {
        "defines": attr.string_list(),
        "deps": attr.string_list(),
        "header": attr.string(mandatory = True, doc = "a header below /usr/include that shows the package is there"),
        "linkopts": attr.string_list(),
        "package": attr.string(mandatory = True, doc = "the Debian package"),
        "target": attr.string(doc = "name of the cc_library, the repository's name by default"),
    },
    local = True,
)
