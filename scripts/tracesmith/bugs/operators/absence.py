"""Operators on what may be null or undefined: `??`, `?.`, `!`."""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import (
    LOGICAL,
    Operator,
    code,
    field,
    is_condition,
    is_operation,
    operator_of,
    replaced,
)
from tracesmith.bugs.sources import Edit

FALSY = frozenset({b"0", b"0n", b"''", b'""', b"``", b"false"})
DEFAULTS = frozenset(
    {
        "array",
        "arrow_function",
        "false",
        "new_expression",
        "number",
        "object",
        "regex",
        "string",
        "template_string",
        "true",
    }
)
"""Right sides that are there to be a default."""
NULLABLE = frozenset({"await_expression", "call_expression", "identifier", "member_expression", "subscript_expression"})
CHAIN = {"call_expression": "function", "member_expression": "object", "subscript_expression": "object"}
ASSIGNING = {
    "assignment_expression": "left",
    "augmented_assignment_expression": "left",
    "for_in_statement": "left",
    "new_expression": "constructor",
    "update_expression": "argument",
}
"""Nodes and their field in which no `?.` may stand."""
BINARY = frozenset({"binary_expression"})


def or_for_nullish(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `||` for `??`; with a falsy default both mostly do the same."""
    right = field(node, "right")
    if operator_of(node, source) == b"??" and code(right, source) not in FALSY and not _mixes(node, source):
        yield replaced(field(node, "operator"), b"||")


def nullish_for_or(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `??` for `||` where the right side is a default."""
    default = field(node, "right").type in DEFAULTS and field(node, "left").type in NULLABLE
    if operator_of(node, source) == b"||" and default and not is_condition(node, source) and not _mixes(node, source):
        yield replaced(field(node, "operator"), b"??")


def drop_default(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the left side of `??` alone."""
    if operator_of(node, source) == b"??":
        yield replaced(node, code(field(node, "left"), source))


def or_for_nullish_assignment(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `||=` for `??=`."""
    if operator_of(node, source) == b"??=" and code(field(node, "right"), source) not in FALSY:
        yield replaced(field(node, "operator"), b"||=")


def drop_chain(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose `.` for `?.`."""
    for child in node.children:
        if child.type in {"?.", "optional_chain"}:
            yield replaced(child, b"." if node.type == "member_expression" else b"")


def chain_for_assertion(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `a?.b` for `a!.b`."""
    owner, dot = field(node, "object"), node.children[1]
    if owner.type != "non_null_expression" or dot.type != "." or _is_assigned(node):
        return
    if owner.named_children[0].type != "new_expression":  # the grammar takes `new a!.B()` for `(new a)!.B()`
        yield Edit(owner.end_byte - 1, dot.end_byte, source[owner.end_byte : dot.start_byte] + b"?.")


def _mixes(node: Node, source: bytes) -> bool:
    """Tell whether a logical operation stands beside this one, with which `??` must not be mixed."""
    around = (node.parent, field(node, "left"), field(node, "right"))
    return any(is_operation(one, LOGICAL, source) for one in around)


def _is_assigned(node: Node) -> bool:
    """Tell whether a chain ends where something is assigned, constructed or tagged."""
    parent = node.parent
    while parent is not None and parent.type in CHAIN and parent.child_by_field_name(CHAIN[parent.type]) == node:
        if any(child.type == "template_string" for child in parent.children):
            return True
        node, parent = parent, parent.parent
    if parent is not None and parent.type == "non_null_expression":
        return _is_assigned(parent)
    return parent is not None and parent.child_by_field_name(ASSIGNING.get(parent.type, "none")) == node


OPERATORS = (
    Operator(
        "func_pm_ts_nullish_to_or",
        "A default also replaces 0, false and the empty text.",
        BINARY,
        or_for_nullish,
        "The default is not falsy itself; no `&&`, `||` or `??` beside it.",
        "const size = options.size ?? 10;",
        "const size = options.size || 10;",
    ),
    Operator(
        "func_pm_ts_or_to_nullish",
        "A default no longer replaces 0, false and the empty text.",
        BINARY,
        nullish_for_or,
        "The right side is a literal, a function or new, the left side no comparison; not in a condition.",
        "const name = user.name || 'nobody';",
        "const name = user.name ?? 'nobody';",
    ),
    Operator(
        "func_pm_ts_nullish_default_drop",
        "A default for null and undefined is missing.",
        BINARY,
        drop_default,
        "Any `??`.",
        "return cache.get(key) ?? 0;",
        "return cache.get(key);",
    ),
    Operator(
        "func_pm_ts_nullish_assign_to_or",
        "An assignment also replaces 0, false and the empty text.",
        frozenset({"augmented_assignment_expression"}),
        or_for_nullish_assignment,
        "The value is not falsy itself.",
        "this.limit ??= 10;",
        "this.limit ||= 10;",
    ),
    Operator(
        "func_pm_ts_optional_chain_drop",
        "A value that may be missing is used as if it were there.",
        frozenset(CHAIN),
        drop_chain,
        "Any `?.`, also of calls and indices.",
        "onChange?.(node?.value);",
        "onChange(node?.value);",
    ),
    Operator(
        "func_pm_ts_assertion_to_optional",
        "A missing value goes on as undefined instead of failing.",
        frozenset({"member_expression"}),
        chain_for_assertion,
        "A member of `a!` that is not assigned to, constructed or a tag.",
        "return rows.find(isOpen)!.id;",
        "return rows.find(isOpen)?.id;",
    ),
)
