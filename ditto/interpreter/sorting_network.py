"""Which elements a sorting network compares, stage by stage: public, whatever the numbers are.

Batcher's odd-even merge sort (Sorting networks and their applications, 1968): of the networks with O(log^2 n) stages
the one with the fewest comparisons, 24,063 for 1024 elements, where the bitonic one has 28,160.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ditto.dialects.dense import Array


def stages(count: int) -> Iterator[tuple[Array, Array]]:
    """Positions (low, high) of pairs, disjoint in a stage: the lesser element of each belongs at the low one.

    A count that is no power of two is that of the next one with infinite elements at its end, which never move.
    """
    size = 1 << max(0, count - 1).bit_length()
    block = 1
    while block < size:
        distance = block
        while distance:
            first = np.arange(distance % block, count - distance)
            # Runs of `distance` are compared with the next one, every other run, within blocks that are merged.
            run = (first - distance % block) // distance % 2 == 0
            within = first // (2 * block) == (first + distance) // (2 * block)
            low = first[run & within]
            if low.size:
                yield low, low + distance
            distance //= 2
        block *= 2
