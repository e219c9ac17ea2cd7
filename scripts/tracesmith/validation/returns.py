"""What a function may return at once instead of doing its work: by the type that it names, or by its tests."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tree_sitter import Node

from tracesmith import grammar
from tracesmith.suites import test_file

BY_TYPE = {
    "boolean": (b"true", b"false"),
    "number": (b"0",),
    "bigint": (b"0n",),
    "string": (b'""',),
    "void": (),
    "never": (),
    "undefined": (),
}
LIST = re.compile(r"(?:readonly\s+)?.*\[\]|(?:Readonly)?Array<.*>|\[.*\]", re.DOTALL)
PROMISE = re.compile(r"Promise(?:Like)?<(.*)>", re.DOTALL)
ASSERTIONS = frozenset(
    {b"toBe", b"toEqual", b"toStrictEqual", b"equal", b"strictEqual", b"deepEqual", b"deepStrictEqual", b"eql", b"is"}
)
TESTS = frozenset({b"it", b"test"})
LITERALS = frozenset({"number", "string", "true", "false", "null", "undefined", "property_identifier"})
HOLDING = frozenset({"array", "object", "pair", "unary_expression"})
LONGEST = 2000
MOST = 3


def constants(node: Node) -> list[bytes]:
    """Return the constants that fit a function's return type; without one, undefined and true."""
    said = node.child_by_field_name("return_type")
    if said is None or said.text is None:
        return [b"undefined", b"true"]
    if said.type == "type_predicate_annotation":
        return [b"true", b"false"]
    text = said.text.decode("utf-8", "replace").lstrip(": \t\n")
    if promise := PROMISE.fullmatch(text):
        text = promise[1].strip()
    if text in BY_TYPE:
        return list(BY_TYPE[text])
    return [b"[]"] if LIST.fullmatch(text) else [b"undefined", b"{}"]


def early(data: bytes, node: Node, value: bytes) -> bytes:
    """Return a file in which a function returns a value before it does anything."""
    body = node.child_by_field_name("body")
    assert body is not None  # noqa: S101 - the caller looked for functions with a body
    if body.type != "statement_block":  # what an arrow returns; {} would be a block without braces around it
        return data[: body.start_byte] + b"(" + value + b")" + data[body.end_byte :]
    place = body.start_byte + 1
    return data[:place] + b" return " + value + b";" + data[place:]


def without_body(data: bytes, node: Node) -> bytes:
    """Return a file in which a function does nothing."""
    body = node.child_by_field_name("body")
    assert body is not None  # noqa: S101 - the caller looked for functions with a body
    return data[: body.start_byte] + b"{}" + data[body.end_byte :]


def expected(source: Path, tests: Sequence[str]) -> list[bytes]:
    """Return the first few constants that tests compare values with; tests made in a loop have no text of their own."""
    found: dict[bytes, None] = {}
    for path in sorted({test_file(test) for test in tests}):
        place = source / path
        if path.endswith(grammar.SUFFIXES) and place.is_file():
            titles = [test for test in tests if test_file(test) == path]
            found |= dict.fromkeys(expected_in(path, place.read_bytes(), titles))
    return list(found)[:MOST]


def expected_in(path: str, data: bytes, tests: Sequence[str]) -> Iterator[bytes]:
    """Yield the constants of one test file, in the order of its text."""
    for call in _calls(grammar.parser_of(path).parse(data).root_node):
        if _name(call) in TESTS and _is_one_of(call, tests):
            for inner in _calls(call):
                if _name(inner) in ASSERTIONS and (value := _constant(inner)) is not None:
                    yield value


def _calls(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "call_expression":
            yield node
        stack += reversed(node.children)


def _name(call: Node) -> bytes | None:
    """Return what a call names: the property behind the last dot, or the function."""
    function = call.child_by_field_name("function")
    if function is not None and function.type == "member_expression":
        function = function.child_by_field_name("property")
    return function.text if function is not None else None


def _arguments(call: Node) -> list[Node]:
    given = call.child_by_field_name("arguments")
    return given.named_children if given is not None else []


def _is_one_of(call: Node, tests: Sequence[str]) -> bool:
    """Tell whether a call makes one of some tests, by its title."""
    given = _arguments(call)
    if not given or given[0].type != "string" or not given[0].text:
        return False
    title = given[0].text[1:-1].decode("utf-8", "replace")
    return bool(title) and any(test.endswith(f" > {title}") for test in tests)


def _constant(assertion: Node) -> bytes | None:
    """Return the text of the last value of an assertion when it is a constant: of two, the second is expected."""
    given = _arguments(assertion)
    value = given[min(1, len(given) - 1)] if given else None
    if value is None or value.text is None or len(value.text) > LONGEST:
        return None
    return value.text if _is_constant(value) else None


def _is_constant(node: Node) -> bool:
    if node.type in LITERALS:
        return True
    return node.type in HOLDING and all(_is_constant(child) for child in node.named_children)
