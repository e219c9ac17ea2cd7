"""Processes that share a folder, and processes that are killed: no call is paid twice, no cap is passed."""

import itertools
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llm_server
from llm_server import ModelServer
from processes import said, start
from tracesmith.llm.client import Client
from tracesmith.llm.settings import Settings

MODEL, COST = "openai/unheard-of", 0.01
PRICE = (0.0, COST * 10000)
"""A call of the test server writes 100 tokens."""
ASK = """
import sys
from pathlib import Path
from tracesmith.errors import TracesmithError
from tracesmith.llm.client import Client
from tracesmith.llm.settings import Settings

folder, url, questions, cap = sys.argv[1:]
settings = Settings("openai/unheard-of", Path(folder), url, price=(0.0, 100.0), max_cost_usd=float(cap))
client = Client(settings)
def ask(number):
    return client.ask([{"role": "user", "content": str(number)}], stage="test", instance=str(number)).text
print("ready", flush=True)
input()
try:
    for answer in client.each(range(int(questions)), ask, "questions"):
        print(answer, flush=True)
except TracesmithError as error:
    print(type(error).__name__, flush=True)
"""
DIE_BEFORE_THE_LEDGER = """
import os, signal, sys
from pathlib import Path
from tracesmith.llm.client import Client
from tracesmith.llm.settings import Settings

def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith("ledger.jsonl"):
        os.kill(os.getpid(), signal.SIGKILL)

client = Client(Settings("openai/unheard-of", Path(sys.argv[1]), sys.argv[2], price=(0.0, 100.0)))
sys.addaudithook(hook)
client.ask([{"role": "user", "content": "0"}], stage="test")
"""
COUNT = """
import copy, sys
from pathlib import Path
from tracesmith.llm.client import Client
from tracesmith.llm.library import litellm
from tracesmith.llm.settings import Settings

folder, url, model = sys.argv[1:]
def encodings():
    return list(sys.modules["tiktoken.registry"].ENCODINGS)
print(Client(Settings(model, Path(folder), url)).ask([{"role": "user", "content": "hi"}], stage="test").text)
print(encodings(), litellm().token_counter(model=model, text="two words"), encodings())
print(litellm().token_counter(model="claude-2", text="two words"))
print(copy.deepcopy(litellm().encoding).encode("two words") == litellm().encoding.encode("two words"))
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        yield state


def begin(server: ModelServer, folder: Path, questions: int, cap: float = 100) -> subprocess.Popen[str]:
    asker = start(ASK, folder, f"{server.url}/v1", str(questions), str(cap))
    assert said(asker) == "ready"
    return asker


def go(asker: subprocess.Popen[str]) -> None:
    assert asker.stdin is not None
    asker.stdin.write("\n")
    asker.stdin.flush()


def lines(folder: Path, outcome: str) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    return [entry for entry in entries if entry["outcome"] == outcome]


def test_a_run_that_is_killed_pays_again_for_nothing_but_what_was_under_way(
    server: ModelServer, tmp_path: Path
) -> None:
    numbers, killed_by_now = itertools.count(), threading.Event()

    def answer(body: llm_server.Body) -> llm_server.Message:
        if next(numbers) >= 9:
            killed_by_now.wait(60)
        return llm_server.echo(body)

    server.answer = answer
    asker = begin(server, tmp_path, 20)
    go(asker)
    while server.answered < 9 + 4:  # nine are answered, and each of the four workers waits for one more
        time.sleep(0.01)
    asker.kill()
    asker.wait()
    killed_by_now.set()
    asker = begin(server, tmp_path, 20)
    out, _ = asker.communicate("\n")
    assert out.splitlines() == [f"answer to: {number}" for number in range(20)]
    paid, killed = lines(tmp_path, "paid"), lines(tmp_path, "killed")
    assert sorted(entry["instance"] for entry in paid) == sorted(map(str, range(20)))
    assert len(killed) == 4
    assert server.answered == 20 + 4
    assert len(lines(tmp_path, "cached")) == 9

    asked = len(server.calls)
    client = Client(Settings(MODEL, tmp_path, f"{server.url}/v1", price=PRICE))
    assert client.ask([{"role": "user", "content": "19"}], stage="test").cached
    assert len(server.calls) == asked
    assert client.budget.spent() == pytest.approx(20 * COST)


def test_an_answer_that_was_stored_when_its_process_died_is_billed_and_used(
    server: ModelServer, tmp_path: Path
) -> None:
    assert start(DIE_BEFORE_THE_LEDGER, tmp_path, f"{server.url}/v1").wait() == -9
    assert not (tmp_path / "ledger.jsonl").exists()
    client = Client(Settings(MODEL, tmp_path, f"{server.url}/v1", price=PRICE))
    assert client.budget.spent() == pytest.approx(COST)
    assert client.ask([{"role": "user", "content": "0"}], stage="test").cached
    assert server.answered == 1
    assert len(lines(tmp_path, "paid")) == 1


def test_two_processes_share_the_work_and_stop_at_the_cap(server: ModelServer, tmp_path: Path) -> None:
    server.delay_s = 0.05
    askers = [begin(server, tmp_path, 30, cap=COST * 9.5) for _ in range(2)]
    for asker in askers:
        go(asker)
    out = [asker.communicate()[0].splitlines() for asker in askers]
    assert [said_by[-1] for said_by in out] == ["BudgetSpentError"] * 2
    assert server.answered == len(server.calls) == 10, "the tenth passes the cap, nothing comes after it"
    assert len({entry["instance"] for entry in lines(tmp_path, "paid")}) == 10
    assert Client(Settings(MODEL, tmp_path, f"{server.url}/v1", price=PRICE)).budget.spent() == pytest.approx(10 * COST)


@pytest.mark.parametrize(("model", "path"), [("openai/gpt-4o-mini", "/v1"), ("anthropic/claude-sonnet-4-5", "")])
def test_no_vocabulary_is_read_before_somebody_counts(
    server: ModelServer, tmp_path: Path, model: str, path: str
) -> None:
    asker = start(COUNT, tmp_path, server.url + path, model)
    assert said(asker) == "answer to: hi"
    assert said(asker).startswith("[] 2 ['")
    assert said(asker) == "2"
    assert said(asker) == "True"
    assert asker.wait() == 0
