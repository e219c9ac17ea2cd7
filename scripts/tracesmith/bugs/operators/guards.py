"""Operators on checks: of types, of null and undefined, of truth."""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import (
    PRIMARY,
    Operator,
    arguments_of,
    code,
    field,
    is_condition,
    is_operation,
    method_call,
    operator_of,
    replaced,
    statements,
)
from tracesmith.bugs.sources import Edit

OTHER_TYPE = {
    b"bigint": b"number",
    b"boolean": b"string",
    b"function": b"object",
    b"number": b"string",
    b"object": b"function",
    b"string": b"number",
    b"symbol": b"string",
    b"undefined": b"object",
}
STRICT = {b"===": b"==", b"!==": b"!="}
LOOSE = {b"==": b"===", b"!=": b"!=="}
EQUALITY = frozenset({*STRICT, *LOOSE})
DIFFERENT = frozenset({b"!==", b"!="})
RELATIONS = frozenset({b"in", b"instanceof"})
COERCED = frozenset({b"0", b"1", b"''", b'""', b"false", b"true", b"null", b"undefined"})
"""What other values are loosely equal to."""
NOTHING = {b"null": b"undefined", b"undefined": b"null"}
TESTED = frozenset({"call_expression", "identifier", "member_expression", "subscript_expression", "this"})
COUNTS = frozenset({b"length", b"size", b"indexOf", b"findIndex", b"lastIndexOf"})
"""Members that are numbers for certain."""
POSITIONS = frozenset({b"findIndex", b"indexOf", b"lastIndexOf", b"search"})
FOUND = {(b"!==", b"-1"): b"> 0", (b"!=", b"-1"): b"> 0", (b">", b"-1"): b"> 0", (b">=", b"0"): b"> 0"}
NOT_FOUND = {(b"===", b"-1"): b"<= 0", (b"==", b"-1"): b"<= 0", (b"<", b"0"): b"<= 0"}
BINARY = frozenset({"binary_expression"})


def other_type(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose another type in a comparison of `typeof`."""
    right = field(node, "right")
    if _is_typeof(field(node, "left"), source) and right.type == "string":
        name = code(right, source)[1:-1]
        if operator_of(node, source) in EQUALITY and name in OTHER_TYPE:
            yield Edit(right.start_byte + 1, right.end_byte - 1, OTHER_TYPE[name])


def negate_guard(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the negation of `in` and `instanceof`."""
    around = node.parent.parent if node.parent is not None else None
    negated = around is not None and around.type == "unary_expression"
    if operator_of(node, source) in RELATIONS and not negated:
        yield replaced(node, b"!(" + code(node, source) + b")")


def drop_guard(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the right side of `&&` or `||` alone where the left one guards it."""
    left, right = field(node, "left"), field(node, "right")
    guards = _is_check(left, source) or (left.type in TESTED and _looks_into(right, code(left, source), source))
    if operator_of(node, source) in {b"&&", b"||"} and guards and right.type != "object":
        yield replaced(node, code(right, source))


def loosen(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `==` for `===` where operands of different types may be loosely equal."""
    operator, sides = operator_of(node, source), (field(node, "left"), field(node, "right"))
    coerced = [code(side, source) in COERCED for side in sides]
    if operator in STRICT and coerced.count(True) == 1:
        other = sides[coerced.index(False)]
        if other.type in TESTED and _last_name(other, source) not in COUNTS:
            yield replaced(field(node, "operator"), STRICT[operator])


def tighten(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `===` for `==`."""
    if (operator := operator_of(node, source)) in LOOSE:
        yield replaced(field(node, "operator"), LOOSE[operator])


def other_nothing(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose null for undefined, and the other way round, in a strict comparison."""
    right = field(node, "right")
    if operator_of(node, source) in STRICT and code(right, source) in NOTHING:
        yield replaced(right, NOTHING[code(right, source)])


def truth_for_check(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the truth of a value for its comparison with null or undefined."""
    operator, left = operator_of(node, source), field(node, "left")
    if operator not in EQUALITY or code(field(node, "right"), source) not in NOTHING or left.type not in TESTED:
        return
    guards = is_operation(node.parent, frozenset({b"&&"}), source)
    if guards or is_condition(node, source):
        yield replaced(node, (b"" if operator in DIFFERENT else b"!") + code(left, source))


def negate_condition(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to negate the condition of an `if` without an else."""
    inner = statements(field(node, "condition"))[0]
    if inner.type in TESTED and node.child_by_field_name("alternative") is None:
        yield replaced(inner, b"!" + code(inner, source))


def drop_not(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a `!`, but for `!!`."""
    argument, parent = field(node, "argument"), node.parent
    double = any(one is not None and one.type == "unary_expression" for one in (argument, parent))
    if operator_of(node, source) == b"!" and not double:
        yield replaced(node, code(argument, source))


def first_is_none(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to take the position 0 for not found."""
    left, right = field(node, "left"), field(node, "right")
    called = method_call(left, source) if left.type == "call_expression" else None
    if called is not None and called[2] in POSITIONS and arguments_of(left):
        key = (operator_of(node, source), code(right, source))
        if other := FOUND.get(key) or NOT_FOUND.get(key):
            yield Edit(field(node, "operator").start_byte, right.end_byte, other)


def _is_typeof(node: Node, source: bytes) -> bool:
    return node.type == "unary_expression" and operator_of(node, source) == b"typeof"


def _is_check(node: Node, source: bytes) -> bool:
    """Tell whether an expression checks a type or for null and undefined."""
    if is_operation(node, RELATIONS, source):
        return True
    if not is_operation(node, EQUALITY, source):
        return False
    return _is_typeof(field(node, "left"), source) or code(field(node, "right"), source) in NOTHING


def _looks_into(node: Node, path: bytes, source: bytes) -> bool:
    return node.type in PRIMARY and code(node, source).startswith((path + b".", path + b"[", path + b"("))


def _last_name(node: Node, source: bytes) -> bytes:
    if node.type == "call_expression":
        node = field(node, "function")
    name = node.child_by_field_name("property")
    return code(name, source) if name is not None else b""


OPERATORS = (
    Operator(
        "func_pm_ts_typeof_other",
        "A typeof check asks for the wrong type.",
        BINARY,
        other_type,
        "`typeof` compared with one of its results.",
        "if (typeof value === 'string') parse(value);",
        "if (typeof value === 'number') parse(value);",
    ),
    Operator(
        "func_pm_ts_guard_negate",
        "A narrowing check is inverted.",
        BINARY,
        negate_guard,
        "`in` and `instanceof` that are not negated already.",
        "return error instanceof TypeError;",
        "return !(error instanceof TypeError);",
    ),
    Operator(
        "func_pm_ts_guard_drop",
        "A check before the use of a value is missing.",
        BINARY,
        drop_guard,
        "The left side of `&&` or `||` checks a type, for null, or what the right side looks into.",
        "return node !== null && node.open;",
        "return node.open;",
    ),
    Operator(
        "func_pm_ts_strict_to_loose",
        "Values of different types count as equal.",
        BINARY,
        loosen,
        "One side is 0, 1, a boolean, null, undefined or the empty text; the other one no count.",
        "if (value === null) return;",
        "if (value == null) return;",
    ),
    Operator(
        "func_pm_ts_loose_to_strict",
        "A loose comparison has become strict: of null and undefined only one is found.",
        BINARY,
        tighten,
        "Any `==` and `!=`.",
        "if (value == null) return;",
        "if (value === null) return;",
    ),
    Operator(
        "func_pm_ts_null_undefined",
        "A check is for null instead of undefined, or the other way round.",
        BINARY,
        other_nothing,
        "A strict comparison.",
        "if (found !== undefined) use(found);",
        "if (found !== null) use(found);",
    ),
    Operator(
        "func_pm_ts_check_to_truthiness",
        "A check for null or undefined also catches 0, false and the empty text.",
        BINARY,
        truth_for_check,
        "In a condition or as a guard.",
        "if (count !== undefined) show(count);",
        "if (count) show(count);",
    ),
    Operator(
        "func_pm_ts_condition_negate",
        "A condition is inverted.",
        frozenset({"if_statement"}),
        negate_condition,
        "An `if` without an else on a name, a member or a call.",
        "if (isOpen(door)) close(door);",
        "if (!isOpen(door)) close(door);",
    ),
    Operator(
        "func_pm_ts_not_drop",
        "A negation is missing.",
        frozenset({"unary_expression"}),
        drop_not,
        "A single `!`.",
        "return !seen.has(id);",
        "return seen.has(id);",
    ),
    Operator(
        "func_pm_ts_index_zero",
        "The first position counts as not found.",
        BINARY,
        first_is_none,
        "The position of `indexOf`, `findIndex` and the like is compared with -1 or 0.",
        "return text.indexOf('@') !== -1;",
        "return text.indexOf('@') > 0;",
    ),
)
