"""What is asked: the request, its fingerprint and what it is for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracesmith import stores
from tracesmith.errors import InputError

CODE_VERSION = 1
"""Bumped when the same request has to be asked again."""
# litellm would take these for itself, and some would send the call elsewhere or make the answer up.
NOT_PARAMETERS = frozenset(
    {"model", "messages", "stream", "stream_options", "api_key", "api_base", "base_url", "api_version", "timeout"}
    | {"max_retries", "num_retries", "fallbacks", "headers", "extra_headers", "mock_response", "custom_llm_provider"}
)

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Purpose:
    """What a call is for, as the ledger names it."""

    stage: str
    """The rule, and what it works on: write_issues/css-what, run_agent/demo. A stage may have a cost cap."""
    instance: str | None = None
    sample: int = 0
    """Another sample of the same request is another call."""


@dataclass(frozen=True)
class Request:
    """All that determines an answer, in OpenAI's format."""

    model: str
    api_base: str | None
    messages: Sequence[Message]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 0
    repeat: int = 0
    """How often an engine has had this answer in its session: it asks again for another one."""

    def __post_init__(self) -> None:
        refused = sorted(NOT_PARAMETERS & set(self.parameters))
        if refused:
            raise InputError(f"{refused[0]!r} is no parameter of a call: the client's settings say it")

    def fingerprint(self) -> str:
        """Return the key under which the answer is stored."""
        return stores.fingerprint(
            "llm",
            CODE_VERSION,
            model=self.model,
            api_base=self.api_base,
            messages=list(self.messages),
            parameters=dict(self.parameters),
            sample=self.sample,
            repeat=self.repeat,
        )
