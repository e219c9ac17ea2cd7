"""
Replace secrets in a row by placeholders, one for each secret throughout the row.

Text that stands in the pristine tree is public, and stays. A row whose patch would change is none: its patch could no
longer be applied.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from tracesmith.sft.shapes import HOME, HOST, KEY, MAIL, SHAPES, VARIABLE, Shape
from tracesmith.sft.turns import UnusableTrajectoryError

SHORTEST = {KEY: 6, VARIABLE: 8, MAIL: 5, HOME: 8, HOST: 4}
NO_DOMAINS = re.compile(
    r"(?i)@(?:[\w-]+\.)*(?:example(?:\.\w+)?|test|invalid|localhost|local|users\.noreply\.github\.com|domain\.\w+|email\.\w+"
    r"|foo\.\w+|bar\.\w+|host\.\w+|[\w-]+\.(?:png|jpe?g|gif|svg|webp|[cm]?[jt]sx?|css|scss|html?|json|md|ya?ml|lock|tgz|map|txt"
    r"|min|d|vue|mp4|ico|snap))$"
)
NO_PERSONS = {
    "git",
    "user",
    "username",
    "node",
    "runner",
    "root",
    "ubuntu",
    "vscode",
    "me",
    "you",
    "name",
    "app",
    "dev",
    "test",
}
NO_VALUES = re.compile(
    r"(?i)^(?:[x*.•_-]+|<.*>|\$\{?.*|%.*%|\{.*\}|\[.*\]|(?:your|my|some|fake|dummy|test|example|placeholder|changeme|redacted|process|undefined|null|true|false|string)\b.*"
    r"|pass(?:word)?|secret|token|user(?:name)?)$"
)
NO_PARTS = re.compile(r"(?i)your[_-]|EXAMPLE|xxxx|process\.env|\.\.\.|123456789012|placeholder|\$\{")
PATH = re.compile(r"[./~]?(?:/[\w.@+-]+)+/?")


class Pristine:
    """The texts of a tree that anybody can read."""

    def __init__(self, root: Path | None) -> None:
        self.root = root

    @lru_cache(maxsize=20_000)  # noqa: B019 - as old as the run
    def has(self, value: str) -> bool:
        """Tell whether a value stands in a file of the tree; files are read one at a time."""
        if self.root is None:
            return False
        wanted = value.encode("utf-8", "surrogateescape")
        paths = (path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        return any(wanted in path.read_bytes() for path in paths)


class Scrubber:
    """Replaces secrets; keeps nothing of one row for the next."""

    def __init__(self, pristine: Path | None = None) -> None:
        self.pristine = Pristine(pristine)

    def clean(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row without secrets, or raise UnusableTrajectoryError where its patch holds one."""
        texts = [*_texts(row["messages"]), row["tracesmith"]["system"], row["patch"]]
        found = self.secrets(texts)
        if not found:
            return row
        if any(value in row["patch"] for value in found):
            raise UnusableTrajectoryError("secret_in_patch", "without its secrets its patch would be another one")
        replace = _replacer(found)
        extras = {**row["tracesmith"], "system": replace(row["tracesmith"]["system"])}
        extras["placeholders"] = dict(sorted(Counter(found.values()).items()))
        return {**row, "messages": _mapped(row["messages"], replace), "tracesmith": extras}

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        found = self.secrets([text])
        return _replacer(found)(text) if found else text

    def secrets(self, texts: list[str]) -> dict[str, str]:
        """Return the secrets in texts with their kinds, in the order in which they come up."""
        found: dict[str, str] = {}
        shapes = _hinted(SHAPES, "\n".join(texts))  # most shapes are in no text of a row, and most texts are short
        for text in texts:
            for shape in _hinted(shapes, text):
                for value in shape.find(text):
                    if value not in found and self._is_secret(shape.kind, value):
                        found[value] = shape.kind
        return found

    def _is_secret(self, kind: str, value: str) -> bool:
        if len(value) < SHORTEST[kind] or NO_VALUES.match(value):
            return False
        if kind == MAIL and (NO_DOMAINS.search(value) or value.split("@", maxsplit=1)[0].lower() in NO_PERSONS):
            return False
        if kind == HOME and re.split(r"[/\\]+", value)[-1].lower() in NO_PERSONS:
            return False
        if kind == VARIABLE and (PATH.fullmatch(value) or not re.search(r"\d|[^\w\s]", value)):
            return False
        if kind == KEY and (NO_PARTS.search(value) or _is_plain(value)):
            return False
        return not self.pristine.has(value)


def _hinted(shapes: list[Shape], text: str) -> list[Shape]:
    """Return the shapes of which a text holds a hint."""
    lower = text.lower()
    return [shape for shape in shapes if any(hint in lower for hint in shape.hints)]


def _is_plain(value: str) -> bool:
    """Tell whether a value is a path, a dotted name or one character again and again, which no key is."""
    return len(set(value)) < 5 or bool(re.fullmatch(r"[a-zA-Z]+(?:[.][a-zA-Z]+)+", value))


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of messages; arguments that are JSON also as what they say."""
    if isinstance(value, str):
        yield value
        if value.startswith("{"):
            try:
                yield from (text for text in _texts(json.loads(value)) if "\n" in text)
            except ValueError:
                return
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _mapped(value: Any, replace: Any) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, dict):
        return {key: _mapped(item, replace) for key, item in value.items()}
    return [_mapped(item, replace) for item in value] if isinstance(value, list) else value


def _replacer(found: dict[str, str]) -> Any:
    """Return a function that replaces secrets, in every form in which JSON and URLs write them, the longest first."""
    numbers: Counter[str] = Counter()
    forms: dict[str, str] = {}
    for value, kind in found.items():
        numbers[kind] += 1
        placeholder = f"[{kind}_{numbers[kind]}]"
        if kind == HOME:
            placeholder = re.sub(r"[^/\\]+$", placeholder.replace("\\", r"\\"), value)
        for form in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
            forms.setdefault(form, placeholder)
    longest = sorted(forms, key=lambda form: (-len(form), form))
    pattern = re.compile("|".join(re.escape(form) for form in longest))
    return lambda text: pattern.sub(lambda match: forms[match[0]], text)
