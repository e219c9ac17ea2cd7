"""Operators on the order of statements: exchanged branches of an `if`, exchanged neighbours in a block."""

from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, code, field, statements, swapped, within
from tracesmith.bugs.sources import Edit

MOVABLE = frozenset(
    {
        "do_statement",
        "expression_statement",
        "for_in_statement",
        "for_statement",
        "if_statement",
        "lexical_declaration",
        "switch_statement",
        "try_statement",
        "variable_declaration",
        "while_statement",
    }
)
"""Statements that may change places: no jump, which would cut off what follows, and nothing that is hoisted."""
CALLS = frozenset({"await_expression", "call_expression", "yield_expression"})
WRITES = {"assignment_expression": "left", "augmented_assignment_expression": "left", "update_expression": "argument"}
"""Expressions that give something another value, and the field that says what."""
NAMES = frozenset({"identifier", "private_property_identifier", "property_identifier", "this"})
BINDINGS = frozenset({"identifier", "shorthand_property_identifier_pattern"})
DECLARATIONS = frozenset({"lexical_declaration", "variable_declaration"})


def invert_if(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange the two blocks of an `if … else`; an `else if` is no block."""
    clause = node.child_by_field_name("alternative")
    if clause is None:
        return
    first, last = field(node, "consequence"), statements(clause)[-1]
    if first.type == last.type == "statement_block" or {first.type, last.type} <= {
        "expression_statement",
        "return_statement",
        "throw_statement",
    }:
        yield swapped(first, last, source)


def swap_neighbours(node: Node, source: bytes) -> Iterator[Edit]:
    """
    Propose to exchange each two statements side by side when one may depend on the other.

    One must write what the other one uses; a declaration that the other one uses stays before it.
    """
    for first, second in pairwise(statements(node)):
        if first.type in MOVABLE and second.type in MOVABLE and _depend(first, second, source):
            yield swapped(first, second, source)


def _depend(first: Node, second: Node, source: bytes) -> bool:
    names, other_names = _names(first, source), _names(second, source)
    if _declared(first, source) & other_names or _declared(second, source) & names:
        return False
    return bool(_written(first, source) & other_names or _written(second, source) & names)


def _names(node: Node, source: bytes) -> set[bytes]:
    return {code(one, source) for one in within(node) if one.type in NAMES}


def _written(node: Node, source: bytes) -> set[bytes]:
    """Return the names that a statement may give another value: what it assigns, and what its bare calls are given."""
    targets = [field(one, WRITES[one.type]) for one in within(node) if one.type in WRITES]
    lasts = [one.child_by_field_name("property") or one for one in targets]
    bare = [statements(one)[0] for one in within(node) if one.type == "expression_statement"]
    changed = [*lasts, *(one for one in bare if one.type in CALLS)]
    return {name for one in changed for name in _names(one, source)}


def _declared(node: Node, source: bytes) -> set[bytes]:
    """Return the names that a declaration makes, patterns included."""
    if node.type not in DECLARATIONS:
        return set()
    declared = [field(one, "name") for one in statements(node) if one.type == "variable_declarator"]
    return {code(one, source) for name in declared for one in within(name) if one.type in BINDINGS}


OPERATORS = (
    Operator(
        "func_pm_ctrl_invert_if",
        "The branches of an if statement are exchanged.",
        frozenset({"if_statement"}),
        invert_if,
        "An `else` that is a block, or two single statements; no `else if`.",
        "if (a) { b(); } else { c(); }",
        "if (a) { c(); } else { b(); }",
    ),
    Operator(
        "func_pm_ctrl_shuffle",
        "Two statements that depend on each other are in the wrong order.",
        frozenset({"statement_block", "switch_case", "switch_default"}),
        swap_neighbours,
        "Neighbours of which one writes what the other one uses; no jump, and no declaration after its use.",
        "{ a.x = 1; send(a.x); }",
        "{ send(a.x); a.x = 1; }",
    ),
)
