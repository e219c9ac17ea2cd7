"""The language-model client: every answer stored once, every failure judged, no key written down."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import llm_server
from llm_server import KEY, ModelServer, QuickClock
from tracesmith.errors import StoppedError
from tracesmith.llm.client import Client
from tracesmith.llm.clock import Clock
from tracesmith.llm.errors import BudgetSpentError, ModelSettingsError, ModelUnavailableError, PromptRefusedError
from tracesmith.llm.settings import Settings

OPENAI, ANTHROPIC = "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"
COSTS = {OPENAI: 1000 * 0.15e-6 + 100 * 0.6e-6, ANTHROPIC: 1000 * 3e-6 + 100 * 15e-6}
TOOL = {"type": "function", "function": {"name": "bash", "parameters": {"type": "object", "properties": {}}}}
PASSING = ["408", "429", "500", "503", "cut", "json", "html", "slow", "drop"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.slow_s = 0.6
        yield state


def make(server: ModelServer, folder: Path, model: str = OPENAI, **settings: Any) -> Client:
    base = server.url + ("/v1" if model.startswith("openai/") else "")
    clock = settings.pop("clock", None) or QuickClock()
    return Client(Settings(model, folder, base, **{"timeout_s": 0.3, **settings}), clock)


def ask(client: Client, text: str = "question", **parameters: Any) -> Any:
    return client.ask([{"role": "user", "content": text}], stage="test", instance="one", **parameters)


def ledger(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def files_with(folder: Path, text: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_an_answer_is_paid_once_and_comes_from_the_store_afterwards(
    server: ModelServer, tmp_path: Path, model: str
) -> None:
    first = ask(make(server, tmp_path, model), temperature=0)
    again = ask(make(server, tmp_path, model), temperature=0)
    assert first.text == again.text == "answer to: question"
    assert (first.cached, again.cached) == (False, True)
    assert first.cost == again.cost == pytest.approx(COSTS[model])
    assert (first.usage.prompt_tokens, first.usage.completion_tokens) == (1000, 100)
    assert len(server.calls) == 1
    assert server.calls[0][1]["temperature"] == 0
    assert server.keys == [KEY]
    paid, cached = ledger(tmp_path)
    assert (paid["outcome"], cached["outcome"]) == ("paid", "cached")
    assert (paid["stage"], paid["instance"], paid["sample"], paid["model"]) == ("test", "one", 0, model)
    assert paid["cost_usd"] == pytest.approx(COSTS[model])
    assert paid["call"] == cached["call"]


def test_an_answer_that_was_cut_within_a_character_is_a_text(server: ModelServer, tmp_path: Path) -> None:
    server.answer = lambda _: {"content": "cut \ud83d \U0001f600"}
    answers = [ask(make(server, tmp_path)) for _ in range(2)]
    assert [answer.text for answer in answers] == ["cut \ufffd \U0001f600"] * 2


def test_no_prompt_is_stored(server: ModelServer, tmp_path: Path) -> None:
    server.answer = lambda _: {"content": "fine"}
    ask(make(server, tmp_path), "a long question")
    assert not files_with(tmp_path, "a long question")


def test_another_sample_message_or_parameter_is_another_call(server: ModelServer, tmp_path: Path) -> None:
    client = make(server, tmp_path)
    for parameters in ({}, {"sample": 1}, {"text": "other"}, {"temperature": 1}, {"max_tokens": 5}):
        assert not ask(client, **parameters).cached
    other = make(server, tmp_path, "openai/gpt-4o")
    assert not ask(other).cached
    assert len(server.calls) == 6


def test_threads_that_ask_the_same_pay_once(server: ModelServer, tmp_path: Path) -> None:
    server.delay_s = 0.2
    client = make(server, tmp_path, timeout_s=60, workers=8)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: ask(client), range(8)))
    assert len(server.calls) == 1
    assert sum(not answer.cached for answer in found) == 1


def test_no_more_calls_at_once_than_workers(server: ModelServer, tmp_path: Path) -> None:
    server.delay_s = 0.1
    client = make(server, tmp_path, timeout_s=60, workers=2)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: ask(client, str(number)), range(8)))
    assert len(server.calls) == 8
    assert server.most_at_once == 2


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again(server: ModelServer, tmp_path: Path, model: str, fault: str) -> None:
    server.faults = [fault]
    clock = QuickClock()
    assert ask(make(server, tmp_path, model, clock=clock)).text == "answer to: question"
    assert len(server.calls) == 2
    assert sum(clock.waits) > 0.4
    *lost, paid = ledger(tmp_path)
    assert (paid["outcome"], paid["attempts"]) == ("paid", 2)
    maybe_billed = fault in ("cut", "json", "html", "slow", "drop")
    assert [entry["outcome"] for entry in lost] == ["lost"] * maybe_billed
    assert all(entry["cost_usd"] > 0 for entry in lost)


def test_an_answer_without_choices_is_asked_again(server: ModelServer, tmp_path: Path) -> None:
    server.faults = ["empty", "empty"]
    assert ask(make(server, tmp_path)).text == "answer to: question"
    assert len(server.calls) == 3


def test_a_connection_that_nobody_takes_is_no_bill(server: ModelServer, tmp_path: Path) -> None:
    client = Client(Settings(OPENAI, tmp_path, "http://127.0.0.1:9/v1", attempts=2), QuickClock())
    with pytest.raises(ModelUnavailableError, match="no answer in 2 attempts"):
        ask(client)
    assert not (tmp_path / "ledger.jsonl").exists()


@pytest.mark.parametrize("fault", ["500", "cut"])
def test_a_model_that_never_answers_is_no_verdict(server: ModelServer, tmp_path: Path, fault: str) -> None:
    server.faults = [fault] * 9
    with pytest.raises(ModelUnavailableError, match="test one: no answer in 3 attempts") as caught:
        ask(make(server, tmp_path, attempts=3))
    assert len(server.calls) == 3
    assert KEY not in str(caught.value)
    server.faults = []
    assert not ask(make(server, tmp_path)).cached


@pytest.mark.parametrize(
    ("model", "fault", "said"),
    [
        (OPENAI, "400", "check the parameters"),
        (OPENAI, "401", "set a valid key in OPENAI_API_KEY"),
        (OPENAI, "403", "key in OPENAI_API_KEY may not use this model"),
        (OPENAI, "404", "check llm.model and llm.api_base"),
        (OPENAI, "quota", "the account of the key in OPENAI_API_KEY has nothing left"),
        (ANTHROPIC, "401", "set a valid key in ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN"),
        (ANTHROPIC, "403", "ANTHROPIC_API_KEY"),
    ],
)
def test_what_does_not_pass_is_told_at_once(
    server: ModelServer, tmp_path: Path, model: str, fault: str, said: str
) -> None:
    server.faults = [fault]
    with pytest.raises(ModelSettingsError, match=said) as caught:
        ask(make(server, tmp_path, model))
    assert caught.value.status == (402 if fault == "quota" else int(fault))
    assert len(server.calls) == 1


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_a_prompt_that_is_too_long_is_a_verdict(server: ModelServer, tmp_path: Path, model: str) -> None:
    server.faults = ["context"]
    with pytest.raises(PromptRefusedError) as caught:
        ask(make(server, tmp_path, model))
    assert caught.value.too_long
    assert len(server.calls) == 1


def test_retry_after_holds_for_every_call(server: ModelServer, tmp_path: Path) -> None:
    server.faults, server.headers = ["429"], {"Retry-After": "17"}
    clock = QuickClock()
    client = make(server, tmp_path, clock=clock)
    ask(client)
    assert sum(clock.waits) >= 17
    before = len(clock.waits)
    server.faults = ["429"]
    with pytest.raises(ModelUnavailableError):
        ask(make(server, tmp_path, clock=clock, attempts=1), "second")
    ask(make(server, tmp_path, clock=clock), "third")
    assert sum(clock.waits[before:]) < 17, "a last attempt that is refused pauses nobody"


def test_a_pause_that_is_too_long_is_not_waited_for(server: ModelServer, tmp_path: Path) -> None:
    server.faults, server.headers = ["429"], {"Retry-After": "86400"}
    clock = QuickClock()
    with pytest.raises(ModelUnavailableError, match="wants a pause of 86400 s"):
        ask(make(server, tmp_path, clock=clock))
    assert sum(clock.waits) < 1


@pytest.mark.parametrize("fault", ["401", "403", "429", "500"])
@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_a_key_that_the_server_echoes_is_nowhere(
    server: ModelServer, tmp_path: Path, model: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.faults = [fault] * 2
    with pytest.raises((ModelSettingsError, ModelUnavailableError)) as caught:
        ask(make(server, tmp_path, model, attempts=2))
    assert KEY not in str(caught.value)
    assert KEY not in caplog.text
    assert not files_with(tmp_path, KEY)


def test_a_key_in_an_answer_is_redacted_before_it_is_stored(server: ModelServer, tmp_path: Path) -> None:
    server.answer = lambda _: {"content": f"your key is {KEY}, is it not?"}
    assert ask(make(server, tmp_path)).text == "your key is [redacted], is it not?"
    assert not files_with(tmp_path, KEY)


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
def test_tool_calls_come_through(server: ModelServer, tmp_path: Path, model: str) -> None:
    server.answer = lambda _: llm_server.call("bash", command="ls")
    for _ in range(2):
        answer = ask(make(server, tmp_path, model), tools=[TOOL])
        (made,) = answer.tool_calls
        assert (made.name, json.loads(made.arguments)) == ("bash", {"command": "ls"})
        assert answer.text == ""
        assert answer.finish_reason == "tool_calls"
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("model", "settings", "said"),
    [
        ("nosuch-model", {"allow_unknown_price": True}, "litellm knows no such model"),
        ("openai/unheard-of", {}, "no price.*llm.allow_unknown_price"),
        (OPENAI, {"api_base": "127.0.0.1:80"}, "a URL such as"),
        (OPENAI, {"api_base": "http://me:secret@127.0.0.1/v1"}, "without a login"),
    ],
)
def test_wrong_settings_are_refused_before_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, settings: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(ModelSettingsError, match=said) as caught:
        Client(Settings(model, tmp_path / "new", **settings))
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        (OPENAI, "OPENAI_API_KEY"),
        ("deepseek/deepseek-chat", "DEEPSEEK_API_KEY"),
        (ANTHROPIC, "ANTHROPIC_AUTH_TOKEN"),
        ("zai/glm-4.6", "ZAI_API_KEY"),
    ],
)
def test_a_missing_key_is_named_before_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, variable: str
) -> None:
    keys = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "DEEPSEEK_API_KEY", "ZAI_API_KEY")
    for name in (*keys, "OPENAI_API_BASE", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelSettingsError, match=f"no key in the environment; set .*{variable}"):
        Client(Settings(model, tmp_path))


def test_other_keys_and_places_come_from_the_environment(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-0123456789")
    monkeypatch.setenv("ANTHROPIC_API_BASE", server.url)
    monkeypatch.setenv("ZAI_API_KEY", "zai-key-0123456789")
    ask(Client(Settings(ANTHROPIC, tmp_path)))
    ask(Client(Settings("zai/glm-4.6", tmp_path, f"{server.url}/v1")))
    assert server.keys == ["token-0123456789", "zai-key-0123456789"]


def test_a_server_of_ones_own_needs_no_key(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    client = make(server, tmp_path, "openai/smollm", allow_unknown_price=True, max_cost_usd=0.001)
    assert "no price" in caplog.text
    assert [ask(client, str(number)).cost for number in range(3)] == [None] * 3
    assert [entry["cost_usd"] for entry in ledger(tmp_path)] == [None] * 3


def test_a_price_of_ones_own_is_billed(server: ModelServer, tmp_path: Path) -> None:
    client = make(server, tmp_path, "openai/unheard-of", price=(1.0, 10.0), max_cost_usd=0.0025)
    assert ask(client).cost == pytest.approx(0.002)
    ask(client, "second")
    with pytest.raises(BudgetSpentError, match=r"llm\.max_cost_usd is reached: 0\.0040 of 0\.0025 USD"):
        ask(client, "third")
    assert ask(client).cached, "what is stored costs nothing"


def test_a_server_that_counts_no_tokens_is_billed_by_the_size_of_its_texts(server: ModelServer, tmp_path: Path) -> None:
    server.counts_tokens = False
    answer = ask(make(server, tmp_path), "x" * 3000)
    assert answer.usage.prompt_tokens >= 1500
    assert answer.usage.completion_tokens >= 1500
    assert answer.cost == pytest.approx(answer.usage.prompt_tokens * 0.15e-6 + answer.usage.completion_tokens * 0.6e-6)


def test_attempts_that_are_lost_count_under_the_cap(server: ModelServer, tmp_path: Path) -> None:
    server.faults = ["cut"] * 9
    client = make(server, tmp_path, "openai/unheard-of", price=(1000.0, 0.0), max_cost_usd=1.0, attempts=9)
    with pytest.raises(BudgetSpentError):
        ask(client, "x" * 1000)
    assert [entry["outcome"] for entry in ledger(tmp_path)] == ["lost"] * 2
    assert 1.0 <= client.budget.spent() < 1.2


@pytest.mark.parametrize("value", ["many", 0, -1, 1.5])
def test_a_limit_of_tokens_is_a_whole_number(server: ModelServer, tmp_path: Path, value: Any) -> None:
    with pytest.raises(ModelSettingsError, match="the parameter 'max_tokens' of a call is"):
        ask(make(server, tmp_path), max_tokens=value)
    assert server.calls == []


def test_parameters_cannot_send_a_call_elsewhere(server: ModelServer, tmp_path: Path) -> None:
    for name in ("api_base", "api_key", "mock_response", "fallbacks", "base_url", "timeout", "stream"):
        with pytest.raises(ModelSettingsError, match=f"'{name}' is no parameter"):
            ask(make(server, tmp_path), **{name: "http://127.0.0.1:9"})
    assert server.calls == []


def test_a_stop_ends_waits_and_begins_nothing(server: ModelServer, tmp_path: Path) -> None:
    server.faults, server.headers = ["429"], {"Retry-After": "500"}
    client = make(server, tmp_path, clock=Clock())
    threading.Timer(0.3, client.stop).start()
    with pytest.raises(StoppedError):
        ask(client)
    with pytest.raises(StoppedError):
        ask(client, "another")
    assert len(server.calls) == 1


def test_each_keeps_the_order_and_tells_cost_and_forecast(
    server: ModelServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client = make(server, tmp_path, "openai/unheard-of", price=(100.0, 0.0), attempts=1)
    ask(client, "0")
    server.answer = lambda body: {"content": body["messages"][-1]["content"] * 2}
    found = list(client.each([0, 1, 2, 3], lambda number: ask(client, str(number)).text, "bugs"))
    assert found == ["answer to: 0", "11", "22", "33"]
    assert "bugs: 4 of 4 done; 4 calls paid, 1 from the store" in caplog.text
    server.faults = ["500"]
    assert list(client.each([9], lambda number: ask(client, str(number)), "bugs")) == [None]


def test_a_terminal_shows_a_bar_with_the_cost(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    client = make(server, tmp_path, "openai/unheard-of", price=(1000.0, 0.0))
    list(client.each(range(4), lambda number: ask(client, str(number)), "bugs"))
    assert "bugs: 100%" in terminal.getvalue()
    assert "paid 4.00 USD, from the store 0.0000, forecast 4.00" in terminal.getvalue()
