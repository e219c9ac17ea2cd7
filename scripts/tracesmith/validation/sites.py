"""Other mutants of a bug's site: what else could be wrong in the lines that a bug changes."""

from collections.abc import Iterator, Sequence

from tree_sitter import Node

from tracesmith import grammar

OPERATORS = {
    b"<": (b"<=", b">"),
    b"<=": (b">=", b"<"),
    b">": (b">=", b"<"),
    b">=": (b"<=", b">"),
    b"===": (b"!==",),
    b"!==": (b"===",),
    b"==": (b"!=",),
    b"!=": (b"==",),
    b"+": (b"-",),
    b"-": (b"+",),
    b"*": (b"/",),
    b"/": (b"*",),
    b"%": (b"*",),
    b"&&": (b"||",),
    b"||": (b"&&",),
    b"??": (b"&&",),
}
FLIPPED = {"true": b"false", "false": b"true"}
CONDITIONS = ("if_statement", "ternary_expression")
MOST = 6


def mutants(path: str, data: bytes, regions: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """Yield a few files with one more mistake: in the lines of a bug first, then in those beside them."""
    root = grammar.parser_of(path).parse(data).root_node
    places = [(_line(data, start), _line(data, end)) for start, end in regions]
    found = [(_far(node, places), node.start_byte, *change) for node in _nodes(root) for change in _changes(node)]
    for far, _, start, end, text in sorted(found)[:MOST]:
        if far <= 1:
            yield data[:start] + text + data[end:]


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place)


def _far(node: Node, places: Sequence[tuple[int, int]]) -> int:
    """Return how many lines a node is away from the nearest place."""
    first, last = node.start_point[0], node.end_point[0]
    return min(max(start - last, first - end, 0) for start, end in places)


def _nodes(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack += node.children


def _changes(node: Node) -> Iterator[tuple[int, int, bytes]]:
    """Yield the changes of a node: bytes, and what stands there instead."""
    if node.type == "binary_expression" and (operator := node.child_by_field_name("operator")):
        for text in OPERATORS.get(operator.text or b"", ()):
            yield operator.start_byte, operator.end_byte, text
    elif node.type in FLIPPED and node.is_named:
        yield node.start_byte, node.end_byte, FLIPPED[node.type]
    elif node.type == "number" and node.text and node.text.isdigit():
        yield node.start_byte, node.end_byte, b"%d" % (int(node.text) + 1)
    elif node.type in CONDITIONS and (condition := node.child_by_field_name("condition")):
        yield condition.start_byte, condition.end_byte, b"(!(" + (condition.text or b"") + b"))"
