"""The titles of test calls: what the source says of a title, and whether a title of a report can be it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tracesmith.runners.base import SEPARATOR

PLACEHOLDER = re.compile(r"%(?:[sdifjoOpc#$]|\.\d+f)|%%|\$(?:#|[A-Za-z_][\w$]*(?:\.[\w$]+)*)")
"""What jest and vitest fill in in the titles of `.each`."""
SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
WRAPPERS = frozenset({"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression"})


@dataclass(frozen=True)
class Title:
    """A title as far as the source tells it: texts, and None for what only a run tells."""

    parts: tuple[str | None, ...]

    @property
    def literal(self) -> int:
        """Return how many characters are known."""
        return sum(len(part) for part in self.parts if part)

    @property
    def text(self) -> str | None:
        """Return the title where all of it is known."""
        return None if None in self.parts else "".join(filter(None, self.parts))

    def can_be(self, text: str) -> bool:
        """Tell whether a title can be this text; what is known of it is found part by part, as early as can be."""
        known = [""]
        for part in self.parts:
            known += [""] if part is None else [known.pop() + part]
        first, last = known[0], known[-1]
        if len(known) == 1:
            return text == first
        position, end = len(first), len(text) - len(last)
        for part in known[1:-1]:
            position = text.find(part, position, end) + len(part)
            if position < len(part):
                return False
        return position <= end and text.startswith(first) and text.endswith(last)


def of_argument(node: Node, source: bytes, each: bool) -> Title:
    """Return the title of a test call's first argument; those of `.each` have placeholders."""
    parts: list[str | None] = []
    for part in _parts(node, source):
        parts += _without_placeholders(part) if each and part is not None else [part]
    return Title(tuple(parts))


def joined(chain: Iterable[Title]) -> Title:
    """Return the titles of a test and of all around it as one: an empty title is left out, as in a test's id."""
    parts: list[str | None] = []
    for title in chain:
        if title.text != "":
            parts += [SEPARATOR, *title.parts] if parts else title.parts
    return Title(tuple(parts))


def _parts(node: Node, source: bytes) -> list[str | None]:
    """Return the known and unknown parts of an expression, from left to right, however deeply it is nested."""
    parts: list[str | None] = []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        operator = one.child_by_field_name("operator")
        if one.type in ("string", "template_string"):
            parts += [_text(child, source) for child in one.named_children if child.type != "comment"]
        elif one.type == "binary_expression" and operator is not None and operator.type == "+":
            waiting += [side for name in ("right", "left") if (side := one.child_by_field_name(name))]
        elif one.type in WRAPPERS and one.named_children:
            waiting.append(one.named_children[0])
        else:
            parts.append(_number(one, source))
    return parts


def _text(node: Node, source: bytes) -> str | None:
    """Return the text of a part of a string; None for a substitution."""
    text = source[node.start_byte : node.end_byte].decode("utf-8", "replace")
    if node.type == "escape_sequence":
        return _unescaped(text)
    return text.replace("\r\n", "\n") if node.type == "string_fragment" else None


def _number(node: Node, source: bytes) -> str | None:
    text = source[node.start_byte : node.end_byte]
    return text.decode("ascii") if node.type == "number" and text.isdigit() else None


def _unescaped(text: str) -> str:
    body = text[1:]
    if body in SIMPLE_ESCAPES:
        return SIMPLE_ESCAPES[body]
    if re.fullmatch(r"x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{0*[0-9a-fA-F]{1,6}\}", body):
        number = int(body[1:].strip("{}"), 16)
        return chr(number) if number <= 0x10FFFF else text
    return body


def _without_placeholders(text: str) -> Sequence[str | None]:
    """Return the parts of a title of `.each`: None for a placeholder."""
    parts: list[str | None] = []
    position = 0
    for match in PLACEHOLDER.finditer(text):
        parts += [text[position : match.start()], "%" if match[0] == "%%" else None]
        position = match.end()
    return [*parts, text[position:]]
