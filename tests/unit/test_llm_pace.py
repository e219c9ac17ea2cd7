"""Pace and retries: so many requests a minute, pauses that hold for all, and waits that grow."""

from email.utils import formatdate
from pathlib import Path

import pytest

from llm_server import QuickClock
from tracesmith.llm.errors import ModelUnavailableError
from tracesmith.llm.pacing import Pace
from tracesmith.llm.retrying import AttemptError, Retries, back_off, read_retry_after


def test_requests_are_spread_over_the_minute_for_all_who_share_the_folder(tmp_path: Path) -> None:
    clock = QuickClock()
    begun = clock.now()
    paces = [Pace(tmp_path, 30, clock) for _ in range(3)]
    moments = []
    for number in range(9):
        paces[number % 3].wait_for_turn()
        moments.append(clock.now() - begun)
    assert moments == pytest.approx([2.0 * number for number in range(9)])


def test_a_slow_caller_never_waits(tmp_path: Path) -> None:
    clock = QuickClock()
    pace = Pace(tmp_path, 60, clock)
    for _ in range(3):
        pace.wait_for_turn()
        clock.wait(5)
    assert [wait for wait in clock.waits if wait] == [5, 5, 5]


def test_a_pause_holds_for_others_without_a_rate_too(tmp_path: Path) -> None:
    clock = QuickClock()
    Pace(tmp_path, None, clock).pause(12)
    other = Pace(tmp_path, None, clock)
    other.wait_for_turn()
    other.wait_for_turn()
    assert clock.waits == [12, 0]


def test_without_rate_and_pause_nothing_is_written(tmp_path: Path) -> None:
    Pace(tmp_path / "new", None, QuickClock()).wait_for_turn()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("", None), ("soon", None), ("3", 3), ("1.5", 1.5), ("-2", 0), (formatdate(1060, usegmt=True), 60)],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, now=1000) == seconds


def test_waits_double_to_a_limit_and_differ_between_calls() -> None:
    waits = [back_off(attempt, "a") for attempt in range(1, 12)]
    assert all(2 ** (attempt - 1) / 2 <= wait <= 2 ** (attempt - 1) for attempt, wait in enumerate(waits[:6], start=1))
    assert max(waits) <= 60
    assert waits == [back_off(attempt, "a") for attempt in range(1, 12)]
    assert back_off(3, "a") != back_off(3, "b")


def test_attempts_end_and_a_pause_is_passed_on() -> None:
    clock, pauses, tried = QuickClock(), [], []

    def attempt(number: int) -> str:
        tried.append(number)
        raise AttemptError("busy", "429", retry_after_s=9.0 if number == 1 else None)

    with pytest.raises(ModelUnavailableError, match="rule one: no answer in 3 attempts: busy"):
        Retries(3, clock, pauses.append).run(attempt, "seed", "rule one")
    assert tried == [1, 2, 3]
    assert pauses == [9.0]
    assert clock.waits == [9.0, back_off(2, "seed")]
