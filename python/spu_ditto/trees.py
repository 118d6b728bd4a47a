"""Pytrees of dicts, lists, tuples and None as JSON, so that a saved program needs no pickle."""

from __future__ import annotations

from typing import Any

import jax

from spu_ditto.errors import CompileError


def tree_to_json(tree: Any) -> Any:
    """Describes a tree structure (a `PyTreeDef`) as JSON.

    Raises:
        CompileError: the tree contains other containers than dict (with string keys), list, tuple and None.
    """
    return _describe(jax.tree_util.tree_unflatten(tree, range(tree.num_leaves)))


def tree_from_json(description: Any) -> Any:
    """The tree structure that `tree_to_json` described."""
    return jax.tree_util.tree_structure(_rebuild(description))


def _describe(node: Any) -> Any:
    if isinstance(node, int):
        return "leaf"
    if node is None:
        return None
    if type(node) is dict and all(isinstance(key, str) for key in node):
        return {"dict": {key: _describe(value) for key, value in node.items()}}
    if type(node) in (list, tuple):
        return {type(node).__name__: [_describe(value) for value in node]}
    raise CompileError(
        None,
        f"a program whose arguments or results contain a {type(node).__name__} cannot be saved; "
        "use dict, list and tuple",
    )


def _rebuild(description: Any) -> Any:
    if description is None:
        return None
    if description == "leaf":
        return 0
    ((kind, content),) = description.items()
    if kind == "dict":
        return {key: _rebuild(value) for key, value in content.items()}
    children = [_rebuild(value) for value in content]
    return tuple(children) if kind == "tuple" else children
