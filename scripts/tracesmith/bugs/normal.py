"""
The normal form of code: its syntax tree without white space, comments and parentheses that only group.

Two edits of one file that give the same normal form are the same bug. Hashes hold within one process.
"""

from collections.abc import Callable, Iterator

from tree_sitter import Node, Tree

from tracesmith.bugs.sources import Edit, SourceFile

Key = tuple[int, int]


class NormalForms:
    """The normal forms of a file and of what edits make of it; what an edit leaves alone is hashed once."""

    def __init__(self, file: SourceFile) -> None:
        self._data = file.data
        self._root = file.tree.root_node
        self._known: dict[tuple[int, int, int], int] = {}

    def pristine(self, edit: Edit) -> Key:
        """Return the key of the untouched file at the place of an edit."""
        top = _top(self._root, edit.start_byte, edit.end_byte)
        known = self._known

        def _look_up(node: Node) -> int | None:
            return known.get((node.start_byte, node.end_byte, node.kind_id))

        def _remember(node: Node, value: int) -> None:
            known[node.start_byte, node.end_byte, node.kind_id] = value

        return top.start_byte, _hashed(top, self._data, _look_up, _remember)

    def edited(self, edit: Edit, tree: Tree) -> Key:
        """Return the key of an edited file: equal for two edits that make the same of one statement of the module."""
        start, end = edit.start_byte, edit.start_byte + len(edit.replacement)
        shift = edit.end_byte - end
        known = self._known

        def _look_up(node: Node) -> int | None:
            if node.end_byte < start:
                return known.get((node.start_byte, node.end_byte, node.kind_id))
            if node.start_byte > end:
                return known.get((node.start_byte + shift, node.end_byte + shift, node.kind_id))
            return None

        top = _top(tree.root_node, start, end)
        source = self._data[:start] + edit.replacement + self._data[edit.end_byte :]
        return top.start_byte, _hashed(top, source, _look_up, lambda *_: None)


def _hashed(
    node: Node, source: bytes, look_up: Callable[[Node], int | None], remember: Callable[[Node, int], None]
) -> int:
    """Return the hash of a node's normal form; a loop with its own stack, for long chains nest deeply."""
    if (known := look_up(node)) is not None:
        return known
    frames: list[tuple[Node, Iterator[Node], list[int]]] = [(node, iter(node.children), [])]
    while True:
        node, rest, parts = frames[-1]
        child = next(rest, None)
        if child is None:
            frames.pop()
            value = _combined(node, parts, source)
            remember(node, value)
            if not frames:
                return value
            frames[-1][2].append(value)
        elif child.type != "comment":
            known = look_up(child)
            if known is None:
                frames.append((child, iter(child.children), []))
            else:
                parts.append(known)


def _top(root: Node, start: int, end: int) -> Node:
    """Return the statement of the module that holds a range, or the module when more than one does."""
    node = root.descendant_for_byte_range(start, end)
    while node is not None and node.parent is not None and node.parent != root:
        node = node.parent
    return root if node is None else node


def _combined(node: Node, parts: list[int], source: bytes) -> int:
    if not parts:
        return hash((node.kind_id, source[node.start_byte : node.end_byte]))
    if node.type == "parenthesized_expression" and len(parts) == 3:
        return parts[1]
    return hash((node.kind_id, *parts))
