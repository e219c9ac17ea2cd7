"""Ledger and budget: every USD has its line, and no cap is passed by more than a call."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from processes import said, start
from tracesmith.llm.answers import Answers
from tracesmith.llm.budget import Budget
from tracesmith.llm.clock import Clock
from tracesmith.llm.errors import BudgetSpentError
from tracesmith.llm.ledger import ALL, Ledger
from tracesmith.llm.requests import Purpose

HOLDER = """
import sys
from pathlib import Path
from tracesmith.llm.answers import Answers
from tracesmith.llm.budget import Budget
from tracesmith.llm.clock import Clock
from tracesmith.llm.requests import Purpose

folder = Path(sys.argv[1])
answers = Answers(folder / "answers")
with Budget(folder, {"": 1.0}, answers, Clock()).reserve(Purpose("killed", "one"), "m", "a" * 64, 0.9) as entry:
    if sys.argv[2] == "answered":
        entry |= {"outcome": "paid", "cost_usd": 0.25}
        with answers.claim("a" * 64):
            answers.write("a" * 64, {"entry": entry, "response": {}})
    print("holds", flush=True)
    input()
"""


def budget(folder: Path, **caps: float) -> Budget:
    named = {ALL if name == "everything" else name: cap for name, cap in caps.items()}
    return Budget(folder, named, Answers(folder / "answers"), Clock())


def spend(made: Budget, cost: float, estimate: float, stage: str = "bugs", hold_s: float = 0.0) -> None:
    with made.reserve(Purpose(stage), "m", "b" * 64, estimate) as entry:
        threading.Event().wait(hold_s)
        made.write({**entry, "outcome": "paid", "cost_usd": cost})


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def spend_until_refused(made: Budget, cost: float, estimate: float, stage: str = "bugs") -> int:
    """Spend in 6 threads until the cap; return how many calls were made."""
    made_calls = []

    def work(_: int) -> None:
        try:
            spend(made, cost, estimate, stage, hold_s=0.01)
        except BudgetSpentError:
            return
        made_calls.append(1)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(40)))
    return len(made_calls)


@pytest.mark.parametrize("estimate", [0.1, 0.5])
def test_a_cap_is_reached_and_passed_by_a_call_at_most(tmp_path: Path, estimate: float) -> None:
    made = budget(tmp_path, everything=1.0)
    assert spend_until_refused(made, 0.09, estimate) == 12
    assert made.spent() == pytest.approx(12 * 0.09)


def test_an_estimate_that_is_too_low_costs_no_more_than_the_calls_under_way(tmp_path: Path) -> None:
    made = budget(tmp_path, everything=1.0)
    spend_until_refused(made, 0.5, 0.01)
    assert 1.0 <= made.spent() <= 1.0 + 6 * 0.5


def test_a_call_dearer_than_the_cap_is_made_alone(tmp_path: Path) -> None:
    made = budget(tmp_path, everything=0.1)
    spend(made, 0.02, estimate=5)
    assert made.spent() == pytest.approx(0.02)


def test_stages_have_caps_of_their_own(tmp_path: Path) -> None:
    made = budget(tmp_path, bugs=0.1, everything=0.5)
    spend(made, 0.1, 0.1)
    with pytest.raises(BudgetSpentError, match=r"of stage bugs is reached: 0\.1000 of 0\.1000 USD"):
        spend(made, 0.1, 0.1)
    spend(made, 0.4, 0.1, stage="issues")
    with pytest.raises(BudgetSpentError, match=r"llm\.max_cost_usd"):
        spend(made, 0.1, 0.1, stage="issues")
    assert (made.spent("bugs"), made.spent("issues")) == pytest.approx((0.1, 0.4))


def test_a_cap_of_zero_allows_no_call(tmp_path: Path) -> None:
    with pytest.raises(BudgetSpentError):
        spend(budget(tmp_path, everything=0.0), 0.1, 0.1)


def test_a_call_waits_for_those_it_might_pass_the_cap_with(tmp_path: Path) -> None:
    made = budget(tmp_path, everything=1.0)
    order = []

    def second() -> None:
        with made.reserve(Purpose("bugs"), "m", "b" * 64, 0.6):
            order.append("second begins")

    with made.reserve(Purpose("bugs"), "m", "b" * 64, 0.6):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.5)
        order.append("first ends")
    thread.join()
    assert order == ["first ends", "second begins"]


@pytest.mark.parametrize(("state", "cost", "outcome"), [("asking", None, "killed"), ("answered", 0.25, "paid")])
def test_a_killed_process_leaves_no_reservation_and_its_stored_answer_is_billed(
    tmp_path: Path, state: str, cost: float | None, outcome: str
) -> None:
    holder = start(HOLDER, tmp_path, state)
    assert said(holder) == "holds"
    made = budget(tmp_path, everything=1.0)
    assert made.spent() == 0
    assert len(list((tmp_path / "under_way").iterdir())) == 1, "the living one keeps its reservation"
    holder.kill()
    holder.wait()
    assert made.spent() == (cost or 0)
    (line,) = lines(tmp_path)
    assert (line["outcome"], line["cost_usd"], line["stage"], line["instance"]) == (outcome, cost, "killed", "one")
    assert list((tmp_path / "under_way").iterdir()) == []
    assert budget(tmp_path).spent() == (cost or 0)
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize("left", [b"", bytes(300), b'{"entry": {"at"'])
def test_a_torn_reservation_is_told_and_cleared(tmp_path: Path, left: bytes, caplog: pytest.LogCaptureFixture) -> None:
    spend(budget(tmp_path), 0.1, 0.1)
    (tmp_path / "under_way" / f"{7:016x}.json").write_bytes(left)
    assert budget(tmp_path).spent() == pytest.approx(0.1)
    assert "its call has no line in the ledger" in caplog.text
    assert list((tmp_path / "under_way").iterdir()) == []


@pytest.mark.parametrize("torn", [b'{"at": "2026', b"\xff\xfe", b"null\n", b'{"stage": "bugs"}\n'])
def test_a_torn_line_does_not_spoil_the_next(tmp_path: Path, torn: bytes) -> None:
    spend(budget(tmp_path), 0.1, 0.1)
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(torn)
    spend(budget(tmp_path), 0.2, 0.1)
    assert budget(tmp_path).spent() == pytest.approx(0.3)


def test_a_ledger_is_read_on_from_where_it_was(tmp_path: Path) -> None:
    first, second = budget(tmp_path), budget(tmp_path)
    for number in range(1, 4):
        spend(first, 0.1, 0.1)
        assert second.spent() == pytest.approx(0.1 * number)


@pytest.mark.parametrize("outcome", ["cached", "paid", "lost", "killed"])
def test_what_comes_from_the_store_is_not_spent_again(tmp_path: Path, outcome: str) -> None:
    made = budget(tmp_path)
    made.write({**made.new_entry(Purpose("bugs"), "m", "k"), "outcome": outcome, "cost_usd": 0.5})
    assert made.spent() == (0.0 if outcome == "cached" else 0.5)


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    ledgers = [budget(tmp_path) for _ in range(4)]

    def write(number: int) -> None:
        made = ledgers[number % 4]
        made.write({**made.new_entry(Purpose("bugs", "é" * 500), "m", "k"), "outcome": "paid", "cost_usd": 0.001})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(200)))
    assert len({line["call"] for line in lines(tmp_path)}) == 200
    assert budget(tmp_path).spent() == pytest.approx(0.2)


def test_a_ledger_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "none.jsonl")
    ledger.refresh()
    assert ledger.spent == {}
    assert list(tmp_path.iterdir()) == []
