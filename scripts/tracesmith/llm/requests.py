"""What is asked: the request, its fingerprint and what it is for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tracesmith import stores
from tracesmith.llm.errors import ModelSettingsError
from tracesmith.llm.library import part

CODE_VERSION = 1
"""Bumped when the same request has to be asked again."""
NOT_PARAMETERS = frozenset(
    {"model", "messages", "stream", "stream_options", "base_url", "timeout", "request_timeout", "extra_headers"}
    | {"default_headers", "organization", "deployment_id"}
)
"""What the client's settings decide."""
TRANSLATION = frozenset({"drop_params", "additional_drop_params", "allowed_openai_params"})
"""What litellm takes for itself and a caller may say: which parameters a provider is not, or after all, sent."""

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
        of_litellm = set(part("types.utils").all_litellm_params) - TRANSLATION
        refused = sorted((NOT_PARAMETERS | of_litellm) & set(self.parameters))
        if refused:  # some would send the call elsewhere, or make the answer up
            raise ModelSettingsError(f"{refused[0]!r} is no parameter of a call: the client's settings decide it")

    @cached_property
    def fingerprint(self) -> str:
        """The key under which the answer is stored."""
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
