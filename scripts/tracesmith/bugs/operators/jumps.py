"""Operators on loops, `switch` and what leaves them."""

from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, code, field, operator_of, replaced, statements, swapped
from tracesmith.bugs.operators.layout import whole_lines, without
from tracesmith.bugs.sources import Edit

BOUNDARY = {b"<": b"<=", b"<=": b"<", b">": b">=", b">=": b">"}
ENDLESS = frozenset({"do_statement", "while_statement"})
"""Loops that may not end when their condition changes."""
BREAKABLE = frozenset({"for_in_statement", "for_statement", "switch_statement", *ENDLESS})
UNUSED = frozenset({"expression_statement", "for_statement", "sequence_expression"})
CASES = frozenset({"switch_case", "switch_default"})


def move_boundary(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `<=` for `<` and the like."""
    operator = operator_of(node, source)
    parent = node.parent.parent if node.parent is not None else None
    if operator in BOUNDARY and (parent is None or parent.type not in ENDLESS):
        yield replaced(field(node, "operator"), BOUNDARY[operator])


def keys_for_values(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose `in` for `of`."""
    operator = field(node, "operator")
    if operator.type == "of" and not any(child.type == "await" for child in node.children):
        yield replaced(operator, b"in")


def other_jump(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose `continue` for `break` in loops that end all the same, and `break` for `continue`."""
    around = node.parent
    while around is not None and around.type not in BREAKABLE:
        around = around.parent
    if around is None or node.child_by_field_name("label") is not None:
        return
    counts = around.type == "for_statement" and around.child_by_field_name("increment") is not None
    if node.type == "continue_statement":
        yield replaced(node.children[0], b"break")
    elif around.type == "for_in_statement" or (counts and field(around, "condition").type != "empty_statement"):
        yield replaced(node.children[0], b"continue")


def drop_early_return(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out the return at the end of a branch that does something else before."""
    block = node.parent
    branch = block is not None and block.parent is not None and block.parent.type in {"else_clause", "if_statement"}
    if block is not None and branch and len(found := statements(block)) > 1 and found[-1] == node:
        yield from without(node, source)


def fall_through(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out the `break` at the end of a case that is not the last one."""
    holder = node.parent
    case = holder.parent if holder is not None and holder.type == "statement_block" else holder
    if holder is None or case is None or case.type not in CASES or node.child_by_field_name("label") is not None:
        return
    if case.next_named_sibling is not None and statements(holder)[-1] == node:
        yield from without(node, source)


def swap_cases(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange the labels of neighbouring cases that both do something."""
    for first, second in pairwise(statements(node)):
        if first.type == second.type == "switch_case" and all(len(statements(one)) > 1 for one in (first, second)):
            yield swapped(field(first, "value"), field(second, "value"), source)


def drop_case(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a case, unless another one falls through into it."""
    cases = statements(node)
    for before, case in zip([None, *cases], cases, strict=False):
        if len(cases) > 1 and (before is None or len(statements(before)) > 1 or before.type != "switch_case"):
            yield Edit(*whole_lines(case.start_byte, case.end_byte, source), b"")


def step_before_use(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `++i` for `i++`, and the other way round, where the value is used."""
    if node.parent is None or node.parent.type in UNUSED:
        return
    argument, operator = code(field(node, "argument"), source), operator_of(node, source)
    prefix = field(node, "operator").start_byte == node.start_byte
    yield replaced(node, argument + operator if prefix else operator + argument)


OPERATORS = (
    Operator(
        "func_pm_ts_boundary",
        "A comparison includes its boundary, or no longer does.",
        frozenset({"binary_expression"}),
        move_boundary,
        "`< <= > >=`, but for the conditions of `while`.",
        "for (let i = 0; i < n; i++) sum += a[i];",
        "for (let i = 0; i <= n; i++) sum += a[i];",
    ),
    Operator(
        "func_pm_ts_for_of_to_in",
        "A loop goes over keys instead of values.",
        frozenset({"for_in_statement"}),
        keys_for_values,
        "`for … of`, not `for await`.",
        "for (const x of xs) add(x);",
        "for (const x in xs) add(x);",
    ),
    Operator(
        "func_pm_ts_break_continue",
        "A loop goes on instead of ending, or ends instead of going on.",
        frozenset({"break_statement", "continue_statement"}),
        other_jump,
        "No label; `break` only where the loop ends all the same.",
        "for (const x of xs) { if (x < 0) continue; add(x); }",
        "for (const x of xs) { if (x < 0) break; add(x); }",
    ),
    Operator(
        "func_pm_ts_early_return_drop",
        "A branch does not return any more.",
        frozenset({"return_statement"}),
        drop_early_return,
        "The last one of several statements in a branch of an `if`.",
        "if (!ok) {\n  report();\n  return;\n}",
        "if (!ok) {\n  report();\n}",
    ),
    Operator(
        "func_pm_ts_fall_through",
        "A case falls through into the next one.",
        frozenset({"break_statement"}),
        fall_through,
        "At the end of a case that is not the last one.",
        "switch (a) {\n  case 1:\n    b();\n    break;\n  default:\n    c();\n}",
        "switch (a) {\n  case 1:\n    b();\n  default:\n    c();\n}",
    ),
    Operator(
        "func_pm_ts_case_swap",
        "The labels of two cases are exchanged.",
        frozenset({"switch_body"}),
        swap_cases,
        "Neighbours that both do something.",
        "switch (a) { case 1: b(); break; case 2: c(); break; }",
        "switch (a) { case 2: b(); break; case 1: c(); break; }",
    ),
    Operator(
        "func_pm_ts_case_drop",
        "A case is missing.",
        frozenset({"switch_body"}),
        drop_case,
        "Not the only case, and no other one falls through into it.",
        "switch (a) {\n  case 1:\n    return b;\n  default:\n    return c;\n}",
        "switch (a) {\n  default:\n    return c;\n}",
    ),
    Operator(
        "func_pm_ts_increment_order",
        "A counter steps after its use instead of before, or the other way round.",
        frozenset({"update_expression"}),
        step_before_use,
        "The value is used.",
        "return this.next++;",
        "return ++this.next;",
    ),
)
