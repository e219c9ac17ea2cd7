"""Operators on object and array literals and on copies: what is shared, what is missing, what wins."""

from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from tracesmith.bugs.operators.base import (
    Operator,
    arguments_of,
    code,
    field,
    method_call,
    primary,
    replaced,
    statements,
    swapped,
)
from tracesmith.bugs.operators.layout import without_item
from tracesmith.bugs.sources import Edit

LISTS = frozenset({"array", "object"})
ENTRIES = frozenset({"pair", "shorthand_property_identifier"})
CLONES = frozenset({b"Array.from", b"structuredClone"})
COLLECTIONS = frozenset({b"Array", b"Map", b"Set"})


def alias_for_copy(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the original for a copy that is a literal with one spread."""
    items = statements(node)
    if len(items) == 1 and items[0].type == "spread_element":
        yield replaced(node, primary(statements(items[0])[0], source))


def alias_for_clone(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the original for a copy that a call makes."""
    arguments, called = arguments_of(node), None
    if node.type == "call_expression":
        called = method_call(node, source)
        made = code(field(node, "function"), source) in CLONES
    else:
        made = code(field(node, "constructor"), source) in COLLECTIONS - {b"Array"}
    if made and len(arguments) == 1 and arguments[0].type not in {"array", "spread_element"}:
        yield replaced(node, primary(arguments[0], source))
    elif called is not None and called[2] in {b"concat", b"slice"} and not arguments:
        yield replaced(node, code(called[0], source))


def assign_to_source(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to assign to the first source instead of a new object."""
    arguments = arguments_of(node)
    if code(field(node, "function"), source) != b"Object.assign" or len(arguments) < 2:
        return
    if arguments[0].type == "object" and not statements(arguments[0]) and arguments[1].type != "object":
        yield Edit(arguments[0].start_byte, arguments[1].start_byte, b"")


def drop_spread(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a spread among other items."""
    for item in statements(node):
        if item.type == "spread_element":
            yield from without_item(item, source)


def move_spread(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange a spread with its neighbour: of two equal keys the later one wins."""
    for first, second in pairwise(statements(node)):
        if "spread_element" in {first.type, second.type}:
            yield swapped(first, second, source)


def drop_entry(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out an entry of an object."""
    for item in statements(node):
        if item.type in ENTRIES:
            yield from without_item(item, source)


def swap_values(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange the values of neighbouring entries of one kind."""
    pairs = [one for one in statements(node) if one.type == "pair"]
    for first, second in pairwise(pairs):
        values = field(first, "value"), field(second, "value")
        if values[0].type == values[1].type and "function" not in values[0].type:
            yield swapped(*values, source)


def drop_item(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out the first and the last of several items."""
    items = statements(node)
    if len(items) > 1:
        for item in (items[0], items[-1]):
            if item.type != "spread_element":
                yield from without_item(item, source)


OPERATORS = (
    Operator(
        "func_pm_ts_copy_to_alias",
        "The original is used where a shallow copy is meant.",
        LISTS,
        alias_for_copy,
        "`{...a}` or `[...a]` with nothing else in it.",
        "const next = { ...state };",
        "const next = state;",
    ),
    Operator(
        "func_pm_ts_clone_drop",
        "The original is used where a copy is meant.",
        frozenset({"call_expression", "new_expression"}),
        alias_for_clone,
        "`structuredClone`, `Array.from`, `new Map` or `new Set` of one value, `slice` or `concat` without arguments.",
        "const next = new Set(seen);",
        "const next = seen;",
    ),
    Operator(
        "func_pm_ts_assign_to_source",
        "Object.assign changes its first source.",
        frozenset({"call_expression"}),
        assign_to_source,
        "The target is `{}`, the first source no literal.",
        "return Object.assign({}, defaults, options);",
        "return Object.assign(defaults, options);",
    ),
    Operator(
        "func_pm_ts_spread_drop",
        "What an object or a list should take over is missing.",
        LISTS,
        drop_spread,
        "A spread among other items.",
        "return { ...state, open: true };",
        "return { open: true };",
    ),
    Operator(
        "func_pm_ts_spread_order",
        "The wrong one of two equal keys wins, or items are in the wrong order.",
        LISTS,
        move_spread,
        "A spread beside another item.",
        "return { ...defaults, ...options };",
        "return { ...options, ...defaults };",
    ),
    Operator(
        "func_pm_ts_property_drop",
        "A property of an object is missing.",
        frozenset({"object"}),
        drop_entry,
        "One of several entries, no method.",
        "return { id, name: user.name };",
        "return { id };",
    ),
    Operator(
        "func_pm_ts_property_swap",
        "The values of two properties are exchanged.",
        frozenset({"object"}),
        swap_values,
        "Neighbouring entries with different values of one kind.",
        "return { from: a.start, to: a.end };",
        "return { from: a.end, to: a.start };",
    ),
    Operator(
        "func_pm_ts_item_drop",
        "An item of a list is missing.",
        frozenset({"array"}),
        drop_item,
        "The first or the last one of several, no spread.",
        "const kinds = ['a', 'b', 'c'];",
        "const kinds = ['a', 'b'];",
    ),
)
