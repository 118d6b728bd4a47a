"""Searching which heads and layers need their own functions: what stands where, within a budget of time or bytes.

    results = search("animals", Path("run"), Settings())

Needs the extra `search`; nothing that compiles or computes on shares imports it.
"""

from spu_ditto.search.plan import Plan
from spu_ditto.search.run import Settings, search

__all__ = ["Plan", "Settings", "search"]
