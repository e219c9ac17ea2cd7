"""Operators on binary expressions and on the numbers in them: another operator, other operands, another constant."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import (
    Operator,
    code,
    field,
    inside,
    is_text,
    operator_of,
    replaced,
    swapped_for,
    within,
)
from tracesmith.bugs.sources import Edit

RELATED = {
    b"+": (b"*", b"/", b"%"),
    b"-": (b"*", b"/", b"%"),
    b"*": (b"+", b"-", b"%"),
    b"/": (b"+", b"-", b"%"),
    b"%": (b"+", b"-", b"*", b"/"),
    b"**": (b"*",),
    b"&": (b"|", b"^"),
    b"|": (b"&", b"^"),
    b"^": (b"&", b"|"),
    b"<<": (b">>", b">>>"),
    b">>": (b"<<", b">>>"),
    b">>>": (b"<<", b">>"),
}
"""Operators of one family; the opposite of `+ - * /` belongs to op_flip."""
OPPOSITE = {
    b"+": b"-",
    b"-": b"+",
    b"*": b"/",
    b"/": b"*",
    b"===": b"!==",
    b"!==": b"===",
    b"==": b"!=",
    b"!=": b"==",
    b"<": b">",
    b">": b"<",
    b"<=": b">=",
    b">=": b"<=",
    b"&&": b"||",
    b"||": b"&&",
}
ORDERED = frozenset({b"-", b"/", b"%", b"**", b"<<", b">>", b">>>", b"<", b">", b"<=", b">=", b"??"})
"""Operators for which the order of the operands always matters."""
NEUTRAL = {
    b"0": (frozenset({b"+", b"-", b"|", b"^", b"<<", b">>"}), frozenset({b"*", b"&"})),
    b"1": (frozenset({b"*", b"/", b"**"}),),
}
"""Right operands with which the operators of a set do the same."""
VALUES = frozenset(
    {"array", "arrow_function", "false", "jsx_element", "jsx_self_closing_element", "null", "number", "object"}
    | {"string", "template_string", "true", "undefined"}
)
EFFECTS = ("assignment_expression", "augmented_assignment_expression", "subscript_expression", "update_expression")
PATHS = frozenset({"identifier", "member_expression", "this"})
CHAINS = (
    frozenset({b"+", b"-"}),
    frozenset({b"*", b"/", b"%"}),
    frozenset({b"<<", b">>", b">>>"}),
    frozenset({b"<", b">", b"<=", b">=", b"in", b"instanceof"}),
)
"""Operators of one precedence, for which (a op b) op c is not a op (b op c)."""
WHOLE_NUMBER = re.compile(rb"(0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|0|[1-9][\d_]*)(n?)")
KEYS = {"pair": "key", "method_definition": "name", "public_field_definition": "name"}


def change_operator(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose each other operator of the family; a sum of strings has none that makes sense."""
    operator = operator_of(node, source)
    if operator == b"+" and is_text(node):
        return
    for other in RELATED.get(operator, ()):
        if not _same_result(node, operator, other, source):
            yield replaced(field(node, "operator"), other)


def flip_operator(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the opposite operator."""
    operator = operator_of(node, source)
    other = OPPOSITE.get(operator)
    if other is None or (operator == b"+" and is_text(node)) or _same_result(node, operator, other, source):
        return
    yield replaced(field(node, "operator"), other)


def swap_operands(node: Node, source: bytes) -> Iterator[Edit]:
    """
    Propose to exchange the operands where their order matters: never for `===`, a product or a sum of numbers.

    Of `&&` and `||` only those are taken whose left side guards the right one, or whose right side is a plain value.
    """
    operator, left, right = operator_of(node, source), field(node, "left"), field(node, "right")
    relies = operator in {b"&&", b"||"} and (right.type in VALUES or _guards(left, right, source))
    if not (operator in ORDERED or relies or (operator == b"+" and is_text(node))):
        return
    new_left, new_right = _as_left(right, operator, source), _as_right(left, operator, source)
    yield swapped_for(left, right, new_left, new_right, source)


def change_constant(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the next and the previous whole number, written in the same base; 0 has only a next one."""
    match = WHOLE_NUMBER.fullmatch(code(node, source))
    if not match or _is_key(node):
        return
    value = int(match[1].replace(b"_", b""), 0)
    for other in (value + 1, value - 1):
        if other >= 0:
            yield replaced(node, _written(other, match[1]) + match[2])


def break_chain(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out one link of `a op b op c`."""
    left, right = field(node, "left"), field(node, "right")
    if left.type == "binary_expression":
        yield replaced(node, code(left, source))
        yield replaced(left, code(field(left, "left"), source))
        if field(left, "left").type != "binary_expression":
            yield replaced(left, code(field(left, "right"), source))
    if right.type == "binary_expression":
        yield replaced(right, code(field(right, "left"), source))
        yield replaced(right, code(field(right, "right"), source))


def _guards(left: Node, right: Node, source: bytes) -> bool:
    """Tell whether the right side has an effect, or looks into something that the left side tests."""
    if inside(right, *EFFECTS):
        return True
    tested = {code(one, source) for one in within(left) if one.type in PATHS and not _is_looked_into(one)}
    return any(one.type in PATHS and _is_looked_into(one) and code(one, source) in tested for one in within(right))


def _is_looked_into(node: Node) -> bool:
    parent = node.parent
    return parent is not None and node in (parent.child_by_field_name("object"), parent.child_by_field_name("function"))


def _same_result(node: Node, operator: bytes, other: bytes, source: bytes) -> bool:
    families = NEUTRAL.get(code(field(node, "right"), source), ())
    return any(operator in family and other in family for family in families)


def _as_left(node: Node, operator: bytes, source: bytes) -> bytes:
    """Return an operand's code for the left side; `-a ** b` would not parse, nor `{` or `function` at the start."""
    around = node.parent.parent if node.parent is not None else None
    at_start = around is not None and around.type in {"arrow_function", "expression_statement"}
    unary = operator == b"**" and node.type in {"await_expression", "binary_expression", "unary_expression"}
    opens = at_start and node.type in {"class", "function_expression", "object"}
    return _wrapped(node, unary or opens, source)


def _as_right(node: Node, operator: bytes, source: bytes) -> bytes:
    """Return an operand's code for the right side, where a chain needs parentheses to stay one operand."""
    chain = node.type == "binary_expression" and any({operator, operator_of(node, source)} <= level for level in CHAINS)
    return _wrapped(node, chain or node.type in {"as_expression", "satisfies_expression"}, source)


def _wrapped(node: Node, needed: bool, source: bytes) -> bytes:
    return b"(" + code(node, source) + b")" if needed else code(node, source)


def _is_key(node: Node) -> bool:
    parent = node.parent
    return parent is not None and parent.type in KEYS and parent.child_by_field_name(KEYS[parent.type]) == node


def _written(value: int, like: bytes) -> bytes:
    base = like[1:2].lower() if like.startswith(b"0") and len(like) > 1 else b""
    if not base:
        return str(value).encode()
    digits = format(value, {b"x": "x", b"b": "b", b"o": "o"}[base]).encode()
    return like[:2] + (digits.upper() if any(65 <= byte <= 70 for byte in like[2:]) else digits)


BINARY = frozenset({"binary_expression"})
OPERATORS = (
    Operator(
        "func_pm_op_change",
        "An operator is replaced by another one of its family.",
        BINARY,
        change_operator,
        "Arithmetic, bits and shifts; no sum of strings, no neutral operand.",
        "return a - b;",
        "return a * b;",
    ),
    Operator(
        "func_pm_op_flip",
        "An operator is replaced by its opposite.",
        BINARY,
        flip_operator,
        "`+ - * /`, comparisons, `&&` and `||`; no sum of strings, no neutral operand.",
        "return a < b;",
        "return a > b;",
    ),
    Operator(
        "func_pm_op_swap",
        "The operands of an operator are in the wrong order.",
        BINARY,
        swap_operands,
        "The order matters: never for `===`, a product or a sum of numbers.",
        "return a - b;",
        "return b - a;",
    ),
    Operator(
        "func_pm_op_change_const",
        "A constant is off by one.",
        frozenset({"number"}),
        change_constant,
        "A whole number that is no key; it keeps its base.",
        "return a[0];",
        "return a[1];",
    ),
    Operator(
        "func_pm_op_break_chains",
        "A part of a chain of operators is missing.",
        BINARY,
        break_chain,
        "One operand is an operation itself, without parentheses.",
        "return a && b && c;",
        "return a && c;",
    ),
)
