"""What models have answered one process, and what that cost."""

import threading

from tracesmith.llm.answers import Answer


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

    def calls(self) -> str:
        """Return how many calls were paid, and how many the store had."""
        return f"{self.paid_calls} calls paid, {self.stored_calls} from the store"

    def money(self, done: int, total: int) -> str:
        """Return what was paid, what the store saved, and what all the work will have cost once it is done."""
        if self.unpriced:
            return "the model has no price"
        worth = self.paid_usd + self.stored_usd
        forecast = worth / done * total if done else 0.0
        return f"paid {_usd(self.paid_usd)} USD, from the store {_usd(self.stored_usd)}, forecast {_usd(forecast)}"


def _usd(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.4f}"
