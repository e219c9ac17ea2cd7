"""Sessions of the gateway: whose calls those are, how many and how dear they may be, and why one ended."""

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracesmith.errors import TracesmithError
from tracesmith.llm.answers import Answer
from tracesmith.llm.errors import PromptRefusedError
from tracesmith.llm.requests import Purpose, Request

Messages = Sequence[Mapping[str, Any]]


class LimitReachedError(TracesmithError):
    """An instance has had all the calls or the money that its session allows."""


@dataclass(frozen=True)
class Limits:
    """Of one instance, answers from the store included, so that a run that was killed ends where a whole one does."""

    calls: int | None = None
    cost_usd: float | None = None


@dataclass
class Account:
    """What an instance has had in a session."""

    calls: int = 0
    cost_usd: float = 0.0
    ended: TracesmithError | None = None
    """Why it gets no more answers: a limit, a cap, or a model that could not be reached."""
    refused: PromptRefusedError | None = None
    """Why its last request had no answer, when the provider refused this prompt; another may follow."""
    delivered: Counter[str] = field(default_factory=Counter)
    """How often each answer has reached the engine, by the request's fingerprint."""


class Session:
    """An engine's right to ask: `token` is the key that it is given, for the base URLs of the gateway."""

    def __init__(
        self, purpose: Purpose, limits: Limits, instance_of: Callable[[Messages], str | None] | None = None
    ) -> None:
        self.token = f"tracesmith-{secrets.token_hex(24)}"
        self.accounts: dict[str | None, Account] = {}
        self._purpose = purpose
        self._limits = limits
        self._instance_of = instance_of
        self._lock = threading.Lock()

    def account(self, instance: str | None) -> Account:
        """Return what an instance has had so far."""
        with self._lock:
            return self.accounts.setdefault(instance, Account())

    def purpose(self, messages: Messages) -> Purpose:
        """Return what a request is for; an engine that runs many instances over one URL is told by its messages."""
        if self._instance_of is None:
            return self._purpose
        return Purpose(self._purpose.stage, self._instance_of(messages), self._purpose.sample)

    def admit(self, account: Account) -> None:
        """Raise what ended the instance, if something has."""
        limits = self._limits
        with self._lock:
            if account.ended is None and limits.calls is not None and account.calls >= limits.calls:
                account.ended = LimitReachedError(f"call limit: {account.calls} calls are made")
            if account.ended is None and limits.cost_usd is not None and account.cost_usd >= limits.cost_usd:
                account.ended = LimitReachedError(f"cost limit: {account.cost_usd:.4f} of {limits.cost_usd:.4f} USD")
            if account.ended is not None:
                raise account.ended

    def repeat_of(self, account: Account, request: Request) -> int:
        """
        Return how often the engine has had the answer to this request: then it wants another one.

        An answer that did not reach it is not counted: an engine that lost patience and asks again pays nothing.
        """
        return account.delivered[request.fingerprint()]

    def deliver(self, account: Account, request: Request, answer: Answer) -> None:
        """Count an answer that is sent to the engine; the request is given without its repeat."""
        self._count(account, request, answer, 1)

    def take_back(self, account: Account, request: Request, answer: Answer) -> None:
        """Uncount an answer that did not reach the engine."""
        self._count(account, request, answer, -1)

    def _count(self, account: Account, request: Request, answer: Answer, times: int) -> None:
        with self._lock:
            account.calls += times
            account.refused = None
            account.cost_usd += times * (answer.cost or 0.0)
            account.delivered[request.fingerprint()] += times
