"""Operators that use another name than the one that is meant: its opposite, another member of an enum or a union."""

import re
from collections.abc import Iterator
from functools import lru_cache

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, code, field, is_operation, replaced
from tracesmith.bugs.sources import Edit

OPPOSITES = (
    "after before,begin end,bottom top,child parent,close open,column row,disabled enabled,end start,first last,"
    "from to,head tail,height width,high low,input output,key value,left right,lower upper,max min,next previous,"
    "next prev,new old,prefix suffix,read write,source target,success failure,x y"
)
OPPOSITE = {word: other for pair in OPPOSITES.split(",") for word, other in (pair.split(), pair.split()[::-1])}
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^A-Za-z]+")
NAME = re.compile(rb"[A-Za-z_$][\w$]*")
ENUM = re.compile(rb"\benum\s+([\w$]+)\s*\{([^{}]*)\}")
MEMBER = re.compile(rb"(?:^|[,{\n])\s*([A-Za-z_$][\w$]*)\s*(?=[=,}\n]|$)")
TESTED = re.compile(rb"\.(\w+)\s*[!=]==?\s*(?:\"(\w[\w-]*)\"|'(\w[\w-]*)')")
USES = frozenset(
    {"arguments", "array", "assignment_expression", "augmented_assignment_expression", "binary_expression", "pair"}
    | {"parenthesized_expression", "return_statement", "spread_element", "subscript_expression", "unary_expression"}
    | {"template_substitution", "ternary_expression"}
)
TARGETS = {"assignment_expression": "left", "augmented_assignment_expression": "left", "pair": "key"}
EQUALITY = frozenset({b"===", b"!==", b"==", b"!="})


def opposite_name(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the opposite of a name that is used, where the file has it."""
    parent = node.parent
    if parent is None or (node.type == "identifier" and parent.type not in USES):
        return
    if node.type == "property_identifier" and parent.type != "member_expression":
        return
    other = _opposite(code(node, source))
    if other in _names(source) and parent.child_by_field_name(TARGETS.get(parent.type, "none")) != node:
        yield replaced(node, other)


def other_member(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the next member of an enum of the file."""
    owner, name = field(node, "object"), field(node, "property")
    members = _enums(source).get(code(owner, source), ()) if owner.type == "identifier" else ()
    if len(members) > 1 and code(name, source) in members:
        yield replaced(name, members[(members.index(code(name, source)) + 1) % len(members)])


def other_tag(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose another text that the same property is compared with in the file."""
    left, right = field(node, "left"), field(node, "right")
    name = left.child_by_field_name("property")
    if name is None or right.type != "string" or not is_operation(node, EQUALITY, source):
        return
    tags = _tags(source).get(code(name, source), ())
    tag = code(right, source)[1:-1]
    if len(tags) > 1 and tag in tags:
        yield Edit(right.start_byte + 1, right.end_byte - 1, tags[(tags.index(tag) + 1) % len(tags)])


@lru_cache(maxsize=2**14)
def _opposite(name: bytes) -> bytes:
    """Return a name with one of its words replaced by the opposite; nothing when it has none or several."""
    words = WORDS.findall(name.decode("utf-8", "replace"))
    places = [place for place, word in enumerate(words) if word.lower() in OPPOSITE]
    if len(places) != 1:
        return b""
    word = words[places[0]]
    words[places[0]] = _cased(OPPOSITE[word.lower()], word)
    return "".join(words).encode()


def _cased(word: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.title() if like[0].isupper() else word


@lru_cache(maxsize=2)
def _names(source: bytes) -> frozenset[bytes]:
    return frozenset(NAME.findall(source))


@lru_cache(maxsize=2)
def _enums(source: bytes) -> dict[bytes, list[bytes]]:
    """Return the members of every enum in a file."""
    return {match[1]: MEMBER.findall(match[2]) for match in ENUM.finditer(source)}


@lru_cache(maxsize=2)
def _tags(source: bytes) -> dict[bytes, list[bytes]]:
    """Return the texts that a property is compared with in a file, each once, by its name."""
    found: dict[bytes, dict[bytes, None]] = {}
    for name, *texts in TESTED.findall(source):
        found.setdefault(name, {})[texts[0] or texts[1]] = None
    return {name: list(texts) for name, texts in found.items()}


OPERATORS = (
    Operator(
        "func_pm_ts_opposite_name",
        "A value is taken for its opposite: start for end, width for height.",
        frozenset({"identifier", "property_identifier"}),
        opposite_name,
        "A name that is used, and the file has the other one.",
        "const { start, end } = range; return range.start;",
        "const { start, end } = range; return range.end;",
    ),
    Operator(
        "func_pm_ts_enum_member",
        "Another member of an enum is used.",
        frozenset({"member_expression"}),
        other_member,
        "The enum is declared in the file.",
        "enum Side { Left, Right }\nreturn Side.Left;",
        "enum Side { Left, Right }\nreturn Side.Right;",
    ),
    Operator(
        "func_pm_ts_discriminant_other",
        "A check asks for another member of a union.",
        frozenset({"binary_expression"}),
        other_tag,
        "The file compares the same property with another text.",
        "if (a.kind === 'x') f(a); if (a.kind === 'y') g(a);",
        "if (a.kind === 'y') f(a); if (a.kind === 'y') g(a);",
    ),
)
