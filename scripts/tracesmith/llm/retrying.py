"""Trying again: which failures pass by themselves, and how long to wait for that."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TypeVar

from tracesmith.llm.clock import Clock
from tracesmith.llm.errors import ModelUnavailableError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
LONGEST_ASKED_S = 600.0
"""A server that asks for a longer pause is out of quota, not busy."""


@dataclass(eq=False)
class AttemptError(Exception):
    """One attempt failed in a way that another may not."""

    message: str
    kind: str
    """What a log may say of it: no text of the server's."""
    retry_after_s: float | None = None
    maybe_billed: bool = False
    """Whether the server may have answered: the connection was cut, or what came was no answer."""


def read_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for, given as such or as a date."""
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except ValueError:
        return None


def back_off(attempt: int, seed: str) -> float:
    """Return the wait after a failed attempt, counted from 1: doubled each time, spread over calls by their seed."""
    spread = int.from_bytes(sha256(f"{seed} {attempt}".encode()).digest()[:4]) / 2**32
    return float(min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S) * (0.5 + spread / 2))


@dataclass(frozen=True)
class Retries:
    """How often, and what is done between two attempts."""

    attempts: int
    clock: Clock
    pause_all: Callable[[float], None]
    """Told when the server asks for a pause: it holds for every call."""

    def run(self, attempt: Callable[[int], Result], seed: str, what: str) -> Result:
        """Return the result of the first attempt that succeeds. Raises ModelUnavailableError after the last."""
        for number in range(1, self.attempts + 1):
            try:
                return attempt(number)
            except AttemptError as failure:
                self._wait(failure, number, seed, what)
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, failure: AttemptError, number: int, seed: str, what: str) -> None:
        asked = failure.retry_after_s
        if asked is not None and asked > LONGEST_ASKED_S:
            raise ModelUnavailableError(
                f"{what}: the server wants a pause of {asked:.0f} s: {failure.message}"
            ) from None
        if number == self.attempts:
            raise ModelUnavailableError(f"{what}: no answer in {number} attempts: {failure.message}") from None
        wait = max(asked or 0.0, back_off(number, seed))
        if asked:
            self.pause_all(asked)
        logger.info("%s: attempt %d failed (%s), the next in %.1f s", what, number, failure.kind, wait)
        self.clock.wait(wait)
