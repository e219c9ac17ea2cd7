"""
How code is left out: what remains is what a person would have written.

No empty line, no stray `;` or `,`, no lone block where none is needed.
"""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import BLOCKS, code, replaced
from tracesmith.bugs.sources import Edit

CONTINUES = b"([`+-/"
"""What a line must not begin with when the statement before it has no semicolon."""


def without(node: Node, source: bytes) -> Iterator[Edit]:
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
    yield Edit(*whole_lines(start, end, source), b"")


def whole_lines(start: int, end: int, source: bytes) -> tuple[int, int]:
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


def without_item(node: Node, source: bytes) -> Iterator[Edit]:
    """Yield the edit that removes an item of a list with its comma; the only item stays."""
    before, after = node.prev_sibling, node.next_sibling
    if after is not None and after.type == ",":
        start, end = whole_lines(node.start_byte, after.end_byte, source)
        if (start, end) != (node.start_byte, after.end_byte):
            yield Edit(start, end, b"")
        elif after.next_named_sibling is not None:
            yield Edit(node.start_byte, after.next_named_sibling.start_byte, b"")
        elif before is not None and before.type == ",":
            yield Edit(before.start_byte, after.start_byte, b"")
    elif before is not None and before.type == ",":
        yield Edit(before.start_byte, node.end_byte, b"")
