"""The settings of a client: section `llm` of the configuration, and where its files stand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Which model is asked, how quickly and for how much money."""

    model: str
    """Name as litellm knows it, with its provider: anthropic/claude-sonnet-4-5, openai/gpt-4o-mini, zai/glm-4.6."""
    folder: Path
    """Where answers, ledger and budget stand. All that share it, processes of other hosts too, pay a call once."""
    api_base: str | None = None
    """Another server: for openai/… with its /v1. None takes <PROVIDER>_API_BASE or _BASE_URL of the environment."""
    workers: int = 4
    """Calls of this process at once."""
    requests_per_minute: float | None = None
    """Of all processes that share the folder, retries included."""
    max_cost_usd: float | None = None
    """Cap of all that shares the folder."""
    stage_caps: Mapping[str, float] = field(default_factory=dict)
    """Caps of single stages in USD, by the name with which calls are made."""
    allow_unknown_price: bool = False
    """Ask a model without a price. Its costs are null in the ledger, and no cap counts them."""
    price: tuple[float, float] | None = None
    """USD per million tokens read and written, instead of litellm's table."""
    timeout_s: float = 600.0
    """Of one attempt without a byte from the server."""
    attempts: int = 8
    """Attempts of one call, the first included."""
