"""How far the work is, what it has cost and will cost: a bar on a terminal, lines in a log."""

import logging
import sys
import threading
import time
from types import TracebackType

from tqdm import tqdm

from tracesmith.llm.answers import Answer

logger = logging.getLogger(__name__)
LINE_EVERY_S = 30.0


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
    """Shows the progress of so many items; a context manager."""

    def __init__(self, total: int, what: str, tally: Tally) -> None:
        self._total, self._what, self._tally = total, what, tally
        self._done = 0
        self._next_line = time.monotonic() + LINE_EVERY_S
        self._bar = tqdm(total=total, desc=what, unit="", disable=not sys.stderr.isatty())

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        self._log()

    def step(self) -> None:
        """Count one item as done."""
        self._done += 1
        self._bar.set_postfix_str(self._tally.money(self._done, self._total), refresh=False)
        self._bar.update()
        if self._bar.disable and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY_S
            self._log()

    def _log(self) -> None:
        tally = self._tally
        money = tally.money(self._done, self._total)
        calls = f"{tally.paid_calls} calls paid, {tally.stored_calls} from the store"
        logger.info("%s: %d of %d done, %s; %s", self._what, self._done, self._total, calls, money)


def _usd(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.4f}"
