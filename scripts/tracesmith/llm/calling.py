"""One attempt of one call through litellm, and what its failure means."""

import os
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tracesmith.llm import redaction
from tracesmith.llm.errors import ModelSettingsError, PromptRefusedError
from tracesmith.llm.library import litellm
from tracesmith.llm.requests import Request
from tracesmith.llm.retrying import AttemptError, read_retry_after
from tracesmith.llm.settings import Settings

NO_KEY = "none"
"""What an OpenAI-compatible server without keys is sent, because litellm insists on something."""
BUSY = frozenset({408, 409, 425, 429})
REMEDIES = {
    401: "set a valid key in {variable}",
    402: "the account of the key in {variable} has nothing left",
    403: "the key in {variable} may not use this model; use another",
    404: "check llm.model and llm.api_base",
}
OUT_OF_MONEY = re.compile(r"insufficient.(?:quota|balance)|exceeded your current quota", re.IGNORECASE)
"""Some providers say so with status 429, as if it passed."""
LONGEST_MESSAGE = 500


class Endpoint:
    """A model at a server, with the key of the environment."""

    def __init__(self, settings: Settings) -> None:
        self.model = settings.model
        self._timeout_s = settings.timeout_s
        self._provider = _provider(settings.model)
        prefix = self._provider.upper()
        bases = [settings.api_base, os.environ.get(f"{prefix}_API_BASE"), os.environ.get(f"{prefix}_BASE_URL")]
        self.api_base = next((base for base in bases if base), None)
        _check_url(self.api_base)
        self._variables = self._wanted_variables()
        self._key = self._keyless()

    def complete(self, request: Request) -> Any:
        """
        Return litellm's ModelResponse, with at least one choice.

        Raises AttemptError for what may pass, PromptRefusedError for this prompt, ModelSettingsError for every prompt.
        """
        try:
            response = litellm().completion(
                model=self.model,
                messages=[dict(message) for message in request.messages],
                api_base=self.api_base,
                api_key=self._key,
                timeout=self._timeout_s,
                max_retries=0,
                num_retries=0,
                **request.parameters,
            )
        except Exception as error:  # litellm raises many kinds; each is judged, none is swallowed
            raise self._judged(error) from None
        if not getattr(response, "choices", None) or getattr(response, "usage", None) is None:
            raise AttemptError(f"{self.model}: an answer without choices or usage", "no choices", maybe_billed=True)
        return response

    def _wanted_variables(self) -> list[str]:
        """Return the environment variables that may hold the key."""
        if self._provider == "anthropic":
            return ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"]
        missing = litellm().validate_environment(self.model)["missing_keys"] or []
        return [name for name in missing if name.endswith("_API_KEY")] or [f"{self._provider.upper()}_API_KEY"]

    def _keyless(self) -> str | None:
        """Return the stand-in for a key that is not needed, None to let litellm take the environment's."""
        if any(os.environ.get(name) for name in self._variables):
            return None
        if self._provider == "openai" and self.api_base:
            return NO_KEY
        missing = litellm().validate_environment(self.model)["missing_keys"] or []
        if self._provider in ("anthropic", "zai") or missing == self._variables:  # litellm knows no key of zai
            wanted = " or ".join(self._variables)
            raise ModelSettingsError(f"llm.model {self.model}: no key in the environment; set {wanted}", 401)
        return None

    def _judged(self, error: Exception) -> Exception:
        """Return what an error of litellm's means; its own mapping to statuses loses some, the cause has them."""
        chain = list(_chain(error))
        statuses = [status for one in chain if isinstance(status := getattr(one, "status_code", None), int)]
        status = statuses[-1] if statuses else 500
        told = str(error).partition("\nTraceback")[0]  # litellm puts its own stack into some messages
        said = redaction.of_environment().message(told)[:LONGEST_MESSAGE]
        names = {type(one).__name__ for one in chain}
        if names & {"ContextWindowExceededError", "ContentPolicyViolationError"}:
            too_long = "ContextWindowExceededError" in names
            return PromptRefusedError(f"{self.model} refuses the prompt: {said}", too_long)
        if status == 429 and OUT_OF_MONEY.search(said):
            status = 402
        if 400 <= status < 500 and status not in BUSY:
            remedy = REMEDIES.get(status, "check the parameters").format(variable=" or ".join(self._variables))
            return ModelSettingsError(f"llm.model {self.model}: {remedy} (status {status}: {said})", status)
        headers = next((found for one in reversed(chain) if (found := _headers_of(one))), None)
        wait = read_retry_after(headers.get("retry-after"), time.time()) if headers is not None else None
        connected = not names & {"ConnectError", "ConnectTimeout"}
        kind = f"{type(error).__name__}, status {status}" if headers else type(error).__name__
        return AttemptError(said, kind, wait, maybe_billed=headers is None and connected)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from or during."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def _headers_of(error: BaseException) -> Any:
    """Return the headers of the server's own refusal, or None: litellm's made-up responses have none."""
    response = getattr(error, "response", None)
    return response.headers if response is not None and response.status_code >= 400 else None


def _provider(model: str) -> str:
    try:
        return str(litellm().get_llm_provider(model=model)[1])
    except litellm().exceptions.BadRequestError:
        raise ModelSettingsError(
            f"llm.model {model}: litellm knows no such model; write its provider before it, as in "
            "anthropic/claude-sonnet-4-5, or openai/NAME with llm.api_base for a server that speaks OpenAI's format"
        ) from None


def _check_url(url: str | None) -> None:
    if url is None:
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password or parts.query:
        shown = redaction.of_environment().message(parts._replace(netloc=parts.hostname or "", query="").geturl())
        raise ModelSettingsError(
            f"llm.api_base {shown}: a URL such as http://127.0.0.1:8000/v1 is wanted, without a login"
        )
