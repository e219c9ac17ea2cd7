"""The two wire formats of the gateway, OpenAI's and Anthropic's: what an engine asks, and how it is answered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from tracesmith.llm.errors import ModelSettingsError
from tracesmith.llm.library import litellm, part

ANTHROPIC = "llms.anthropic.experimental_pass_through"
"""Where litellm keeps its translation."""
WITHOUT_MEANING = ("model", "stream", "stream_options", "user", "metadata", "store")
"""What of a body does not determine the answer: the session pins the model, the rest is the engine's bookkeeping."""


@dataclass(frozen=True)
class Asked:
    """A request as an engine made it, in OpenAI's terms."""

    messages: list[dict[str, Any]]
    parameters: dict[str, Any]
    stream: bool
    with_usage: bool = False
    """Whether a stream is to end with the tokens used."""
    tool_names: dict[str, str] = field(default_factory=dict)
    """Full names of tools whose names OpenAI's format has no room for."""


class Wire(Protocol):
    """One wire format."""

    def read(self, body: dict[str, Any], model: str) -> Asked:
        """Return what a body asks of the model."""

    def answer(self, response: dict[str, Any], asked: Asked) -> dict[str, Any]:
        """Return the body of an answer."""

    def stream(self, response: dict[str, Any], asked: Asked) -> Iterator[bytes]:
        """Yield the events of an answer that is wanted as a stream; it is whole and stored by now."""

    def problem(self, message: str, kind: str, code: str | None) -> dict[str, Any]:
        """Return the body of an error."""


class OpenAIWire:
    """Chat completions."""

    def read(self, body: dict[str, Any], model: str) -> Asked:  # noqa: ARG002
        """Return what a body asks."""
        messages = _messages(body)
        parameters = {key: value for key, value in body.items() if key not in (*WITHOUT_MEANING, "messages")}
        options = body.get("stream_options") or {}
        return Asked(messages, parameters, bool(body.get("stream")), bool(options.get("include_usage")))

    def answer(self, response: dict[str, Any], asked: Asked) -> dict[str, Any]:  # noqa: ARG002
        """Return the answer: it is stored in this format."""
        return response

    def stream(self, response: dict[str, Any], asked: Asked) -> Iterator[bytes]:
        """Yield a chunk with all that each choice says, one with its end, and the usage if it is wanted."""
        head = {key: response.get(key) for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
        for choice in response["choices"]:
            place = {"index": choice.get("index", 0)}
            said = dict(choice["message"])
            if said.get("tool_calls"):
                said["tool_calls"] = [{**call, "index": place} for place, call in enumerate(said["tool_calls"])]
            yield _event({**head, "choices": [{**place, "delta": said, "finish_reason": None}]})
            yield _event({**head, "choices": [{**place, "delta": {}, "finish_reason": choice["finish_reason"]}]})
        if asked.with_usage:
            yield _event({**head, "choices": [], "usage": response["usage"]})
        yield b"data: [DONE]\n\n"

    def problem(self, message: str, kind: str, code: str | None) -> dict[str, Any]:
        """Return the body of an error."""
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class AnthropicWire:
    """Messages, translated by litellm."""

    def read(self, body: dict[str, Any], model: str) -> Asked:
        """Return what a body asks, translated for this model."""
        _messages(body)
        try:
            return self._translated(body, model)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise ModelSettingsError(f"the request is none of Anthropic's messages ({problem})") from None

    def _translated(self, body: dict[str, Any], model: str) -> Asked:
        meant = {key: value for key, value in body.items() if key not in WITHOUT_MEANING}
        adapter = part(f"{ANTHROPIC}.adapters.transformation").AnthropicAdapter()
        translated, names = adapter.translate_completion_input_params_with_tool_mapping({**meant, "model": model})
        parameters = {key: value for key, value in dict(translated or {}).items() if value is not None}
        if "stop_sequences" in parameters:
            parameters["stop"] = parameters.pop("stop_sequences")
        messages = _without_empty_marks(json.loads(json.dumps(parameters.pop("messages"))))
        parameters.pop("model")
        return Asked(messages, parameters, bool(body.get("stream")), tool_names=names)

    def answer(self, response: dict[str, Any], asked: Asked) -> dict[str, Any]:
        """Return the answer, translated."""
        adapter = part(f"{ANTHROPIC}.adapters.transformation").AnthropicAdapter()
        whole = litellm().ModelResponse(**response)
        translated: Any = adapter.translate_completion_output_params(whole, asked.tool_names)
        made: dict[str, Any] = json.loads(json.dumps(translated, default=_plain))
        return made

    def stream(self, response: dict[str, Any], asked: Asked) -> Iterator[bytes]:
        """Yield the answer's blocks, a delta each."""
        events = part(f"{ANTHROPIC}.messages.fake_stream_iterator").FakeAnthropicMessagesStreamIterator
        yield from events(self.answer(response, asked)).chunks

    def problem(self, message: str, kind: str, code: str | None) -> dict[str, Any]:  # noqa: ARG002
        """Return the body of an error."""
        return {"type": "error", "error": {"type": kind, "message": message}}


def _without_empty_marks(value: Any) -> Any:
    """Return messages without empty cache marks: litellm 1.95.1 puts them on thinking, where Anthropic allows none."""
    if isinstance(value, list):
        return [_without_empty_marks(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_empty_marks(item) for key, item in value.items() if key != "cache_control" or item}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True)


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise ModelSettingsError("the request has no 'messages': a list of objects is wanted")
    return messages
