"""How much of a node's memory one caller may have, in all sessions together; asked for before anything is allocated."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import Counter
from collections.abc import Hashable
from pathlib import Path

from ditto.errors import DittoError


class OverBudget(DittoError):
    """A caller asks for more memory than it may have."""


class Budget:
    """What callers hold at a node.

    Args:
        most: bytes of one caller; half of this machine's memory, or of what a container may have, if it is None.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = _memory() // 2 if most is None else most
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, caller: str, size: float) -> None:
        """Counts bytes as held, or, negative, as free again. Raises OverBudget."""
        with self._lock:
            if size > 0 and self._held[caller] + size > self._most:
                raise OverBudget(
                    f"holds no more than {self._most:,} bytes for {caller}, who has {self._held[caller]:,} and asks "
                    f"for {int(size):,} more: close other sessions, or run it in smaller parts"
                )
            self._held[caller] += int(size)


class Account:
    """What one session holds, each thing under a name. Counted once, however often it is given back."""

    def __init__(self, budget: Budget, caller: str) -> None:
        self._budget, self._caller = budget, caller
        self._sizes: dict[Hashable, int] = {}

    def hold(self, what: Hashable, size: float) -> None:
        """Counts a thing, in the place of one that had its name. Raises OverBudget, and then counts neither."""
        self.free(what)
        self._budget.take(self._caller, size)
        self._sizes[what] = int(size)

    def free(self, what: Hashable) -> None:
        """The thing is held no more, if it was."""
        self._budget.take(self._caller, -self._sizes.pop(what, 0))

    def close(self) -> None:
        """Nothing is held any more."""
        for what in list(self._sizes):
            self.free(what)


def _memory() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    # Not there, or "max", where nothing is limited.
    with contextlib.suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory
