"""A model server on loopback: the OpenAI and the Anthropic wire format, with answers and misbehaviour on request."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import http_servers
from tracesmith.llm.clock import Clock

Body = dict[str, Any]
Message = dict[str, Any]
PROMPT_TOKENS, COMPLETION_TOKENS = 1000, 100
KEY = "sk-test-0123456789abcdef"
FAULTS = {
    "400": (400, "this parameter is wrong", "invalid_request_error"),
    "401": (401, "invalid key {key}", "authentication_error"),
    "403": (403, "key {key} may not do this", "permission_error"),
    "404": (404, "no such model", "not_found_error"),
    "408": (408, "too slow", "timeout_error"),
    "429": (429, "slow down, {key}", "rate_limit_error"),
    "500": (500, "something broke for {key}", "api_error"),
    "503": (503, "overloaded", "overloaded_error"),
    "quota": (429, "You exceeded your current quota, please check your plan", "insufficient_quota"),
    "policy": (400, "request was rejected as a result of the safety system: content filtering policy", "policy_error"),
    "context": (400, "This model's maximum context length is 8 tokens. prompt is too long", "invalid_request_error"),
}


def echo(body: Body) -> Message:
    """Answer with the text of the last message."""
    return {"content": f"answer to: {last_text(body)}"}


def last_text(body: Body) -> str:
    """Return the text of a request's last message."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def call(name: str, **arguments: Any) -> Message:
    """Return a message that calls one tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"content": None, "tool_calls": [{"id": f"call_{name}", "type": "function", "function": function}]}


@dataclass
class ModelServer:
    """What the server answers and what it has seen."""

    url: str = ""
    answer: Callable[[Body], Message] = echo
    """Makes the message of a good answer: content, tool_calls; thinking, in Anthropic's format only."""
    faults: list[str] = field(default_factory=list)
    """Misbehaviour of the next requests, one each: a key of FAULTS, cut, json, empty, html, slow, drop or ok."""
    fault_of: Callable[[Body], str] = lambda _: "ok"
    """Misbehaviour of a request for which none is planned, by what is asked."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of faulty answers, such as Retry-After."""
    slow_s: float = 5.0
    delay_s: float = 0.0
    """How long a good answer takes."""
    calls: list[tuple[str, Body]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """What each request was authorised with."""
    answered: int = 0
    """Good answers that were begun: what a provider would send a bill for."""
    counts_tokens: bool = True
    """Whether good answers say how many tokens were used."""
    most_at_once: int = 0
    under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self, body: Body) -> str:
        """Take the next planned misbehaviour."""
        with self.lock:
            return self.faults.pop(0) if self.faults else self.fault_of(body)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: ModelServer

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        """Answer, or misbehave."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers.get("x-api-key") or self.headers.get("Authorization", "").removeprefix("Bearer ")
        state = self.state
        with state.lock:
            state.calls.append((self.path, body))
            state.keys.append(key)
            state.under_way += 1
            state.most_at_once = max(state.most_at_once, state.under_way)
        try:
            self._answer(body, key, state.next_fault(body))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with state.lock:
                state.under_way -= 1

    def _answer(self, body: Body, key: str, fault: str) -> None:
        if fault in FAULTS:
            status, message, kind = FAULTS[fault]
            problem = {"message": message.format(key=key), "type": kind, "code": kind}
            self._send(json.dumps({"type": "error", "error": problem}), status, self.state.headers)
        elif fault == "drop":
            self.close_connection = True
        elif fault == "slow":
            time.sleep(self.state.slow_s)
            self.close_connection = True
        else:
            self._send_good(body, fault)

    def _send_good(self, body: Body, fault: str) -> None:
        with self.state.lock:
            self.state.answered += 1
        time.sleep(self.state.delay_s)
        message = self.state.answer(body)
        value = (anthropic if self.path.endswith("/messages") else openai)(body["model"], message, fault == "empty")
        if not self.state.counts_tokens:
            del value["usage"]
        text = json.dumps(value)
        if fault == "html":
            self._send("<html>hello</html>", 200, {"Content-Type": "text/html"})
        elif fault == "json":
            self._send(text[:-20], 200, {})
        elif fault == "cut":
            self._send(text, 200, {}, text[: len(text) // 2])
            self.close_connection = True
        else:
            self._send(text, 200, {})

    def _send(self, text: str, status: int, headers: dict[str, str], sent: str | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write((text if sent is None else sent).encode())


def openai(model: str, message: Message, empty: bool) -> dict[str, Any]:
    """Return an answer as OpenAI writes it."""
    choice = {"index": 0, "finish_reason": "tool_calls" if message.get("tool_calls") else "stop"}
    usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [] if empty else [{**choice, "message": {"role": "assistant", **message}}],
        "usage": {**usage, "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS},
    }


def anthropic(model: str, message: Message, empty: bool) -> dict[str, Any]:
    """Return an answer as Anthropic writes it."""
    blocks = [{"type": "thinking", **message["thinking"]}] if message.get("thinking") else []
    blocks += [{"type": "text", "text": message["content"]}] if message.get("content") else []
    for made in message.get("tool_calls", ()):
        function = made["function"]
        arguments = json.loads(function["arguments"])
        blocks.append({"type": "tool_use", "id": made["id"], "name": function["name"], "input": arguments})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [] if empty else blocks,
        "stop_reason": "tool_use" if message.get("tool_calls") else "end_turn",
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": COMPLETION_TOKENS},
    }


class QuickClock(Clock):
    """A clock whose waits take no time: it moves on by them."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def now(self) -> float:
        """Return a time that only waits move."""
        return 1e9 + sum(self.waits)

    def wait(self, seconds: float) -> None:
        """Note the wait."""
        super().wait(0)
        self.waits.append(max(seconds, 0))


class Server(ThreadingHTTPServer):
    """A server with room for many callers at once."""

    request_queue_size = 128
    daemon_threads = True


@contextmanager
def serve() -> Iterator[ModelServer]:
    """Serve a model for the block."""
    state = ModelServer()
    server = Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{server.server_port}"
    with http_servers.running(server):
        yield state


@contextmanager
def serve_with_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """Serve a model for the block, with keys for it in the environment."""
    for name, value in {"NO_PROXY": "127.0.0.1", "OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    with serve() as state:
        yield state
