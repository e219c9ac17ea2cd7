"""
litellm, imported when it is first needed: that costs seconds of CPU, and must not reach for the network.

It holds two vocabularies for counting tokens, a quarter of its memory, that nobody reads while servers count.
"""

import functools
import importlib
import logging
import os
from typing import Any

from tracesmith.llm.redaction import RedactingFilter


class LateEncoding:
    """An encoding of tiktoken's that is read when it is first used (40 MB)."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copies ask for, before there is a name
            raise AttributeError(name)
        return getattr(importlib.import_module("tiktoken.registry").get_encoding(self._name), name)


@functools.cache
def litellm() -> Any:
    """Import litellm with its own copy of the prices, without banners, telemetry or loggers that say too much."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    tiktoken: Any = importlib.import_module("tiktoken")
    tiktoken.get_encoding = LateEncoding
    module: Any = importlib.import_module("litellm")
    tiktoken.get_encoding = tiktoken.registry.get_encoding
    module.utils.json_data = None  # Claude's vocabulary; what counts with it has it as a text as well
    module.suppress_debug_info = True
    module.telemetry = False
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "openai"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
        logger.addFilter(RedactingFilter())
    return module


def part(name: str) -> Any:
    """Import a module of litellm's."""
    litellm()
    return importlib.import_module(f"litellm.{name}")
