"""Operators on what values become: compound assignments, ternaries and the arguments of calls."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from tree_sitter import Node

from tracesmith.bugs.operators.base import (
    Operator,
    code,
    field,
    is_text,
    operator_of,
    replaced,
    statements,
    swapped,
)
from tracesmith.bugs.sources import Edit

SWAPPED = {
    b"+=": (b"-=", b"="),
    b"-=": (b"+=", b"="),
    b"*=": (b"/=", b"="),
    b"/=": (b"*=", b"="),
    b"%=": (b"*=", b"="),
    b"**=": (b"*=", b"="),
    b"<<=": (b">>=",),
    b">>=": (b"<<=",),
    b">>>=": (b"<<=",),
    b"&=": (b"|=", b"="),
    b"|=": (b"&=", b"="),
    b"^=": (b"|=", b"="),
    b"&&=": (b"||=", b"="),
    b"||=": (b"&&=", b"="),
    b"??=": (b"&&=", b"="),
}
SYMMETRIC_CALLS = frozenset({b"Math.max", b"Math.min", b"Math.hypot", b"Object.is"})
WHILE = re.compile(rb"\bwhile\s*\(([^{};]*)\)")
NAME = re.compile(rb"[\w$]+")
OPENS_STATEMENT = (b"{", b"function", b"class")


def swap_assignment(node: Node, source: bytes) -> Iterator[Edit]:
    """
    Propose another compound assignment, or a plain one; `++` becomes `--` and the other way round.

    The step of a loop is left alone: the loop would not end. Text is never subtracted.
    """
    if _is_step(node, source):
        return
    operator = operator_of(node, source)
    if node.type == "update_expression":
        yield replaced(field(node, "operator"), b"--" if operator == b"++" else b"++")
        return
    for other in SWAPPED.get(operator, ()):
        if not (other == b"-=" and is_text(field(node, "right"))):
            yield replaced(field(node, "operator"), other)


def swap_branches(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange the branches of a ternary; a negated condition would do the same."""
    yield swapped(field(node, "consequence"), field(node, "alternative"), source)


def keep_one_branch(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose each branch of a ternary in its place."""
    for name in ("consequence", "alternative"):
        branch = code(field(node, name), source)
        at_start = node.parent is not None and node.parent.type in {"arrow_function", "expression_statement"}
        if at_start and branch.startswith(OPENS_STATEMENT):
            branch = b"(" + branch + b")"
        yield replaced(node, branch)


def swap_arguments(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange each two arguments side by side, unless one is spread or the call does not mind the order."""
    arguments = node.child_by_field_name("arguments")
    callee = node.child_by_field_name("function")
    if arguments is None or arguments.type != "arguments":
        return
    if callee is not None and (callee.type == "import" or code(callee, source) in SYMMETRIC_CALLS):
        return
    for first, second in pairwise(statements(arguments)):
        if "spread_element" not in {first.type, second.type}:
            yield swapped(first, second, source)


def _is_step(node: Node, source: bytes) -> bool:
    """Tell whether an expression is the step of a `for`, or changes what a `while` of the file tests."""
    target = node.child_by_field_name("argument") or field(node, "left")
    if code(target.child_by_field_name("property") or target, source) in _tested_by_loops(source):
        return True
    parent = node.parent
    while parent is not None and parent.type == "sequence_expression":
        node, parent = parent, parent.parent
    return parent is not None and parent.type == "for_statement" and parent.child_by_field_name("increment") == node


@lru_cache(maxsize=2)
def _tested_by_loops(source: bytes) -> frozenset[bytes]:
    return frozenset(name for condition in WHILE.findall(source) for name in NAME.findall(condition))


OPERATORS = (
    Operator(
        "func_pm_aug_assign_swap",
        "A compound assignment or increment uses the wrong operator.",
        frozenset({"augmented_assignment_expression", "update_expression"}),
        swap_assignment,
        "Not what a loop counts or tests, and no text is subtracted.",
        "a += 2;",
        "a -= 2;",
    ),
    Operator(
        "func_pm_ternary_swap",
        "The branches of a conditional expression are exchanged.",
        frozenset({"ternary_expression"}),
        swap_branches,
        "The branches differ.",
        "return a ? b : c;",
        "return a ? c : b;",
    ),
    Operator(
        "func_pm_arg_swap",
        "Two arguments of a call are in the wrong order.",
        frozenset({"call_expression", "new_expression"}),
        swap_arguments,
        "Neither is spread, and the callee minds the order.",
        "go(a, b);",
        "go(b, a);",
    ),
    Operator(
        "func_pm_remove_ternary",
        "A conditional expression always takes the same branch.",
        frozenset({"ternary_expression"}),
        keep_one_branch,
        "Any conditional expression.",
        "return a ? b : c;",
        "return b;",
    ),
)
