"""
What a model sees of a target's file: the imports, what the function stands in, and the declarations that it uses.

Bodies of other functions are left out. What does not fit is left out from the end of the list: imports, what is around,
types, other declarations.
"""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs import sources
from tracesmith.bugs.asking.targets import Target
from tracesmith.bugs.sources import SourceFile, code
from tracesmith.grammar import FUNCTIONS

LONGEST = 12_000
"""Characters of an outline."""
HERE = b"/* the function stands here */"
BODY = b"{ /* ... */ }"
TYPES = frozenset({"interface_declaration", "type_alias_declaration", "enum_declaration"})
NAMES = frozenset(
    {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern", "type_identifier"}
)


def outline(target: Target) -> str:
    """Return the outline of a target's file, in the order of the file."""
    file = sources.parsed(target.file)
    parts = [node for node in file.tree.root_node.named_children if node.type != "comment"]
    chosen: set[int] = set()
    left = LONGEST
    for node in _by_importance(parts, target, file):
        size = len(_text(node, target, file))
        if size <= left:
            chosen.add(node.start_byte)
            left -= size
    return "\n".join(_text(node, target, file) for node in parts if node.start_byte in chosen)


def _by_importance(parts: list[Node], target: Target, file: SourceFile) -> list[Node]:
    """Return the imports, the statement around the target unless that is itself, and what it uses by name."""
    around = [node for node in parts if _holds(node, target)]
    own = file.tree.root_node.descendant_for_byte_range(target.start, target.end)
    used = set(_names(own, file)) if own is not None else set()
    declared = {node.start_byte: set(_declared(node, file)) for node in parts}
    types = [node for node in parts if _unwrapped(node).type in TYPES]
    named = [node for node in types if declared[node.start_byte] & used]
    used |= {name for node in named for name in _names(node, file)}  # the types of their members too
    imports = [node for node in parts if node.type == "import_statement"]
    around = [node for node in around if (node.start_byte, node.end_byte) != (target.start, target.end)]
    others = [node for node in [*types, *parts] if declared[node.start_byte] & used and node not in around]
    return list({node.start_byte: node for node in [*imports, *around, *others]}.values())


def _text(node: Node, target: Target, file: SourceFile) -> str:
    """Return the text of a statement without the bodies of functions that the target does not stand in."""
    made, position = b"", node.start_byte
    for start, end, replacement in _left_out(node, target):
        made += file.data[position:start] + replacement
        position = end
    return (made + file.data[position : node.end_byte]).decode("utf-8").replace("\r\n", "\n")


def _left_out(top: Node, target: Target) -> Iterator[tuple[int, int, bytes]]:
    stack = [top]
    while stack:
        node = stack.pop()
        if (node.start_byte, node.end_byte) == (target.start, target.end):
            yield node.start_byte, node.end_byte, HERE
            continue
        body = node.child_by_field_name("body") if node.type in FUNCTIONS else None
        if body is not None and body.type == "statement_block" and not _holds(node, target):
            yield body.start_byte, body.end_byte, BODY
            continue
        stack.extend(reversed(node.named_children))


def _holds(node: Node, target: Target) -> bool:
    return node.start_byte <= target.start and target.end <= node.end_byte


def _names(node: Node, file: SourceFile) -> Iterator[str]:
    stack = [node]
    while stack:
        one = stack.pop()
        if one.type in NAMES:
            yield code(one, file.data).decode("utf-8")
        stack.extend(one.named_children)


def _declared(node: Node, file: SourceFile) -> Iterator[str]:
    """Yield the names that a statement of the module declares."""
    inner = _unwrapped(node)
    if inner.type in ("lexical_declaration", "variable_declaration"):
        for one in inner.named_children:
            name = one.child_by_field_name("name")
            if name is not None:
                yield from _names(name, file)
    elif (name := inner.child_by_field_name("name")) is not None:
        yield code(name, file.data).decode("utf-8")


def _unwrapped(node: Node) -> Node:
    """Return the declaration in an export."""
    inner = node.child_by_field_name("declaration") if node.type == "export_statement" else None
    return inner if inner is not None else node
