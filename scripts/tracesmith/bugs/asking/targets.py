"""
The functions that a model is asked to break, and what it sees of each: its code, and enough of its file.

A target is the whole statement, class member or property of a named function, so that its answer can stand in the same
place. The order is drawn by the seed and takes turns over the files, so that any first part of it is spread.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from tracesmith.bugs import entities, sources
from tracesmith.bugs.entities import Entity
from tracesmith.bugs.harvesting import rank
from tracesmith.bugs.sources import SourceFile, SourceText

FEWEST_LINES, MOST_LINES = 4, 300
"""Lines of a target: a body of one line leaves little to get wrong, a very long one costs too much."""
WHOLE_WITH = frozenset({"export_statement", "expression_statement", "lexical_declaration", "variable_declaration"})
"""Nodes that belong to the one function in them."""
STUB = "{{\n{indent}\t// TODO: Implement this function\n{indent}}}"


@dataclass(frozen=True, eq=False)
class Target:
    """A named function in its file; offsets are bytes of the file."""

    file: SourceText
    entity: Entity
    start: int
    """Where the statement, member or property begins and ends that the function makes."""
    end: int

    @property
    def place(self) -> str:
        """The target's name for people and the ledger: path, line and name."""
        return f"{self.file.path}:{self.first_line} {self.entity.name}"

    @property
    def first_line(self) -> int:
        """The line that it begins in, from 1."""
        return self.file.line_of(self.start) + 1

    @property
    def last_line(self) -> int:
        """The line that it ends in, from 1."""
        return self.file.line_of(self.end) + 1

    @property
    def indent(self) -> str:
        """The white space that its first line begins with."""
        line = self.file.data[self.file.line_starts[self.first_line - 1] : self.start]
        return line[: len(line) - len(line.lstrip(b" \t"))].decode("utf-8")

    @property
    def body_start(self) -> int:
        """Where the function's body begins."""
        return self.entity.start_byte + len(self.entity.signature.encode("utf-8"))

    def code(self) -> str:
        """Return the text as it stands in the file."""
        return self.file.data[self.start : self.end].decode("utf-8")

    def shown(self) -> str:
        """Return the text as a model sees it: lines end at LF, the indentation of the first line is taken off all."""
        return dedented(self.code(), self.indent)

    def head(self) -> str:
        """Return what stands before the body."""
        return dedented(self.file.data[self.start : self.body_start].decode("utf-8"), self.indent).strip()

    def stub(self) -> str:
        """Return the text with an empty body, for a model that is to write it anew."""
        return dedented(self._with_stub(self.start, self.end), self.indent)

    def file_with_stub(self) -> str:
        """Return the whole file with an empty body in the place of this one."""
        return dedented(self._with_stub(0, len(self.file.data)), "")

    def _with_stub(self, start: int, end: int) -> str:
        data = self.file.data
        before, after = data[start : self.body_start].decode("utf-8"), data[self.entity.end_byte : end].decode("utf-8")
        return before + STUB.format(indent=self.indent) + after


def dedented(text: str, indent: str) -> str:
    """Return a text whose lines end at LF, an indentation taken off those that have it."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join([lines[0], *(line.removeprefix(indent) for line in lines[1:])])


def find(texts: Iterable[SourceText], seed: int, most: int | None) -> list[Target]:
    """Return the targets of the files in the order in which they are asked for, `most` at most."""
    by_file: defaultdict[str, list[tuple[bytes, Target]]] = defaultdict(list)
    for text in texts:
        for target in targets_of(sources.parsed(text)):
            by_file[text.path].append((rank(seed, f"{text.path}:{target.start}"), target))
    turns = [
        (turn, place, target)
        for ranked in by_file.values()
        for turn, (place, target) in enumerate(sorted(ranked, key=lambda pair: pair[0]))
    ]
    return [target for _, _, target in sorted(turns, key=lambda one: one[:2])][:most]


def targets_of(file: SourceFile) -> Iterator[Target]:
    """
    Yield the functions of a file that are neither too short nor too long, in the order of their places.

    Of two that make one statement, the arguments of a call that is given a name, only the first is.
    """
    seen: set[tuple[int, int]] = set()
    for target in functions_of(file):
        place = (target.start, target.end)
        if place not in seen and FEWEST_LINES <= target.last_line - target.first_line + 1 <= MOST_LINES:
            seen.add(place)
            yield target


def functions_of(file: SourceFile) -> Iterator[Target]:
    """Yield the named functions of a file, in the order of their places."""
    text = file.text()
    for entity in entities.entities_of(file):
        if entity.function and entity.named:
            node = _whole(file, entity)
            yield Target(text, entity, node.start_byte, node.end_byte)


def _whole(file: SourceFile, entity: Entity) -> Node:
    """Return the node of the statement, member or property that a function makes."""
    node = file.tree.root_node.descendant_for_byte_range(entity.start_byte, entity.end_byte)
    if node is None:
        raise ValueError(f"{file.path}: nothing stands at the bytes {entity.start_byte} to {entity.end_byte}")
    while node.parent is not None and node.parent.type in WHOLE_WITH and _only_one(node.parent):
        node = node.parent
    return node


def _only_one(node: Node) -> bool:
    """Tell whether a statement holds one declaration; `export` may have decorators of a class beside it."""
    return len([child for child in node.named_children if child.type != "comment"]) == 1
