"""
Redaction: keys never reach a stored file, a log, a message or an engine, even when a server echoes them.

What is secret is known by its value: everything in an environment variable whose name says key, token, secret or
password. In messages for people, what looks like a key is masked as well.
"""

import logging
import os
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

MASK = "[redacted]"
SHORTEST = 8
SECRET_NAME = re.compile(r"API_?KEY|SECRET|PASSWORD|ACCESS_KEY|(?:^|_)(?:TOKEN|KEY|KEYS|PASSWD)$", re.IGNORECASE)
LOOKS_SECRET = re.compile(r"\b(?:sk|pk|gsk|xai|ghp|hf|AIza)[-_][\w-]{12,}|(?<=Bearer )[\w.~+/-]{8,}=*", re.ASCII)


class Redactor:
    """Replaces known secrets in texts and in JSON values."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in (secret, quote(secret, safe="")) if len(secret) >= SHORTEST}
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """Return a text without the known secrets."""
        return self._known.sub(MASK, text) if self._known else text

    def message(self, text: str) -> str:
        """Return a message for people: without known secrets and without what looks like one."""
        return LOOKS_SECRET.sub(MASK, self.text(text))

    def value(self, value: Any) -> Any:
        """Return a JSON value whose texts hold no known secret."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list | tuple) else value


def of_environment() -> Redactor:
    """Return the redactor of the secrets that this process's environment holds now."""
    values = [value for name, value in os.environ.items() if SECRET_NAME.search(name)]
    parts = {part for value in values for part in (value, *value.split(":::"))}  # ::: rotates keys in SWE-agent
    return Redactor(part for part in parts if not part.isdigit() and not part.startswith("/"))


class RedactingFilter(logging.Filter):
    """Redacts the records of loggers that are not ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; none is dropped."""
        record.msg, record.args = of_environment().message(record.getMessage()), None
        record.exc_info = record.exc_text = None
        return True
