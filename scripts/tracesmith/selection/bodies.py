"""
The function bodies of a source file: where they stand, and a copy of the file that reports when each is entered.

What runs before a body is entered (default values, decorators, class fields) belongs to the body around it, and in the
end to the module: whoever can reach it has entered that one before.
"""

from dataclasses import dataclass

from tree_sitter import Node

from tracesmith import grammar

# Some compile the sources with a check of types. jest gives its contexts what `process` has, and no global of ours.
HIT = "(globalThis as any).process.__tracesmith_hit"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Body:
    """The bytes of one function's body, without its braces."""

    start: int
    end: int
    is_expression: bool = False
    """Whether it is what an arrow function returns, without braces."""

    def holds(self, start: int, end: int) -> bool:
        """Tell whether bytes stand inside and touch neither end, so that the function stays the function it was."""
        return self.start < start and end < self.end


def bodies_of(path: str, data: bytes) -> list[Body] | None:
    """Return the bodies of a file, outer ones first; None when the parser does not understand it."""
    tree = grammar.parser_of(path).parse(data)
    if tree.root_node.has_error:
        return None
    found, stack = [], [tree.root_node]
    while stack:
        node = stack.pop()
        if node.type in grammar.FUNCTIONS and (body := node.child_by_field_name("body")):
            found.append(_body(body))
        stack += node.children
    return sorted(found, key=lambda body: (body.start, -body.end))


def instrument(data: bytes, bodies: list[Body], first: int) -> bytes:
    """
    Return the file with a report at its beginning and at that of each body.

    The module reports the number `first`, its bodies the numbers behind it. Lines stay where they are.
    """
    inserts = [(_beginning(data), b"%s(%d);" % (HIT.encode(), first))]
    for number, body in enumerate(bodies, start=first + 1):
        call = b"%s(%d)" % (HIT.encode(), number)
        inserts.append((body.start, b"(" + call + b"," if body.is_expression else call + b";"))
        if body.is_expression:
            inserts.append((body.end, b")"))
    for position, text in sorted(inserts, key=lambda insert: insert[0], reverse=True):
        data = data[:position] + text + data[position:]
    return data


def _body(node: Node) -> Body:
    if node.type == "statement_block":
        return Body(node.start_byte + 1, node.end_byte - 1)
    return Body(node.start_byte, node.end_byte, is_expression=True)


def _beginning(data: bytes) -> int:
    """Return where the first statement may stand: behind a line for the system's program loader, or a mark."""
    if data.startswith(b"#!"):
        return data.find(b"\n") + 1 or len(data)
    return len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
