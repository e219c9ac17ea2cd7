"""What an operator is, and the small tools that operators share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from tracesmith.bugs.sources import Edit

TEXTS = frozenset({"string", "template_string"})
BLOCKS = frozenset({"class_static_block", "program", "statement_block", "switch_case", "switch_default"})
"""Nodes whose children are a list of statements."""


@dataclass(frozen=True)
class Operator:
    """One way to break code: it is shown every node of its types and proposes edits, each a candidate of its own."""

    strategy: str
    explanation: str
    node_types: frozenset[str]
    propose: Callable[[Node, bytes], Iterator[Edit]]


def code(node: Node, source: bytes) -> bytes:
    """Return the bytes of a node."""
    return source[node.start_byte : node.end_byte]


def replaced(node: Node, replacement: bytes) -> Edit:
    """Return the edit that puts other bytes in the place of a node."""
    return Edit(node.start_byte, node.end_byte, replacement)


def swapped(first: Node, second: Node, source: bytes) -> Edit:
    """Return the edit that exchanges two nodes, the first before the second, and keeps what stands between them."""
    return swapped_for(first, second, code(second, source), code(first, source), source)


def swapped_for(first: Node, second: Node, start: bytes, end: bytes, source: bytes) -> Edit:
    """Return the edit that puts `start` for the first node and `end` for the second."""
    between = source[first.end_byte : second.start_byte]
    return Edit(first.start_byte, second.end_byte, start + between + end)


def field(node: Node, name: str) -> Node:
    """Return a field that the grammar promises for a node of this type."""
    found = node.child_by_field_name(name)
    if found is None:
        raise LookupError(f"a {node.type} without the field {name!r}")
    return found


def operator_of(node: Node, source: bytes) -> bytes:
    """Return the operator of a binary, unary or compound assignment expression."""
    return code(field(node, "operator"), source)


def within(node: Node) -> Iterator[Node]:
    """Yield the node and every named node in it."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(one.named_children)


def inside(node: Node, *types: str) -> bool:
    """Tell whether the node or something in it is of one of these types."""
    return any(one.type in types for one in within(node))


def is_text(node: Node) -> bool:
    """Tell whether a sum is visibly of strings: one of its summands is a string or a template."""
    stack = [node]
    while stack:
        one = stack.pop()
        if one.type in TEXTS:
            return True
        if one.type in {"binary_expression", "parenthesized_expression"}:
            stack.extend(one.named_children)
    return False


def statements(node: Node) -> list[Node]:
    """Return the statements or arguments in a node, without the comments."""
    return [child for child in node.named_children if child.type != "comment"]
