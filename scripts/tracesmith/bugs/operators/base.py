"""What an operator is, and the small tools that operators share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from tracesmith.bugs.sources import Edit, code

__all__ = ["code"]
TEXTS = frozenset({"string", "template_string"})
BLOCKS = frozenset({"class_static_block", "program", "statement_block", "switch_case", "switch_default"})
"""Nodes whose children are a list of statements."""
LOGICAL = frozenset({b"&&", b"||", b"??"})
CONDITIONAL = frozenset({"do_statement", "for_statement", "if_statement", "ternary_expression", "while_statement"})
PRIMARY = frozenset(
    {"array", "call_expression", "identifier", "member_expression", "new_expression", "non_null_expression", "number"}
    | {"object", "parenthesized_expression", "string", "subscript_expression", "template_string", "this"}
)
"""Expressions that stand anywhere without parentheses."""


@dataclass(frozen=True)
class Operator:
    """
    One way to break code: it is shown every node of its types and proposes edits, each a candidate of its own.

    `after` is one of the edits that it proposes for `before`; docs/operators.md is made of these rows.
    """

    strategy: str
    explanation: str
    node_types: frozenset[str]
    propose: Callable[[Node, bytes], Iterator[Edit]]
    condition: str
    before: str
    after: str


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


def is_operation(node: Node | None, operators: frozenset[bytes], source: bytes) -> bool:
    """Tell whether a node is a binary expression with one of the operators."""
    return node is not None and node.type == "binary_expression" and operator_of(node, source) in operators


def is_condition(node: Node, source: bytes) -> bool:
    """Tell whether only the truth of an expression counts: it is a condition, or a part of one."""
    parent = node.parent
    while parent is not None and (
        parent.type == "parenthesized_expression"
        or (parent.type == "unary_expression" and operator_of(parent, source) == b"!")
        or is_operation(parent, LOGICAL, source)
    ):
        node, parent = parent, parent.parent
    return parent is not None and parent.type in CONDITIONAL and parent.child_by_field_name("condition") == node


def method_call(node: Node, source: bytes) -> tuple[Node, Node, bytes] | None:
    """Return the object, the property and the name of the method that is called; None for another call."""
    callee = node.child_by_field_name("function")
    if callee is None or callee.type != "member_expression":
        return None
    name = field(callee, "property")
    return field(callee, "object"), name, code(name, source)


def arguments_of(node: Node) -> list[Node]:
    """Return the arguments of a call; none for a tagged template."""
    found = node.child_by_field_name("arguments")
    return statements(found) if found is not None and found.type == "arguments" else []


def primary(node: Node, source: bytes) -> bytes:
    """Return the code of an expression, in parentheses where it needs them."""
    return code(node, source) if node.type in PRIMARY else b"(" + code(node, source) + b")"
