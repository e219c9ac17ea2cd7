"""What a function may return at once instead of doing its work, by the type that it says it returns."""

import re

from tree_sitter import Node

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
