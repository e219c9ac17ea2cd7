"""
Find the source of a test by its id, `<file> > <title> > <title>`, through the syntax tree of its file.

Known are the calls of vitest, jest, mocha, node:test and ava. A title that only a run tells (`.each`, template strings,
expressions) is a pattern; the call whose titles are told most exactly is taken, then the innermost suite around it.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tracesmith import grammar
from tracesmith.issues import titles
from tracesmith.issues.titles import Title
from tracesmith.runners.base import SEPARATOR

SUITES = frozenset({"describe", "suite", "context", "fdescribe", "xdescribe"})
TESTS = frozenset({"it", "test", "specify", "fit", "xit", "xtest"})
TABLES = frozenset({"each", "for"})
FUNCTIONS = frozenset({"arrow_function", "function_expression"})
LOOPS = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
METHODS_THAT_LOOP = frozenset({"forEach", "map"})
REPEATED = re.compile(r"(?s)(.*) \[(\d+)\]")
"""The id of a test that has the titles of an earlier one."""


@dataclass(frozen=True)
class Call:
    """A call that makes a test or a suite."""

    is_test: bool
    title: Title
    """Its titles, those around it first, joined as in a test's id."""
    node: Node
    """What is shown: the call, or the loop around it."""

    def matches(self, wanted: str) -> bool:
        """Tell whether a test of these titles can be made here: those of a suite begin with its own."""
        if self.title.can_be(wanted):
            return True
        longer = Title((*self.title.parts, SEPARATOR, None))
        return not self.is_test and longer.can_be(wanted)


class SourceOfTests:
    """A test file whose tests are looked up."""

    def __init__(self, path: str, data: bytes) -> None:
        self._path = path
        self._data = data
        name = path if path.endswith("ts") else f"{path}.tsx"  # JavaScript has elements, and no casts
        self._root = grammar.parser_of(name).parse(data).root_node
        self._calls = list(_calls(self._root, data))

    def source(self, test: str) -> str | None:
        """Return the text of what makes a test; None where nothing in the file can be it."""
        wanted = test.removeprefix(self._path + SEPARATOR)
        repeated = REPEATED.fullmatch(wanted)
        ways = [(repeated[1], int(repeated[2]))] if repeated else []
        found = [call for way in (*ways, (wanted, 1)) if (call := self._best(*way)) is not None]
        return self._text(max(found, key=_exactness).node) if found else None

    def imports(self) -> str:
        """Return the imports at the top of the file, as they stand."""
        kept = [node for node in self._root.named_children if _is_import(node, self._data)]
        return "\n".join(self._text(node) for node in kept)

    def _best(self, wanted: str, number: int) -> Call | None:
        """Return the call that tells most of the titles: a test rather than a suite, the n-th of equal ones."""
        found = [call for call in self._calls if call.matches(wanted)]
        most = max((_exactness(call) for call in found), default=None)
        equal = [call for call in found if _exactness(call) == most]
        return equal[min(number, len(equal)) - 1] if equal else None

    def _text(self, node: Node) -> str:
        """Return the source of a node, moved to the left margin."""
        line = self._data.rfind(b"\n", 0, node.start_byte) + 1
        indent = self._data[line : node.start_byte]
        blank = indent.decode() if not indent.strip() else ""
        return textwrap.dedent(blank + self._data[node.start_byte : node.end_byte].decode("utf-8", "replace"))


def _exactness(call: Call) -> tuple[bool, int, bool]:
    return (call.is_test and call.title.text is not None, call.title.literal, call.is_test)


def _calls(root: Node, data: bytes) -> Iterator[Call]:
    """Yield the calls that make tests and suites, in the order of the source; without recursion, for deep files."""
    waiting: list[tuple[Node, tuple[Title, ...], Node | None]] = [(root, (), None)]
    while waiting:
        node, around, loop = waiting.pop()
        made = _made(node, data)
        if made is not None:
            is_test, title = made
            around = (*around, title)
            yield Call(is_test, titles.joined(around), loop or node)
            loop = None
        elif loop is None and _loops(node, data):
            loop = node
        waiting += [(child, around, loop) for child in reversed(node.named_children)]


def _made(node: Node, data: bytes) -> tuple[bool, Title] | None:
    """Return whether a node makes a test, and its title; None when it makes neither a test nor a suite."""
    arguments = node.child_by_field_name("arguments") if node.type == "call_expression" else None
    if arguments is None or arguments.type != "arguments" or _is_callee(node):
        return None
    given = [child for child in arguments.named_children if child.type != "comment"]
    names = _names(node.child_by_field_name("function"), data)
    is_test = _is_test(names)
    if not given or is_test is None or given[0].type in FUNCTIONS:
        return None
    if names[0] not in SUITES | TESTS and (len(given) < 2 or given[-1].type not in FUNCTIONS):
        return None  # a regular expression has a method `test` too
    return is_test, titles.of_argument(given[0], data, bool(TABLES & set(names)))


def _is_callee(node: Node) -> bool:
    """Tell whether what a call gives is called in its turn, as in `it.each(table)("title", …)`."""
    parent = node.parent
    return parent is not None and parent.child_by_field_name("function") == node


def _is_test(names: Sequence[str]) -> bool | None:
    """Return whether `a.b.c` makes a test (True) or a suite (False); None for another function."""
    if names[0] in SUITES | TESTS:
        later = [name for name in names if name in SUITES | TESTS]
        return later[-1] in TESTS
    return True if len(names) > 1 and names[-1] == "test" else None


def _names(node: Node | None, data: bytes) -> list[str]:
    """Return the names of a callee such as `it.only.each(table)`: it, only, each."""
    names: list[str] = []
    while node is not None:
        if node.type == "member_expression":
            names.append(_word(node.child_by_field_name("property"), data))
            node = node.child_by_field_name("object")
        elif node.type == "call_expression":
            node = node.child_by_field_name("function")
        else:
            return [_word(node, data) if node.type == "identifier" else "", *reversed(names)]
    return [""]


def _word(node: Node | None, data: bytes) -> str:
    return "" if node is None else data[node.start_byte : node.end_byte].decode("utf-8", "replace")


def _loops(node: Node, data: bytes) -> bool:
    callee = node.child_by_field_name("function") if node.type == "call_expression" else None
    return node.type in LOOPS or (callee is not None and _names(callee, data)[-1] in METHODS_THAT_LOOP)


def _is_import(node: Node, data: bytes) -> bool:
    text = data[node.start_byte : node.end_byte]
    return node.type == "import_statement" or (node.type == "lexical_declaration" and b"require(" in text)
