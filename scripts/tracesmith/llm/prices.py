"""What calls cost: litellm's table of prices, or the price that the settings give."""

from collections.abc import Mapping
from typing import Any

from tracesmith import files
from tracesmith.llm.errors import ModelSettingsError
from tracesmith.llm.library import litellm
from tracesmith.llm.requests import Request
from tracesmith.llm.settings import Settings

BYTES_PER_TOKEN = 2
"""On the safe side: code has about three."""
USUAL_OUTPUT = 4096
"""Tokens of an answer where neither the request nor the table has a limit."""


class Prices:
    """The price of one model. Raises ModelSettingsError where there is none and the settings do not allow that."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._table = _table_of(settings.model)
        self.known = settings.price is not None or self._is_listed()
        if not self.known and not settings.allow_unknown_price:
            raise ModelSettingsError(
                f"llm.model {settings.model}: litellm has no price of it: check the name, give llm.price, or set "
                "llm.allow_unknown_price: true, and its costs will be null and under no cap"
            )

    def upper_estimate(self, request: Request) -> float:
        """Return what a call costs at most, as far as that can be told before; 0 without a price."""
        if not self.known:
            return 0.0
        given = request.parameters
        limits = [_whole(given, name) for name in ("max_completion_tokens", "max_tokens")]
        output = next((limit for limit in limits if limit), self._table.get("max_output_tokens") or USUAL_OUTPUT)
        read, written = self._per_token()
        return _prompt_tokens(request) * read + int(output) * (_whole(given, "n") or 1) * written

    def of_prompt(self, request: Request) -> float | None:
        """Return what the prompt alone costs at most: the bill of a call whose answer was lost."""
        return _prompt_tokens(request) * self._per_token()[0] if self.known else None

    def complete_usage(self, response: Any, request: Request) -> None:
        """Estimate the tokens of an answer whose server does not count them, so that it is not free."""
        if not response.usage.prompt_tokens:
            said = [choice.message.model_dump(mode="json") for choice in response.choices]
            response.usage.prompt_tokens = _prompt_tokens(request)
            response.usage.completion_tokens = _tokens(said)
            response.usage.total_tokens = response.usage.prompt_tokens + response.usage.completion_tokens

    def of_answer(self, response: Any) -> float | None:
        """Return what an answer of litellm's has cost, discounts of the provider's cache included."""
        if self._settings.price is not None:
            read, written = self._per_token()
            return float(response.usage.prompt_tokens * read + response.usage.completion_tokens * written)
        if not self.known:
            return None
        return float(litellm().completion_cost(completion_response=response, model=self._settings.model))

    def _is_listed(self) -> bool:
        """Tell whether litellm can price the model: its functions call a price that is missing in the table 0."""
        if self._table.get("input_cost_per_token") is None:
            return False
        try:
            litellm().cost_per_token(model=self._settings.model, prompt_tokens=1, completion_tokens=1)
        except Exception:  # litellm raises a bare Exception for "not mapped"
            return False
        return True

    def _per_token(self) -> tuple[float, float]:
        if self._settings.price is not None:
            read, written = self._settings.price
            return read / 1e6, written / 1e6
        return float(self._table["input_cost_per_token"]), float(self._table.get("output_cost_per_token") or 0)


def _tokens(value: Any) -> int:
    return len(files.json_line(value)) // BYTES_PER_TOKEN


def _prompt_tokens(request: Request) -> int:
    return _tokens({"messages": list(request.messages), "parameters": dict(request.parameters)})


def _whole(parameters: Mapping[str, Any], name: str) -> int:
    """Return a parameter that counts something, 0 where it is not given."""
    value = parameters.get(name)
    if value is not None and (not isinstance(value, int) or value < 1):
        raise ModelSettingsError(f"the parameter {name!r} of a call is {value!r}: a whole number above 0 is wanted")
    return value or 0


def _table_of(model: str) -> dict[str, Any]:
    """Return litellm's own record of a model, or an empty one: `get_model_info` calls a missing price 0."""
    library = litellm()
    names = [model, model.partition("/")[2]]
    return next((dict(library.model_cost[name]) for name in names if name in library.model_cost), {})
