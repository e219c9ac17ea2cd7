"""The client: answers from the store, or from the model under the caps, stored before anybody sees them."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeVar

from tracesmith import pool, progress
from tracesmith.llm import answers, redaction
from tracesmith.llm.answers import Answer, Answers, Entry
from tracesmith.llm.budget import Budget
from tracesmith.llm.calling import Endpoint
from tracesmith.llm.clock import Clock
from tracesmith.llm.ledger import ALL
from tracesmith.llm.pacing import Pace
from tracesmith.llm.prices import Prices
from tracesmith.llm.requests import Message, Purpose, Request
from tracesmith.llm.retrying import AttemptError, Retries
from tracesmith.llm.settings import Settings
from tracesmith.llm.tally import Tally

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


class Client:
    """Asks one model. Making it checks model, price and key before any call, and raises ModelSettingsError."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.tally = Tally()
        self._clock = clock or Clock()
        self._endpoint = Endpoint(settings)  # first: a model that nobody knows has no price either
        self._prices = Prices(settings)
        caps = {**settings.stage_caps} | ({} if settings.max_cost_usd is None else {ALL: settings.max_cost_usd})
        self._answers = Answers(settings.folder / "answers")
        self.budget = Budget(settings.folder, caps, self._answers, self._clock)
        self._pace = Pace(settings.folder, settings.requests_per_minute, self._clock)
        self._retries = Retries(settings.attempts, self._clock, self._pace.pause)
        self._slots = threading.Semaphore(settings.workers)
        self.budget.spent()
        if caps and not self._prices.known:
            logger.warning("%s has no price: its calls count under no cost cap", settings.model)

    def ask(
        self,
        messages: Sequence[Message],
        *,
        stage: str,
        instance: str | None = None,
        sample: int = 0,
        **parameters: Any,
    ) -> Answer:
        """Return the model's answer to messages in OpenAI's format; parameters are temperature, max_tokens, tools, …"""
        return self.answer(self.request(messages, parameters, sample), Purpose(stage, instance, sample))

    def request(
        self, messages: Sequence[Message], parameters: dict[str, Any], sample: int = 0, repeat: int = 0
    ) -> Request:
        """Return a request to this client's model."""
        return Request(self.settings.model, self._endpoint.api_base, messages, parameters, sample, repeat)

    def answer(self, request: Request, purpose: Purpose) -> Answer:
        """Return the answer to a request; threads and processes that ask the same wait for the first of them."""
        key = request.fingerprint
        with self._answers.claim(key):
            record = self._answers.read(key)
            if record:
                entry = self.budget.new_entry(purpose, request.model, key)
                self.budget.write(_used_again(record["entry"], entry))
            else:
                record = self._ask_model(request, purpose, key)
                entry = None
        answer = answers.read_answer(record, cached=entry is not None)
        self.tally.add(answer)
        return answer

    def each(
        self, items: Sequence[Item], work: Callable[[Item], Result], what: str
    ) -> Generator[Result | None, None, None]:
        """Yield work(item) in order, with as many threads as calls, and show progress and cost; see pool.each."""
        yield from progress.shown(
            pool.each(items, work, self.settings.workers, self.stop), len(items), what, self.tally
        )

    def stop(self) -> None:
        """Begin no request any more: waits raise StoppedError. Calls under way end well, for they are paid."""
        self._clock.stop()

    def _ask_model(self, request: Request, purpose: Purpose, key: str) -> answers.Record:
        estimate = self._prices.upper_estimate(request)
        with self._slot(), self.budget.reserve(purpose, request.model, key, estimate) as entry:
            response = self._retries.run(
                lambda number: self._attempt(request, entry, number), key, f"{purpose.stage} {purpose.instance or ''}"
            )
            self._prices.complete_usage(response, request)
            entry["outcome"] = "paid"
            entry["cost_usd"] = self._prices.of_answer(response)
            _count_tokens(entry, response.usage)
            record: answers.Record = {"entry": entry, "response": _plain(response)}
            record = redaction.of_environment().value(record)
            self._answers.write(key, record)
            self.budget.write(entry)
        return record

    def _attempt(self, request: Request, entry: Entry, number: int) -> Any:
        """Make one attempt; one that may be billed without an answer gets a line of its own."""
        if number > 1:
            self.budget.check(entry["stage"])
        self._pace.wait_for_turn()
        entry["attempts"] = number
        begun = time.monotonic()
        try:
            return self._endpoint.complete(request)
        except AttemptError as failure:
            if failure.maybe_billed:
                cost = self._prices.of_prompt(request)
                self.budget.write({**entry, "outcome": "lost", "cost_usd": cost})
            raise
        finally:
            entry["seconds"] = round(time.monotonic() - begun, 3)

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        while not self._slots.acquire(timeout=0.5):
            self._clock.wait(0)
        try:
            yield
        finally:
            self._slots.release()


def _used_again(stored: Entry, fresh: Entry) -> Entry:
    """Return the line of an answer from the store: what it once cost, for whom it is used now."""
    again: Entry = {**stored, "outcome": "cached", "attempts": 0, "seconds": 0.0}
    again["at"], again["stage"] = fresh["at"], fresh["stage"]
    again["instance"], again["sample"] = fresh["instance"], fresh["sample"]
    return again


def _plain(response: Any) -> dict[str, Any]:
    """Return an answer of litellm's as OpenAI writes it, without its empty fields."""
    plain: dict[str, Any] = response.model_dump(mode="json", exclude_none=True)
    for choice in plain["choices"]:
        choice["message"].setdefault("content", None)
    return plain


def _count_tokens(entry: Entry, usage: Any) -> None:
    details = getattr(usage, "prompt_tokens_details", None)
    entry["prompt_tokens"] = usage.prompt_tokens
    entry["completion_tokens"] = usage.completion_tokens
    entry["cached_tokens"] = getattr(details, "cached_tokens", None) or 0
