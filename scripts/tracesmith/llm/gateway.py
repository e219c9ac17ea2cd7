"""
The gateway: engines that make their own HTTP calls reach the model through it, on loopback.

It speaks the formats of OpenAI (/v1/chat/completions) and Anthropic (/v1/messages), streams included, and asks its
client: so their calls are stored, limited, billed and redacted like ours. The engine knows a session's token, no key.
"""

import contextlib
import json
import logging
import select
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tracesmith.errors import InputError, TracesmithError
from tracesmith.llm import redaction
from tracesmith.llm.answers import Answer
from tracesmith.llm.client import Client
from tracesmith.llm.errors import ModelSettingsError, PromptRefusedError
from tracesmith.llm.requests import Purpose
from tracesmith.llm.sessions import Limits, Messages, Session
from tracesmith.llm.wire import AnthropicWire, Asked, OpenAIWire, Wire

logger = logging.getLogger(__name__)
WIRES: dict[str, Wire] = {
    "/v1/chat/completions": OpenAIWire(),
    "/chat/completions": OpenAIWire(),
    "/v1/messages": AnthropicWire(),
}
NO_LIMITS = Limits()
LARGEST_BODY = 64 * 1024 * 1024


class Gateway:
    """A server on a free port of loopback while its block runs."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.sessions: dict[str, Session] = {}
        self._server = _Server(("127.0.0.1", 0), type("BoundHandler", (_Handler,), {"gateway": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self.anthropic_base = f"http://127.0.0.1:{self._server.server_port}"
        self.openai_base = f"{self.anthropic_base}/v1"

    def __enter__(self) -> "Gateway":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.client.stop()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def open(
        self,
        purpose: Purpose,
        limits: Limits = NO_LIMITS,
        instance_of: Callable[[Messages], str | None] | None = None,
    ) -> Session:
        """Return a new session; an engine that runs many instances needs `instance_of` to tell them apart."""
        session = Session(purpose, limits, instance_of)
        self.sessions[session.token] = session
        return session

    def close(self, session: Session) -> None:
        """Let a session's token open nothing any more."""
        self.sessions.pop(session.token, None)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False
    """The end of the block waits for calls under way: they are paid, and must be stored."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()
        self.ending = False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection while it is open."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Say nothing of an engine that hung up, and no secret of anything else."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logger.error("gateway: %s", redaction.of_environment().message(traceback.format_exc()))

    def hang_up(self) -> None:
        """Read no more requests from connections that engines keep open."""
        self.ending = True
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # it was closed by the engine
                connection.shutdown(socket.SHUT_RD)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    """Seconds that an engine may keep a connection open without asking."""
    gateway: Gateway
    server: _Server

    def log_message(self, *_: object) -> None:
        """Keep quiet: the ledger tells more."""

    def do_GET(self) -> None:
        """Name the model, for engines that look first."""
        model = {"id": self.gateway.client.settings.model, "object": "model", "owned_by": "tracesmith"}
        if self._session() is None:
            self._send(401, {"error": {"message": "unknown token", "type": "authentication_error"}})
        elif self.path.partition("?")[0] == "/v1/models":
            self._send(200, {"object": "list", "data": [model]})
        else:
            self._send(404, {"error": {"message": "no such page", "type": "not_found_error"}})

    def do_POST(self) -> None:
        """Answer a call."""
        wire = WIRES.get(self.path.partition("?")[0])
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._send(411, OpenAIWire().problem("a Content-Length is wanted", "invalid_request_error", None))
            return
        data = self.rfile.read(int(length))
        if wire is None:
            self._send(404, OpenAIWire().problem("no such page", "not_found_error", None))
            return
        session = self._session()
        if session is None:
            self._send(401, wire.problem("unknown token", "authentication_error", None))
            return
        try:
            asked = wire.read(_object(data), self.gateway.client.settings.model)
        except InputError as error:
            self._send(400, wire.problem(str(error), "invalid_request_error", None))
            return
        self._serve(wire, session, asked)

    def _serve(self, wire: Wire, session: Session, asked: Asked) -> None:
        try:
            answered = session.ask(self.gateway.client, asked.messages, asked.parameters)
            with answered.account.noting():
                data = self._encoded(wire, answered.answer, asked)
        except TracesmithError as error:
            self._refuse(wire, error)
        else:
            if not (self._is_waited_for() and self._deliver(data, answered.answer, asked)):
                session.take_back(answered)

    def _encoded(self, wire: Wire, answer: Answer, asked: Asked) -> bytes:
        if asked.stream:
            return b"".join(wire.stream(answer.response, asked))
        return json.dumps(wire.answer(answer.response, asked)).encode()

    def _refuse(self, wire: Wire, error: TracesmithError) -> None:
        """
        End the instance, unless only this prompt was refused.

        Status 401 whatever the reason: the one that mini-swe-agent, SWE-agent and the SDKs all do not try again.
        """
        message = redaction.of_environment().message(str(error))
        if isinstance(error, PromptRefusedError):
            code = "context_length_exceeded" if error.too_long else "content_policy_violation"
            self._send(400, wire.problem(message, "invalid_request_error", code))
            return
        self._send(401, wire.problem(message, "authentication_error", "tracesmith_ended"))

    def _is_waited_for(self) -> bool:
        """Tell whether the engine has not hung up."""
        readable = select.select([self.connection], [], [], 0)[0]
        if readable and not self.server.ending and not self.connection.recv(1, socket.MSG_PEEK):
            self.close_connection = True
            return False
        return True

    def _deliver(self, data: bytes, answer: Answer, asked: Asked) -> bool:
        """Send the answer and tell whether the engine took it."""
        kind = "text/event-stream" if asked.stream else "application/json"
        cost = {} if answer.cost is None else {"x-tracesmith-cost-usd": f"{answer.cost:.8f}"}
        try:
            self._write(200, data, {"Content-Type": kind, "Cache-Control": "no-store", **cost})
        except OSError:
            self.close_connection = True
            return False
        return True

    def _send(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._write(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _write(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _session(self) -> Session | None:
        given = self.headers.get("x-api-key") or self.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.gateway.sessions.get(given)


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        raise ModelSettingsError("the request is not JSON") from None
    if not isinstance(value, dict):
        raise ModelSettingsError("the request is no JSON object")
    return value
