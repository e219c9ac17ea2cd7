"""litellm, imported when it is first needed: that costs seconds of CPU, and must not reach for the network."""

import functools
import importlib
import logging
import os
from typing import Any

from tracesmith.llm.redaction import RedactingFilter


@functools.cache
def litellm() -> Any:
    """Import litellm with its own copy of the prices, without banners, telemetry or loggers that say too much."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    module: Any = importlib.import_module("litellm")
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
