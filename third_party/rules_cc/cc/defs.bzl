"""What Bazel's own C++ toolchain loads from here: the native rules, marked as Bazel demands of those who wrap them."""

_MARK = "__CC_RULES_MIGRATION_DO_NOT_USE_WILL_BREAK__"

def _marked(attrs):
    return dict(attrs, tags = (attrs.get("tags") or []) + [_MARK])

def cc_binary(**attrs):
    native.cc_binary(**_marked(attrs))

def cc_import(**attrs):
    native.cc_import(**_marked(attrs))

def cc_library(**attrs):
    native.cc_library(**_marked(attrs))

def cc_test(**attrs):
    native.cc_test(**_marked(attrs))

def cc_toolchain(**attrs):
    native.cc_toolchain(**_marked(attrs))

def cc_toolchain_suite(**attrs):
    native.cc_toolchain_suite(**_marked(attrs))
