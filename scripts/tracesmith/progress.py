"""How far the work is, what it has cost and will cost: a bar on a terminal, lines in a log."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Generator, Iterable
from types import TracebackType
from typing import TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from tracesmith.llm.answers import Answer

Item = TypeVar("Item")
logger = logging.getLogger(__name__)
LINE_EVERY_S = 30.0
MINUTE, HOUR = 60, 3600


class Tally:
    """What this process has been answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.paid_calls = 0
        self.stored_calls = 0
        self.paid_usd = 0.0
        self.stored_usd = 0.0
        self.unpriced = False

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        with self._lock:
            self.unpriced |= answer.cost is None
            if answer.cached:
                self.stored_calls += 1
                self.stored_usd += answer.cost or 0.0
            else:
                self.paid_calls += 1
                self.paid_usd += answer.cost or 0.0

    def money(self, done: int, total: int) -> str:
        """Return what was paid, what the store saved, and what all the work will have cost once it is done."""
        if self.unpriced:
            return "the model has no price"
        worth = self.paid_usd + self.stored_usd
        forecast = worth / done * total if done else 0.0
        return f"paid {_usd(self.paid_usd)} USD, from the store {_usd(self.stored_usd)}, forecast {_usd(forecast)}"


class Progress:
    """Shows how far so many items are, how long the others take and what they cost; a context manager."""

    def __init__(self, total: int, what: str, tally: Tally | None = None) -> None:
        self._total, self._what = total, what
        self._tally = tally
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
        if self._tally:
            self._bar.set_postfix_str(self._tally.money(self._done, self._total), refresh=False)
        self._bar.update()
        if self._bar.disable and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY_S
            self._log()

    def _log(self) -> None:
        parts = [f"{self._what}: {self._done} of {self._total} done"]
        left = self._total - self._done
        if self._done and left:
            parts.append(f"{duration((time.monotonic() - self._begun) / self._done * left)} left at most")
        if self._tally:
            tally = self._tally
            parts.append(f"{tally.paid_calls} calls paid, {tally.stored_calls} from the store")
            parts.append(tally.money(self._done, self._total))
        logger.info("%s", "; ".join(parts))


def shown(items: Iterable[Item], total: int, what: str, tally: Tally | None = None) -> Generator[Item, None, None]:
    """Yield some items as they are done, and show the progress; whoever ends early ends what makes them."""
    with contextlib.ExitStack() as ends, Progress(total, what, tally) as progress:
        if isinstance(items, Generator):
            ends.enter_context(contextlib.closing(items))
        for item in items:
            progress.step()
            yield item


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"


def _usd(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.4f}"
