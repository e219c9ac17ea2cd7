"""Sessions of the gateway: whose calls those are, how many and how dear they may be, and why one ended."""

import logging
import secrets
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tracesmith.errors import InfrastructureError, TracesmithError
from tracesmith.llm import redaction
from tracesmith.llm.answers import Answer
from tracesmith.llm.client import Client
from tracesmith.llm.errors import PromptRefusedError
from tracesmith.llm.requests import Purpose

logger = logging.getLogger(__name__)
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
    """How often each answer has reached the engine, by the fingerprint of its request without its repeat."""

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note why a block gave no answer, and raise it; a bug of ours is an InfrastructureError, and no verdict."""
        try:
            yield
        except PromptRefusedError as error:
            self.refused = error
            raise
        except TracesmithError as error:
            self.ended = self.ended or error
            raise
        except Exception as error:
            logger.error("a model's call: %s", redaction.of_environment().message(traceback.format_exc()))
            failure = InfrastructureError(f"asking the model failed: {type(error).__name__}, see the log")
            self.ended = self.ended or failure
            raise failure from None


@dataclass(frozen=True)
class Answered:
    """An answer and whose it is."""

    account: Account
    fingerprint: str
    answer: Answer


class Session:
    """An engine's right to ask: `token` is the key that it is given, for the base URLs of the gateway."""

    def __init__(
        self, purpose: Purpose, limits: Limits, instance_of: Callable[[Messages], str | None] | None = None
    ) -> None:
        self.token = f"tracesmith-{secrets.token_hex(24)}"
        self.accounts: dict[str | None, Account] = {}
        self.asked = threading.Event()
        """Set by the first request."""
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

    def _admit(self, account: Account) -> None:
        """Raise what ended the instance, if something has."""
        limits = self._limits
        with self._lock:
            if account.ended is None and limits.calls is not None and account.calls >= limits.calls:
                account.ended = LimitReachedError(f"call limit: {account.calls} calls are made")
            if account.ended is None and limits.cost_usd is not None and account.cost_usd >= limits.cost_usd:
                account.ended = LimitReachedError(f"cost limit: {account.cost_usd:.4f} of {limits.cost_usd:.4f} USD")
            if account.ended is not None:
                raise account.ended

    def ask(self, client: Client, messages: Messages, parameters: dict[str, Any]) -> Answered:
        """
        Return an answer, which counts as one that the engine has had.

        Of an answer that the engine has had already it wants another one: the request is made with its `repeat`.
        Raises what ended the instance, or PromptRefusedError.
        """
        self.asked.set()
        purpose = self.purpose(messages)
        account = self.account(purpose.instance)
        with account.noting():
            self._admit(account)
            request = client.request(messages, parameters, purpose.sample)
            repeat = account.delivered[request.fingerprint]
            answer = client.answer(replace(request, repeat=repeat) if repeat else request, purpose)
        answered = Answered(account, request.fingerprint, answer)
        self._count(answered, 1)
        return answered

    def take_back(self, answered: Answered) -> None:
        """Uncount an answer that did not reach the engine: one that lost patience and asks again pays nothing."""
        self._count(answered, -1)

    def _count(self, answered: Answered, times: int) -> None:
        account = answered.account
        with self._lock:
            account.calls += times
            account.refused = None
            account.cost_usd += times * (answered.answer.cost or 0.0)
            account.delivered[answered.fingerprint] += times
