"""Operators on regular expressions and templates."""

import re
from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, code, field, replaced, swapped
from tracesmith.bugs.sources import Edit

NEEDS_G = re.compile(rb"\.(matchAll|replaceAll)\s*\($")
PARTS = re.compile(rb"\\.|\[\^?(?:\\.|[^\]\\])*\]|\(\?[<=!:]*|[\s\S]", re.DOTALL)
"""The parts of a pattern: an escape, a class, an opening bracket, else one byte."""
MANY = {b"*": b"+", b"+": b"*"}
FLAGS = b"gimsy"
REGEX = frozenset({"regex"})
TEMPLATE = frozenset({"template_string"})


def drop_flag(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a flag; without `g`, matchAll and replaceAll would throw."""
    flags = node.child_by_field_name("flags")
    if flags is None:
        return
    for offset in range(flags.start_byte, flags.end_byte):
        flag = source[offset : offset + 1]
        if flag in FLAGS and not (flag == b"g" and NEEDS_G.search(source, node.start_byte - 40, node.start_byte)):
            yield Edit(offset, offset + 1, b"")


def drop_anchor(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out `^` at the start or `$` at the end."""
    pattern = field(node, "pattern")
    text = code(pattern, source)
    if text.startswith(b"^") and len(text) > 1:
        yield Edit(pattern.start_byte, pattern.start_byte + 1, b"")
    if len(text) > 1 and _parts(text)[-1][1] == b"$":
        yield Edit(pattern.end_byte - 1, pattern.end_byte, b"")


def other_quantity(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `+` for `*`, and the other way round."""
    pattern = field(node, "pattern")
    for offset, part in _parts(code(pattern, source)):
        if part in MANY and offset:
            yield Edit(pattern.start_byte + offset, pattern.start_byte + offset + 1, MANY[part])


def negate_class(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the negation of a character class."""
    pattern = field(node, "pattern")
    for offset, part in _parts(code(pattern, source)):
        start = pattern.start_byte + offset + 1
        if part.startswith(b"[^") and len(part) > 3:
            yield Edit(start, start + 1, b"")
        elif part.startswith(b"[") and len(part) > 2:
            yield Edit(start, start, b"^")


def drop_part(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a value in a template that holds something else as well."""
    for child in node.named_children if not _is_tagged(node) else ():
        if child.type == "template_substitution" and len(code(node, source)) > len(code(child, source)) + 2:
            yield replaced(child, b"")


def swap_parts(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange two values in a template."""
    values = [child for child in node.named_children if child.type == "template_substitution"]
    for first, second in pairwise(values):
        if not _is_tagged(node):
            yield swapped(first, second, source)


def _parts(pattern: bytes) -> list[tuple[int, bytes]]:
    return [(match.start(), match[0]) for match in PARTS.finditer(pattern)]


def _is_tagged(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "call_expression"


OPERATORS = (
    Operator(
        "func_pm_ts_regex_flag_drop",
        "A flag of a regular expression is missing.",
        REGEX,
        drop_flag,
        "`g i m s y`, but for `g` where matchAll or replaceAll needs it.",
        "return text.replace(/-/g, '_');",
        "return text.replace(/-/, '_');",
    ),
    Operator(
        "func_pm_ts_regex_anchor_drop",
        "A regular expression also matches in the middle of a text.",
        REGEX,
        drop_anchor,
        "`^` at the start or `$` at the end of a longer pattern.",
        "return /^\\d+$/.test(text);",
        "return /^\\d+/.test(text);",
    ),
    Operator(
        "func_pm_ts_regex_quantifier",
        "A regular expression takes none where it needs one, or the other way round.",
        REGEX,
        other_quantity,
        "`+` or `*` outside of classes.",
        "return /^\\d+$/.test(text);",
        "return /^\\d*$/.test(text);",
    ),
    Operator(
        "func_pm_ts_regex_class_negate",
        "A character class of a regular expression is inverted.",
        REGEX,
        negate_class,
        "Any class in brackets.",
        "return /[a-z]/.test(text);",
        "return /[^a-z]/.test(text);",
    ),
    Operator(
        "func_pm_ts_template_part_drop",
        "A value is missing in a text.",
        TEMPLATE,
        drop_part,
        "The template holds something else as well, and has no tag.",
        "return `${host}:${port}`;",
        "return `${host}:`;",
    ),
    Operator(
        "func_pm_ts_template_part_swap",
        "Two values in a text are exchanged.",
        TEMPLATE,
        swap_parts,
        "Neighbouring values of a template without a tag.",
        "return `${host}:${port}`;",
        "return `${port}:${host}`;",
    ),
)
