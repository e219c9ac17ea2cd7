"""The pool: results in order, one failed sandbox is no verdict and stops nobody, everything else does."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from tracesmith import pool
from tracesmith.errors import IncompleteError, InfrastructureError, InputError, StoppedError


def nothing() -> None:
    pass


def test_results_come_in_the_order_of_the_items() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * 10

    assert list(pool.each(range(25), work, 4, nothing)) == [number * 10 for number in range(25)]
    assert list(pool.each([], work, 4, nothing)) == []


def test_as_many_threads_as_workers_are_at_work() -> None:
    together = threading.Barrier(3, timeout=60)

    def work(number: int) -> int:
        return together.wait() * 0 + number

    assert list(pool.each(range(6), work, 3, nothing)) == list(range(6))


def test_one_infrastructure_error_is_none_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    def work(number: int) -> int:
        if number == 2:
            raise InfrastructureError("no disk")
        return number

    with caplog.at_level(logging.WARNING):
        assert list(pool.each(range(5), work, 2, nothing)) == [0, 1, None, 3, 4]
    assert "no verdict: no disk" in caplog.text


@pytest.mark.parametrize("error", [InputError("bad patch"), ZeroDivisionError(), StoppedError("stopped")])
def test_any_other_error_rises_and_the_rest_is_dropped(error: Exception) -> None:
    stopped, begun = threading.Event(), set()

    def work(number: int) -> int:
        begun.add(number)
        if number == 1:
            raise error
        return number

    with pytest.raises(type(error)):
        list(pool.each(range(100), work, 1, stopped.set))
    assert stopped.is_set()
    assert len(begun) <= 5


def test_a_reader_that_ends_early_stops_the_work_under_way_and_drops_the_rest() -> None:
    stopped, begun, ended = threading.Event(), set(), set()

    def work(number: int) -> int:
        begun.add(number)
        if number > 0:
            stopped.wait(60)
            ended.add(number)
            raise StoppedError("stopped")
        return number

    results = pool.each(range(100), work, 2, stopped.set)
    assert next(results) == 0
    results.close()
    assert stopped.is_set()
    assert begun - {0} == ended, "close waits for the work under way"
    assert len(begun) <= 4


def test_work_is_at_most_twice_the_workers_ahead_of_the_reader() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return number

    results = pool.each(range(100), work, 2, nothing)
    next(results)
    time.sleep(0.1)
    assert len(begun) <= 5
    results.close()


def test_nothing_is_stopped_when_all_went_well() -> None:
    stopped = threading.Event()
    list(pool.each(range(5), lambda number: number, 2, stopped.set))
    assert not stopped.is_set()


def test_missing_verdicts_are_an_error_of_code_1_that_says_how_many() -> None:
    pool.check_complete(0, 7, "candidates")
    with pytest.raises(IncompleteError, match="2 of 7 candidates have no verdict") as raised:
        pool.check_complete(2, 7, "candidates")
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 20])
def test_shards_are_a_partition_of_the_items(shards: int) -> None:
    items = list(range(11))
    parts = [pool.Share(1, (number, shards)).of(items) for number in range(1, shards + 1)]
    assert sorted(item for part in parts for item in part) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    make: Callable[[], pool.Share] = lambda: pool.Share(1)  # noqa: E731
    assert list(make().of(items)) == items
    assert make().is_whole() and not pool.Share(1, (1, 1)).is_whole()
