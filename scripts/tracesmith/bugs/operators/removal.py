"""
Operators that leave code out: a loop, an assignment, a condition.

What is left is what a person would have written; see layout.
"""

import re
from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import BLOCKS, Operator, code, field, inside, replaced, statements
from tracesmith.bugs.operators.layout import without
from tracesmith.bugs.sources import Edit

SCOPED = frozenset(
    {
        "abstract_class_declaration",
        "class_declaration",
        "enum_declaration",
        "function_declaration",
        "generator_function_declaration",
        "lexical_declaration",
        "type_alias_declaration",
        "interface_declaration",
    }
)
"""Declarations that belong to their block, so that the block has to stay."""
INDENT = re.compile(rb"[ \t]*")


def remove_loop(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a loop, with the label that it has."""
    parent = node.parent
    labelled = parent is not None and parent.type == "labeled_statement"
    yield from without(parent if labelled and parent is not None else node, source)


def remove_assignment(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a statement that is an assignment; a declaration stays."""
    if statements(node)[0].type in {"assignment_expression", "augmented_assignment_expression"}:
        yield from without(node, source)


def remove_condition(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out an `if` without an else; of one with an else, to keep either branch alone."""
    clause, parent = node.child_by_field_name("alternative"), node.parent
    if clause is None:
        if parent is not None and parent.type == "else_clause":
            yield _without_else(parent, source)
        else:
            yield from without(node, source)
        return
    yield _kept(node, field(node, "consequence"), source)
    yield _kept(node, statements(clause)[-1], source)


def _without_else(clause: Node, source: bytes) -> Edit:
    before = source[: clause.start_byte].rstrip()
    if clause.prev_sibling is not None and clause.prev_sibling.type == "comment":
        return replaced(clause, b"")
    return Edit(len(before), clause.end_byte, b"")


def _kept(node: Node, branch: Node, source: bytes) -> Edit:
    """Return the edit that puts one branch in the place of an `if`, without its braces where they can go."""
    bare = node.parent is not None and node.parent.type in BLOCKS
    text = _unwrapped(node, branch, source) if bare and branch.type == "statement_block" else None
    return replaced(node, code(branch, source) if text is None else text)


def _unwrapped(node: Node, block: Node, source: bytes) -> bytes | None:
    """Return the inside of a block, indented as the `if` was; None when the block has to stay."""
    children = block.named_children
    if not children or any(child.type in SCOPED for child in children):
        return None
    inner = source[children[0].start_byte : children[-1].end_byte]
    if b"\n" not in inner:
        return inner
    outer_indent, inner_indent = _indent(node.start_byte, source), _indent(children[0].start_byte, source)
    own_line = source[: children[0].start_byte].endswith(b"\n" + inner_indent)
    if not own_line or not inner_indent.startswith(outer_indent) or inside(block, "template_string", "jsx_element"):
        return None
    return inner.replace(b"\n" + inner_indent, b"\n" + outer_indent)


def _indent(offset: int, source: bytes) -> bytes:
    line = source.rfind(b"\n", 0, offset) + 1
    match = INDENT.match(source, line)
    return match[0] if match else b""


OPERATORS = (
    Operator(
        "func_pm_remove_loop",
        "A loop is missing.",
        frozenset({"do_statement", "for_in_statement", "for_statement", "while_statement"}),
        remove_loop,
        "Any loop; its label goes with it.",
        "for (const x of xs) add(x);\ndone();",
        "done();",
    ),
    Operator(
        "func_pm_remove_cond",
        "A condition is missing: its statements never run, or always.",
        frozenset({"if_statement"}),
        remove_condition,
        "Any `if`; of one with an `else`, either branch stays.",
        "if (a) {\n  b();\n} else {\n  c();\n}",
        "b();",
    ),
    Operator(
        "func_pm_remove_assign",
        "An assignment is missing.",
        frozenset({"expression_statement"}),
        remove_assignment,
        "A statement that is an assignment; a declaration stays.",
        "a.count += 1;\nsave(a);",
        "save(a);",
    ),
)
