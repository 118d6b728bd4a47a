"""Samples on several trios: each is answered once, in order, whatever fails meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import spu_ditto
from spu_ditto import RangeError, RuntimeFailure
from spu_ditto import evaluation as module
from spu_ditto.evaluation import evaluate

Trio = Callable[[], contextlib.AbstractContextManager[Callable[[int], int]]]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.0)


class Trios:
    """Answer n with n * n. `falls`: whether a trio fails at this sample, after so many have been asked."""

    def __init__(self, falls: Callable[[int, int], bool] = lambda asked, sample: False) -> None:
        self._falls = falls
        self._lock = threading.Lock()
        self.opened = self.closed = 0
        self.asked: list[int] = []

    @contextlib.contextmanager
    def __call__(self) -> Iterator[Callable[[int], int]]:
        with self._lock:
            self.opened += 1
            own = self.opened
        try:
            yield lambda sample: self._answer(own, sample)
        finally:
            with self._lock:
                self.closed += 1

    def _answer(self, own: int, sample: int) -> int:
        with self._lock:
            falls = self._falls(len(self.asked), sample)
            self.asked.append(sample)
        if falls:
            raise RuntimeFailure(f"P1 of trio {own} is lost")
        return sample * sample


@pytest.mark.parametrize("trios", [1, 2, 5])
def test_all_are_answered_in_order(trios: int) -> None:
    parties = Trios()
    assert evaluate(iter(range(100)), parties, trios) == [n * n for n in range(100)]
    assert sorted(parties.asked) == list(range(100))
    assert 1 <= parties.opened == parties.closed <= trios


@pytest.mark.parametrize("trios", [1, 2, 5])
def test_what_a_lost_trio_had_is_answered_by_another(trios: int) -> None:
    parties = Trios(lambda asked, sample: asked in (3, 10, 50, 102))
    assert evaluate(range(100), parties, trios) == [n * n for n in range(100)]
    assert len(parties.asked) == 104 and set(parties.asked) == set(range(100))
    assert 5 <= parties.opened == parties.closed


def test_samples_are_read_when_a_trio_is_free() -> None:
    read: list[int] = []

    def samples() -> Iterator[int]:
        for n in range(10):
            read.append(n)
            yield n

    @contextlib.contextmanager
    def trio() -> Iterator[Callable[[int], int]]:
        yield lambda sample: len(read) - sample

    assert evaluate(samples(), trio) == [1] * 10


def test_a_sample_that_every_trio_fails_at_is_named() -> None:
    parties = Trios(lambda asked, sample: sample == 13)
    with pytest.raises(RuntimeFailure, match="sample 13 was on 3 trios that failed, at last: P1 of trio . is lost"):
        evaluate(range(20), parties, 2)
    assert parties.asked.count(13) == 3 and parties.opened == parties.closed


def test_without_trios_the_reason_is_told() -> None:
    tried = []

    @contextlib.contextmanager
    def trio() -> Iterator[Callable[[int], int]]:
        tried.append(True)
        raise RuntimeFailure("nobody listens")
        yield lambda sample: sample

    with pytest.raises(RuntimeFailure, match="after 0 answers there is no trio any more: nobody listens"):
        evaluate(range(20), trio, 2)
    assert len(tried) == 6


def test_one_trio_goes_on_where_others_cannot_be_opened_again() -> None:
    lock, opened = threading.Lock(), []

    @contextlib.contextmanager
    def trio() -> Iterator[Callable[[int], int]]:
        with lock:
            opened.append(True)
            first = len(opened) == 1
        if not first:
            raise RuntimeFailure("no place")
        yield lambda sample: -sample

    assert evaluate(range(50), trio, 3) == [-n for n in range(50)]


def test_other_errors_end_it() -> None:
    def refused(asked: int, sample: int) -> bool:
        if sample == 5:
            raise RangeError("x is 1e9")
        return False

    parties = Trios(refused)
    with pytest.raises(RangeError, match="x is 1e9"):
        evaluate(range(1000), parties, 2)
    assert len(parties.asked) < 1000 and parties.opened == parties.closed
    with pytest.raises(ZeroDivisionError):
        evaluate((1 // n for n in (1, 0)), Trios(), 2)


def test_three_parties_answer() -> None:
    secure = spu_ditto.compile(lambda w, x: w * x)
    weights, x = np.array([2, -1], np.float32), np.array([3, 4], np.float32)

    @contextlib.contextmanager
    def trio() -> Iterator[Callable[[int], np.ndarray]]:
        with spu_ditto.use_runtime(spu_ditto.Simulator()):
            shared = secure.share(weights)
            yield lambda sample: secure(shared, sample * x)

    answers = evaluate(range(8), trio, 2)
    np.testing.assert_allclose(answers, [n * weights * x for n in range(8)], atol=1e-3)
