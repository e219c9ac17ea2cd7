"""How far the work is, what it has cost and will cost: a bar on a terminal, lines in a log."""

import contextlib
import logging
import sys
import time
from collections.abc import Generator
from types import TracebackType
from typing import Protocol, TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

Item = TypeVar("Item")
logger = logging.getLogger(__name__)
LINE_EVERY_S = 30.0
MINUTE, HOUR = 60, 3600


class Costs(Protocol):
    """What work has cost so far."""

    def calls(self) -> str:
        """Return how many calls were paid, and how many were not, in words."""

    def money(self, done: int, total: int) -> str:
        """Return what was paid, and what all the work will have cost once it is done, in words."""


class Progress:
    """Shows how far so many items are, how long the others take and what they cost; a context manager."""

    def __init__(self, total: int, what: str, costs: Costs | None = None) -> None:
        self._total, self._what = total, what
        self._costs = costs
        """None where no model is asked."""
        self._done = 0
        self._begun = time.monotonic()
        self._next_line = self._begun + LINE_EVERY_S
        self._bar = tqdm(total=total, desc=what, unit="", disable=not sys.stderr.isatty())
        self._above = contextlib.nullcontext() if self._bar.disable else logging_redirect_tqdm()
        """Keeps lines of the log from breaking the bar."""

    def __enter__(self) -> "Progress":
        self._above.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        self._above.__exit__(kind, error, trace)
        self._log()

    def step(self) -> None:
        """Count one item as done."""
        self._done += 1
        if self._costs:
            self._bar.set_postfix_str(self._costs.money(self._done, self._total), refresh=False)
        self._bar.update()
        if self._bar.disable and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY_S
            self._log()

    def _log(self) -> None:
        parts = [f"{self._what}: {self._done} of {self._total} done"]
        left = self._total - self._done
        if self._done and left:
            parts.append(f"{duration((time.monotonic() - self._begun) / self._done * left)} left")
        if self._costs:
            parts += [self._costs.calls(), self._costs.money(self._done, self._total)]
        logger.info("%s", "; ".join(parts))


def shown(
    results: Generator[Item, None, None], total: int, what: str, costs: Costs | None = None
) -> Generator[Item, None, None]:
    """Yield results as they are made, and show the progress; whoever ends early ends what makes them."""
    with contextlib.closing(results), Progress(total, what, costs) as progress:
        for result in results:
            progress.step()
            yield result


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"
