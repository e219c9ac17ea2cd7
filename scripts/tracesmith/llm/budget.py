"""
The budget: caps that hold for every thread, process and shard that shares the folder.

A call reserves an upper estimate of its cost before it is made and is settled by a line of the ledger. It waits while
it might pass a cap together with the calls under way, and goes alone when it might do so by itself: a cap is passed
by one call at most. Each reservation holds a byte of a file locked; the kernel drops that lock when its process dies,
on whatever host, and the next call clears the reservation away. It waits for no disk: only a machine that goes down
while a call is under way may leave that call without a line.
"""

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from tracesmith import files, locks
from tracesmith.errors import InputError
from tracesmith.llm.answers import Answers, Entry
from tracesmith.llm.clock import Clock
from tracesmith.llm.errors import BudgetSpentError
from tracesmith.llm.ledger import ALL, Ledger, stamp
from tracesmith.llm.requests import Purpose
from tracesmith.stores import Store

logger = logging.getLogger(__name__)
POLL_S = 0.2


class Reserved(TypedDict):
    """A call under way: the beginning of its entry, and the most it may cost."""

    entry: Entry
    estimate: float


class Budget:
    """The caps, the ledger and the calls under way of one folder."""

    def __init__(self, folder: Path, caps: Mapping[str, float], answers: Answers, clock: Clock) -> None:
        self.ledger = Ledger(folder / "ledger.jsonl")
        self._calls = folder / ".calls"
        self._caps = caps
        self._answers = answers
        self._clock = clock
        self._lock = Store(folder)
        self._reserved = folder / "under_way"

    @contextmanager
    def reserve(self, purpose: Purpose, model: str, key: str, estimate: float) -> Iterator[Entry]:
        """
        Yield the entry to be completed, once the call fits under the caps; the reservation ends with the block.

        Raises BudgetSpentError when a cap is reached.
        """
        entry = self.new_entry(purpose, model, key)
        with locks.held(self._calls, _byte_of(entry["call"])):
            while not self._take({"entry": entry, "estimate": estimate}):
                self._clock.wait(POLL_S)
            try:
                yield entry
            finally:
                with self._lock.claim("budget"):
                    self._place_of(entry["call"]).unlink(missing_ok=True)

    def check(self, stage: str) -> None:
        """Raise BudgetSpentError when a cap is reached: attempts that were lost may have done that."""
        with self._lock.claim("budget"):
            self.ledger.refresh()
            self._refuse_spent(stage)

    def write(self, entry: Entry) -> None:
        """Write a line of the ledger."""
        with self._lock.claim("budget"):
            self.ledger.append(entry, durable=entry["outcome"] != "cached")

    def spent(self, stage: str = ALL) -> float:
        """Return the USD that everything, or a stage, has cost so far; calls of dead processes get their line first."""
        with self._lock.claim("budget"):
            self.ledger.refresh()
            self._living()
        return self.ledger.spent[stage]

    def new_entry(self, purpose: Purpose, model: str, key: str) -> Entry:
        """Return an entry of a call that has not been made."""
        return {
            "at": stamp(self._clock.now()),
            "call": secrets.token_hex(8),
            "outcome": "killed",
            "stage": purpose.stage,
            "instance": purpose.instance,
            "sample": purpose.sample,
            "model": model,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "cached_tokens": 0,
            "cost_usd": None,
            "attempts": 0,
            "seconds": 0.0,
            "key": key,
        }

    def _take(self, wanted: Reserved) -> bool:
        """Reserve, or return False when it has to wait for calls under way."""
        with self._lock.claim("budget"):
            self.ledger.refresh()
            living = self._living()
            stage = wanted["entry"]["stage"]
            self._refuse_spent(stage)
            caps = self._caps_of(stage)
            others: list[Reserved] = [files.read_json(place) for place in living] if caps else []
            for account, cap in caps:
                rivals = [one for one in others if account in (ALL, one["entry"]["stage"])]
                reserved = sum(one["estimate"] for one in rivals)
                if rivals and self.ledger.spent[account] + reserved + wanted["estimate"] > cap:
                    return False
            self._reserved.mkdir(exist_ok=True)
            self._place_of(wanted["entry"]["call"]).write_bytes(files.json_bytes(wanted))
        return True

    def _caps_of(self, stage: str) -> list[tuple[str, float]]:
        return [(account, self._caps[account]) for account in (ALL, stage) if account in self._caps]

    def _refuse_spent(self, stage: str) -> None:
        for account, cap in self._caps_of(stage):
            if self.ledger.spent[account] >= cap:
                raise BudgetSpentError(_spent_message(account, self.ledger.spent[account], cap))

    def _place_of(self, call: str) -> Path:
        return self._reserved / f"{call}.json"

    def _living(self) -> list[Path]:
        """Return the calls under way; those whose process is dead get their line: paid when the answer was stored."""
        living = []
        for place in self._reserved.glob("*.json"):
            if locks.is_held(self._calls, _byte_of(place.stem)):
                living.append(place)
            else:
                self._bill(place)
        return living

    def _bill(self, place: Path) -> None:
        """Write the line of a call whose process is dead, and clear its reservation away."""
        try:
            entry: Entry = files.read_json(place)["entry"]
        except InputError:  # the process died as it reserved, or the machine went down
            logger.warning("%s: torn, so its call has no line in the ledger, if it was made at all", place)
        else:
            record = self._answers.read(entry["key"])
            if record and record["entry"]["call"] == entry["call"]:
                entry = record["entry"]
            if entry["call"] not in self.ledger.calls:
                self.ledger.append(entry)
                self.ledger.refresh()
        place.unlink()


def _spent_message(account: str, spent: float, cap: float) -> str:
    of = f"of stage {account}" if account else "llm.max_cost_usd"
    return (
        f"the cost cap {of} is reached: {spent:.4f} of {cap:.4f} USD; every answer is stored, raise the cap and the "
        "same command goes on from here"
    )


def _byte_of(call: str) -> int:
    """Return the byte of `.calls` that a call under way has locked."""
    return int(call[:14], 16)
