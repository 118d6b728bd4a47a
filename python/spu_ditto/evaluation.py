"""Many samples on several trios of parties at once: each is answered once, whatever is lost meanwhile."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from spu_ditto.errors import RuntimeFailure

log = logging.getLogger(__name__)

# How often a sample may be on a trio that is lost: then it is what loses them.
_MOST_LOSSES = 3
# How often in a row a trio may be opened in vain, and the pause after the first time, in seconds.
_MOST_OPENINGS, _PAUSE = 3, 1.0

Sample = TypeVar("Sample")
Answer = TypeVar("Answer")

Trio = Callable[[], AbstractContextManager[Callable[[Sample], Answer]]]


def evaluate(samples: Iterable[Sample], trio: Trio[Sample, Answer], trios: int = 1) -> list[Answer]:
    """The answers to independent samples, in their order.

    A trio that fails (RuntimeFailure) is closed, and another is opened in its place; the sample that it had is given to
    whichever is free next. Several trios are called from a thread each.

        @contextlib.contextmanager
        def trio():
            with on_ray():                             # or processes(), connect(...)
                weights = secure.share(params)         # once for each trio
                yield lambda x: secure(weights, x)

    Args:
        samples: read one by one, when a trio is free.
        trio: opens three parties, and gives the function that answers a sample there.
        trios: how many at a time.

    Raises:
        RuntimeFailure: a sample was on three trios that failed, or no trio can be opened any more.
        RangeError: a sample is refused; and whatever else the function raises ends the evaluation.
    """
    work = _Work[Sample, Answer](samples)
    with ThreadPoolExecutor(max(1, trios - 1), thread_name_prefix="trio") as pool:
        for _ in range(trios - 1):
            pool.submit(_serve, work, trio)
        _serve(work, trio)
    return work.result()


def _serve(work: _Work[Sample, Answer], trio: Trio[Sample, Answer]) -> None:
    """Answers samples on one trio at a time until there are none."""
    in_vain = 0
    while work.goes_on():
        opened = False
        try:
            with trio() as answer:
                opened = True
                while (taken := work.take()) is not None:
                    number, sample = taken
                    try:
                        work.answered(number, answer(sample))
                    except RuntimeFailure as error:
                        work.lost(number, sample, error)
                        raise
        except RuntimeFailure as error:
            in_vain = 0 if opened else in_vain + 1
            log.warning("%s: %s", "a trio is lost" if opened else "a trio cannot be opened", error)
            if in_vain == _MOST_OPENINGS:
                work.without_a_trio(error)
                return
            time.sleep(_PAUSE * in_vain)
        except BaseException as error:
            work.failed(error)


class _Work(Generic[Sample, Answer]):
    """What is left to be done. A sample is waiting, or at one trio, or answered."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._unread = enumerate(samples)
        self._again: deque[tuple[int, Sample]] = deque()
        self._at_trios = 0
        self._losses: Counter[int] = Counter()
        self._answers: dict[int, Answer] = {}
        self._complete = False
        self._failure: BaseException | None = None
        self._last: RuntimeFailure | None = None
        self._changed = threading.Condition()

    def goes_on(self) -> bool:
        """Whether there may be something to do."""
        return not self._complete and self._failure is None

    def take(self) -> tuple[int, Sample] | None:
        """The next sample with its number, None if there are no more: waits while one may come back from a trio."""
        with self._changed:
            while self._failure is None:
                taken = self._again.popleft() if self._again else next(self._unread, None)
                if taken is not None:
                    self._at_trios += 1
                    return taken
                if not self._at_trios:
                    self._complete = True
                    return None
                self._changed.wait()
            return None

    def answered(self, number: int, answer: Answer) -> None:
        with self._changed:
            self._answers[number] = answer
            self._at_trios -= 1
            self._changed.notify_all()

    def lost(self, number: int, sample: Sample, error: RuntimeFailure) -> None:
        with self._changed:
            self._losses[number] += 1
            if self._losses[number] == _MOST_LOSSES:
                failure = RuntimeFailure(f"sample {number} was on {_MOST_LOSSES} trios that failed, at last: {error}")
                failure.__cause__ = error
                self._failure = self._failure or failure
            self._again.append((number, sample))
            self._at_trios -= 1
            self._changed.notify_all()

    def without_a_trio(self, error: RuntimeFailure) -> None:
        """A thread has none, and can open none; others may."""
        self._last = error

    def failed(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def result(self) -> list[Answer]:
        """All answers, once nobody works any more. Raises what has ended the evaluation before."""
        if self._failure is not None:
            raise self._failure
        if not self._complete:
            raise RuntimeFailure(f"after {len(self._answers)} answers there is no trio any more: {self._last}")
        return [self._answers[number] for number in range(len(self._answers))]
