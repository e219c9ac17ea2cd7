"""
Operators that leave code out: a loop, an assignment, a condition.

What is left is what a person would have written: no empty line, no stray `;`, no lone block where none is needed.
"""

import re
from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import BLOCKS, Operator, code, field, inside, replaced, statements
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
CONTINUES = b"([`+-/"
"""What a line must not begin with when the statement before it has no semicolon."""
INDENT = re.compile(rb"[ \t]*")


def remove_loop(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a loop, with the label that it has."""
    parent = node.parent
    labelled = parent is not None and parent.type == "labeled_statement"
    yield from _without(parent if labelled and parent is not None else node, source)


def remove_assignment(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a statement that is an assignment; a declaration stays."""
    if statements(node)[0].type in {"assignment_expression", "augmented_assignment_expression"}:
        yield from _without(node, source)


def remove_condition(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out an `if` without an else; of one with an else, to keep either branch alone."""
    clause, parent = node.child_by_field_name("alternative"), node.parent
    if clause is None:
        if parent is not None and parent.type == "else_clause":
            yield _without_else(parent, source)
        else:
            yield from _without(node, source)
        return
    yield _kept(node, field(node, "consequence"), source)
    yield _kept(node, statements(clause)[-1], source)


def _without(node: Node, source: bytes) -> Iterator[Edit]:
    """Yield the edit that removes a statement: with its lines when they hold nothing else."""
    if node.parent is None or node.parent.type not in BLOCKS:
        yield replaced(node, b"{}")
        return
    start, end = node.start_byte, node.end_byte
    text = code(node, source)
    if text.endswith(b";") and b"\n" in text[len(text[:-1].rstrip()) :]:
        end -= 1  # `;` on the next line guards a line that begins with a bracket
    elif _would_continue(node, source):
        return
    yield Edit(*_whole_lines(start, end, source), b"")


def _whole_lines(start: int, end: int, source: bytes) -> tuple[int, int]:
    """Widen a range to its lines when they hold nothing else, and to a blank line that would then be one too many."""
    line, after = source.rfind(b"\n", 0, start) + 1, source.find(b"\n", end) + 1
    if source[line:start].strip() or not after or source[end:after].strip():
        return start, end
    above = source[source.rfind(b"\n", 0, max(0, line - 1)) + 1 : line].strip()
    below_end = source.find(b"\n", after) + 1
    below = source[after:below_end].strip() if below_end else b"}"
    if not below and (not above or above.endswith((b"{", b":"))):
        return line, below_end
    if not above and below.startswith(b"}"):
        return source.rfind(b"\n", 0, max(0, line - 1)) + 1, after
    return line, after


def _would_continue(node: Node, source: bytes) -> bool:
    """Tell whether the statement after the node would become a part of the one before it."""
    before, after = node.prev_named_sibling, node.next_named_sibling
    while before is not None and before.type == "comment":
        before = before.prev_named_sibling
    while after is not None and after.type == "comment":
        after = after.next_named_sibling
    if before is None or after is None or source[before.end_byte - 1] in b";}":
        return False
    return source[after.start_byte] in CONTINUES


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
    ),
    Operator(
        "func_pm_remove_cond",
        "A condition is missing: its statements never run, or always.",
        frozenset({"if_statement"}),
        remove_condition,
    ),
    Operator(
        "func_pm_remove_assign",
        "An assignment is missing.",
        frozenset({"expression_statement"}),
        remove_assignment,
    ),
)
