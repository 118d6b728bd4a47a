"""What Bazel's own Java toolchain loads from here: the native rules, marked as Bazel demands of those who wrap them."""

_MARK = "__JAVA_RULES_MIGRATION_DO_NOT_USE_WILL_BREAK__"

def _marked(attrs):
    return dict(attrs, tags = (attrs.get("tags") or []) + [_MARK])

def java_import(**attrs):
    native.java_import(**_marked(attrs))

def java_runtime(**attrs):
    native.java_runtime(**_marked(attrs))

def java_toolchain(**attrs):
    native.java_toolchain(**_marked(attrs))
