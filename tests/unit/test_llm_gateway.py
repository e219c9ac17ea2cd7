"""The gateway: engines with their own HTTP clients are served, stored, limited, billed and redacted like us."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
import requests

import llm_server
import workflows
from llm_server import KEY, ModelServer, QuickClock
from tracesmith.errors import InfrastructureError
from tracesmith.llm.client import Client
from tracesmith.llm.errors import BudgetSpentError, ModelSettingsError, ModelUnavailableError
from tracesmith.llm.gateway import Gateway
from tracesmith.llm.library import litellm
from tracesmith.llm.requests import Purpose
from tracesmith.llm.sessions import LimitReachedError, Limits, Session
from tracesmith.llm.settings import Settings

COST = 0.01
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
TOOL: Any = {"type": "function", "function": {"name": "bash", "description": "run", "parameters": SCHEMA}}
ANTHROPIC_TOOL = {"name": "bash", "description": "run", "input_schema": SCHEMA}
MODELS = ["openai/unheard-of", "anthropic/claude-sonnet-4-5"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        yield state


def client(server: ModelServer, folder: Path, model: str = MODELS[0], **settings: Any) -> Client:
    base = server.url + ("/v1" if model.startswith("openai/") else "")
    return Client(
        Settings(model, folder, base, **{"price": (0.0, COST * 10000), "attempts": 2, **settings}), QuickClock()
    )


@pytest.fixture
def gateway(server: ModelServer, tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(client(server, tmp_path)) as made:
        yield made


def openai_engine(gateway: Gateway, session: Session) -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.openai_base, api_key=session.token, max_retries=0)


def chat(engine: openai.OpenAI, text: str = "question", **more: Any) -> Any:
    return engine.chat.completions.create(model="any", messages=[{"role": "user", "content": text}], **more)


def messages(gateway: Gateway, session: Session, text: str = "question", **more: Any) -> requests.Response:
    body = {"model": "any", "max_tokens": 50, "messages": [{"role": "user", "content": text}], **more}
    headers = {"x-api-key": session.token, "anthropic-version": "2023-06-01"}
    return requests.post(f"{gateway.anthropic_base}/v1/messages", json=body, headers=headers, timeout=60)


def events(response: requests.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]


def ledger(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("model", MODELS)
def test_an_engine_that_speaks_openai_is_answered_and_billed(server: ModelServer, tmp_path: Path, model: str) -> None:
    with Gateway(client(server, tmp_path, model)) as gateway:
        session = gateway.open(Purpose("run_agent/demo", "one", 2))
        found = chat(openai_engine(gateway, session), temperature=0, user="somebody")
        assert found.choices[0].message.content == "answer to: question"
        assert found.usage.total_tokens == 1100
        assert [one.id for one in openai_engine(gateway, session).models.list()] == [model]
    (entry,) = ledger(tmp_path)
    assert (entry["stage"], entry["instance"], entry["sample"]) == ("run_agent/demo", "one", 2)
    assert (entry["outcome"], entry["model"]) == ("paid", model)
    assert entry["cost_usd"] == pytest.approx(COST)
    assert server.keys == [KEY], "the engine's token stays here"
    assert "user" not in server.calls[0][1]


@pytest.mark.parametrize("model", MODELS)
def test_an_engine_that_speaks_anthropic_is_answered_and_billed(
    server: ModelServer, tmp_path: Path, model: str
) -> None:
    server.answer = lambda _: {**llm_server.call("bash", command="ls"), "content": "Look."}
    with Gateway(client(server, tmp_path, model)) as gateway:
        found = messages(gateway, gateway.open(Purpose("run_agent/demo", "one")), tools=[ANTHROPIC_TOOL]).json()
    assert found["content"][0] == {"type": "text", "text": "Look."}
    assert (found["content"][1]["name"], found["content"][1]["input"]) == ("bash", {"command": "ls"})
    assert (found["stop_reason"], found["usage"]["output_tokens"]) == ("tool_use", 100)
    assert ledger(tmp_path)[0]["outcome"] == "paid"


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_with_tools_reaches_the_model_whole_from_both_formats(
    server: ModelServer, tmp_path: Path, model: str
) -> None:
    made = llm_server.call("bash", command="ls")["tool_calls"]
    spoken: Any = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "list"},
        {"role": "assistant", "content": "I look.", "tool_calls": made},
        {"role": "tool", "tool_call_id": made[0]["id"], "content": "a.ts"},
    ]
    use = {"type": "tool_use", "id": made[0]["id"], "name": "bash", "input": {"command": "ls"}}
    result = {"type": "tool_result", "tool_use_id": made[0]["id"], "content": "a.ts"}
    also = {
        "system": "be brief",
        "messages": [
            {"role": "user", "content": "list"},
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, use]},
            {"role": "user", "content": [result]},
        ],
        "stop_sequences": ["END"],
    }
    with Gateway(client(server, tmp_path, model)) as gateway:
        session = gateway.open(Purpose("run_agent/demo"))
        engine = openai_engine(gateway, session)
        engine.chat.completions.create(model="any", messages=spoken, tools=[TOOL], max_tokens=50, stop=["END"])
        assert messages(gateway, session, tools=[ANTHROPIC_TOOL], **also).status_code == 200
    first, second = (body for _, body in server.calls)
    for body in (first, second):
        text = json.dumps(body)
        assert all(part in text for part in ("be brief", "list", "I look.", "a.ts", made[0]["id"], "END", "bash"))
        assert body["max_tokens"] == 50
    roles = [message["role"] for message in second["messages"]]
    assert roles == [message["role"] for message in first["messages"]]


def test_thinking_and_cache_marks_go_to_and_fro_unchanged(server: ModelServer, tmp_path: Path) -> None:
    thought = {"thinking": "hmm", "signature": "SIG=="}
    server.answer = lambda _: {**llm_server.call("bash", command="ls"), "content": "Look.", "thinking": thought}
    mark = {"cache_control": {"type": "ephemeral"}}
    asked: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "list", **mark}]}]
    more = {"tools": [ANTHROPIC_TOOL], "thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
    with Gateway(client(server, tmp_path, MODELS[1])) as gateway:
        session = gateway.open(Purpose("run_agent/demo"))
        said = messages(gateway, session, messages=asked, **more).json()["content"]
        assert said[0] == {"type": "thinking", **thought}
        result = {"type": "tool_result", "tool_use_id": said[-1]["id"], "content": "a.ts", **mark}
        asked += [{"role": "assistant", "content": said}, {"role": "user", "content": [result]}]
        found = events(messages(gateway, session, messages=asked, stream=True, **more))
    sent = server.calls[1][1]
    assert sent["thinking"] == more["thinking"]
    assert sent["messages"][0] == asked[0]
    assert sent["messages"][1]["content"][0] == {"type": "thinking", **thought}
    assert sent["messages"][2]["content"][0]["cache_control"] == mark["cache_control"]
    deltas = [event["delta"] for event in found if event["type"] == "content_block_delta"]
    assert (deltas[0]["thinking"], deltas[1]["signature"]) == ("hmm", "SIG==")


def test_streams_say_the_same_as_whole_answers(server: ModelServer, gateway: Gateway) -> None:
    server.answer = lambda _: {**llm_server.call("bash", command="ls"), "content": "Look."}
    engine = openai_engine(gateway, gateway.open(Purpose("run_agent/demo")))
    chunks = list(chat(engine, stream=True, stream_options={"include_usage": True}))
    said = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in said) == "Look."
    assert json.loads(said[0].tool_calls[0].function.arguments) == {"command": "ls"}
    assert chunks[-1].usage.total_tokens == 1100
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices] == [None, "tool_calls"]

    found = events(messages(gateway, gateway.open(Purpose("run_agent/demo")), tools=[ANTHROPIC_TOOL], stream=True))
    assert [event["type"] for event in found] == [
        "message_start",
        *["content_block_start", "content_block_delta", "content_block_stop"] * 2,
        "message_delta",
        "message_stop",
    ]
    deltas = [event["delta"] for event in found if event["type"] == "content_block_delta"]
    assert deltas[0]["text"] == "Look."
    assert json.loads(deltas[1]["partial_json"]) == {"command": "ls"}


@pytest.mark.parametrize("model", ["openai/any", "anthropic/any"])
def test_engines_on_litellm_understand_answers_and_a_prompt_that_is_too_long(
    server: ModelServer, gateway: Gateway, model: str
) -> None:
    session = gateway.open(Purpose("run_agent/demo"))
    base = gateway.openai_base if model.startswith("openai/") else gateway.anthropic_base
    common = {"model": model, "api_base": base, "api_key": session.token, "max_retries": 0, "max_tokens": 50}
    engine = litellm().completion
    for stream in (False, True):
        found = engine(messages=[{"role": "user", "content": f"hi {stream}"}], stream=stream, **common)
        if stream:
            text = "".join(chunk.choices[0].delta.content or "" for chunk in found)
        else:
            text = found.choices[0].message.content
        assert text == f"answer to: hi {stream}"
    server.faults = ["context"]
    with pytest.raises(litellm().ContextWindowExceededError):
        engine(messages=[{"role": "user", "content": "long"}], **common)
    assert session.account(None).ended is None, "a shorter prompt may follow"
    server.faults = ["403"]
    for _ in range(2):
        with pytest.raises(litellm().AuthenticationError):  # the engines' sign to give up
            engine(messages=[{"role": "user", "content": "no"}], **common)


def test_a_run_that_begins_again_is_served_from_the_store(server: ModelServer, tmp_path: Path) -> None:
    for _ in range(2):
        with Gateway(client(server, tmp_path)) as gateway:
            session = gateway.open(Purpose("run_agent/demo", "one"), Limits(cost_usd=2.5 * COST))
            engine = openai_engine(gateway, session)
            for number in range(3):
                chat(engine, str(number))
            with pytest.raises(openai.AuthenticationError, match="cost limit"):
                chat(engine, "3")
    assert len(server.calls) == 3
    assert [entry["outcome"] for entry in ledger(tmp_path)] == ["paid"] * 3 + ["cached"] * 3


def test_an_engine_that_asks_the_same_again_gets_another_answer_and_after_a_restart_the_same_two(
    server: ModelServer, tmp_path: Path
) -> None:
    server.answer = lambda _: {"content": f"answer {len(server.calls)}"}
    for _ in range(2):
        with Gateway(client(server, tmp_path)) as gateway:
            engine = openai_engine(gateway, gateway.open(Purpose("run_agent/demo", "one")))
            said = [chat(engine).choices[0].message.content for _ in range(2)]
            assert said == ["answer 1", "answer 2"]
    assert len(server.calls) == 2


def test_an_engine_that_lost_patience_and_asks_again_pays_nothing(server: ModelServer, tmp_path: Path) -> None:
    server.delay_s = 1.0
    with Gateway(client(server, tmp_path)) as gateway:
        session = gateway.open(Purpose("run_agent/demo", "one"))
        with pytest.raises(openai.APITimeoutError):
            chat(openai_engine(gateway, session).with_options(timeout=0.3))
        assert chat(openai_engine(gateway, session)).choices[0].message.content == "answer to: question"
        workflows.wait_for(lambda: session.account("one").calls == 1)  # both had the answer until one was not taken
    assert len(server.calls) == 1


@pytest.mark.parametrize(("limits", "said"), [(Limits(calls=1), "call limit"), (Limits(cost_usd=0.001), "cost limit")])
def test_limits_end_an_instance_for_good(server: ModelServer, gateway: Gateway, limits: Limits, said: str) -> None:
    session = gateway.open(Purpose("run_agent/demo", "one"), limits)
    chat(openai_engine(gateway, session), "1")
    for _ in range(2):
        with pytest.raises(openai.AuthenticationError, match=said):
            chat(openai_engine(gateway, session), "2")
        assert messages(gateway, session).status_code == 401
    assert isinstance(session.account("one").ended, LimitReachedError)
    assert len(server.calls) == 1
    chat(openai_engine(gateway, gateway.open(Purpose("run_agent/demo", "two"), limits)), "2")


def test_the_cap_of_the_run_holds_for_engines(server: ModelServer, tmp_path: Path) -> None:
    with Gateway(client(server, tmp_path, max_cost_usd=COST)) as gateway:
        session = gateway.open(Purpose("run_agent/demo"))
        chat(openai_engine(gateway, session), "1")
        with pytest.raises(openai.AuthenticationError, match="the cost cap"):
            chat(openai_engine(gateway, session), "2")
        assert isinstance(session.account(None).ended, BudgetSpentError)
    assert len(server.calls) == 1


@pytest.mark.parametrize(("fault", "kind"), [("500", ModelUnavailableError), ("403", ModelSettingsError)])
def test_a_model_that_fails_is_asked_no_more_and_says_no_key(
    server: ModelServer, gateway: Gateway, fault: str, kind: type[Exception]
) -> None:
    server.faults = [fault] * 9
    session = gateway.open(Purpose("run_agent/demo", "one"))
    first, second = messages(gateway, session), messages(gateway, session)
    assert (first.status_code, second.status_code) == (401, 401)
    assert KEY not in first.text + second.text
    assert isinstance(session.account("one").ended, kind)
    assert len(server.calls) == (2 if fault == "500" else 1)


def test_an_engine_with_many_instances_is_told_apart_by_its_messages(server: ModelServer, gateway: Gateway) -> None:
    def instance_of(said: Any) -> str | None:
        return str(said[0]["content"]).partition(" ")[0]

    session = gateway.open(Purpose("run_agent/demo"), Limits(calls=1), instance_of)
    for name in ("one", "two"):
        chat(openai_engine(gateway, session), f"{name} first")
        with pytest.raises(openai.AuthenticationError):
            chat(openai_engine(gateway, session), f"{name} second")
    assert [entry["instance"] for entry in ledger(gateway.client.settings.folder)] == ["one", "two"]


def test_only_a_session_opens_the_gateway_and_only_on_loopback(server: ModelServer, gateway: Gateway) -> None:
    session = gateway.open(Purpose("run_agent/demo"))
    gateway.close(session)
    with pytest.raises(openai.AuthenticationError):
        chat(openai_engine(gateway, session))
    assert messages(gateway, session).status_code == 401
    assert requests.get(f"{gateway.openai_base}/models", timeout=60).status_code == 401
    assert urlsplit(gateway.openai_base).hostname == "127.0.0.1"
    assert server.calls == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"messages": "hi"}', b'{"messages": []}'])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_malformed_request_is_told_and_ends_nothing(gateway: Gateway, body: bytes, path: str) -> None:
    session = gateway.open(Purpose("run_agent/demo"))
    headers = {"Authorization": f"Bearer {session.token}"}
    found = requests.post(gateway.anthropic_base + path, data=body, headers=headers, timeout=60)
    assert found.status_code == 400
    assert found.json()["error"]["message"]
    assert chat(openai_engine(gateway, session)).choices


def test_parameters_of_an_engine_cannot_send_a_call_elsewhere(server: ModelServer, gateway: Gateway) -> None:
    session = gateway.open(Purpose("run_agent/demo"))
    with pytest.raises(openai.AuthenticationError, match="'api_base' is no parameter"):
        chat(openai_engine(gateway, session), extra_body={"api_base": "http://127.0.0.1:9"})
    assert server.calls == []


def test_the_end_waits_for_calls_under_way_and_not_for_idle_connections(server: ModelServer, tmp_path: Path) -> None:
    server.delay_s = 0.6
    with Gateway(client(server, tmp_path)) as gateway:
        session = gateway.open(Purpose("run_agent/demo"))
        port = urlsplit(gateway.openai_base).port
        idle = socket.create_connection(("127.0.0.1", port or 0))
        said: list[str] = []
        engine = threading.Thread(target=lambda: said.append(messages(gateway, session).text))
        engine.start()
        while not server.calls:
            threading.Event().wait(0.01)
    engine.join()
    idle.close()
    assert "answer to: question" in said[0]
    assert [entry["outcome"] for entry in ledger(tmp_path)] == ["paid"]


def test_a_bug_of_ours_is_no_verdict(server: ModelServer, gateway: Gateway) -> None:
    session = gateway.open(Purpose("run_agent/demo", "one"))
    (gateway.client.settings.folder / "ledger.jsonl").mkdir()
    assert messages(gateway, session).status_code == 401
    assert isinstance(session.account("one").ended, InfrastructureError)


def test_a_request_that_litellm_cannot_translate_is_told(gateway: Gateway) -> None:
    session = gateway.open(Purpose("run_agent/demo"))
    found = messages(gateway, session, tools=["bash"])
    assert found.status_code == 400
    assert "none of Anthropic's messages" in found.json()["error"]["message"]


def test_the_examples_of_the_guide_run(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_engine(base_url: str, api_key: str) -> None:
        chat(openai.OpenAI(base_url=base_url, api_key=api_key))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_BASE", server.url)
    guide = Path(__file__).resolve().parents[2] / "docs" / "llm.md"
    names: dict[str, Any] = {
        "messages": [{"role": "user", "content": "question"}],
        "instance_id": "one",
        "instances": [1, 2],
        "write_one": lambda number: f"issue {number}",
        "run_engine": run_engine,
    }
    for example in re.findall(r"```python\n(.*?)```", guide.read_text(), re.DOTALL):
        exec(example, names)  # noqa: S102
    said = capsys.readouterr().out
    assert all(part in said for part in ("answer to: question", "issue 1\nissue 2\n", "None\n"))
    assert len(ledger(tmp_path / "logs" / "llm")) == 2
