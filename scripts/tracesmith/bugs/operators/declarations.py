"""Operators on what is declared: defaults, enums, setters, kinds of functions."""

from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, arguments_of, code, field, inside, replaced, statements, swapped
from tracesmith.bugs.sources import Edit

PATTERNS = frozenset({"assignment_pattern", "object_assignment_pattern"})


def drop_pattern_default(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose to leave out a default in a pattern."""
    yield Edit(field(node, "left").end_byte, field(node, "right").end_byte, b"")


def drop_parameter_default(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose an optional parameter for one with a default, where only such ones follow."""
    pattern, value = node.child_by_field_name("pattern"), node.child_by_field_name("value")
    following = node.next_named_sibling
    while following is not None and (following.type != "required_parameter" or following.child_by_field_name("value")):
        following = following.next_named_sibling
    if pattern is None or value is None or pattern.type != "identifier" or following is not None:
        return
    type_ = node.child_by_field_name("type")
    yield Edit(pattern.end_byte, value.end_byte, b"?" + (code(type_, source) if type_ is not None else b""))


def swap_members(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange the values of two members of an enum."""
    members = [one for one in statements(node) if one.type == "enum_assignment"]
    for first, second in pairwise(members):
        yield swapped(field(first, "value"), field(second, "value"), source)


def ignore_setting(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose a setter that does nothing."""
    setter = any(child.type == "set" for child in node.children)
    body = node.child_by_field_name("body")
    if setter and body is not None and statements(body):
        yield replaced(body, b"{}")


def lose_this(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose a function with a `this` of its own for an arrow function that uses the one around it."""
    body, arrow = field(node, "body"), next(child for child in node.children if child.type == "=>")
    parent = node.parent
    if body.type != "statement_block" or not inside(body, "this") or parent is None or parent.type != "arguments":
        return
    start = node.child_by_field_name("type_parameters") or node.child_by_field_name("parameters")
    if start is not None:
        head = source[node.start_byte : start.start_byte] + b"function " + source[start.start_byte : arrow.start_byte]
        yield Edit(node.start_byte, body.start_byte, head.rstrip() + b" ")


def pass_method(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose a method itself for the arrow function that calls it: it loses its `this`."""
    body, parameters = field(node, "body"), node.child_by_field_name("parameters")
    called = body.child_by_field_name("function") if body.type == "call_expression" else None
    if called is None or called.type != "member_expression" or node.parent is None or node.parent.type != "arguments":
        return
    single = node.child_by_field_name("parameter")
    named = [single] if single is not None else statements(parameters) if parameters is not None else []
    names = [code(one.child_by_field_name("pattern") or one, source) for one in named]
    if names and names == [code(one, source) for one in arguments_of(body)] and not inside(called, "call_expression"):
        yield replaced(node, code(called, source))


OPERATORS = (
    Operator(
        "func_pm_ts_pattern_default_drop",
        "A default of a destructured value is missing.",
        PATTERNS,
        drop_pattern_default,
        "Any default in a pattern.",
        "const { limit = 10, page } = options;",
        "const { limit, page } = options;",
    ),
    Operator(
        "func_pm_ts_parameter_default_drop",
        "A parameter has no default.",
        frozenset({"required_parameter"}),
        drop_parameter_default,
        "A name with a default, after which only such ones follow.",
        "function step(n: number = 1) { return n; }",
        "function step(n?: number) { return n; }",
    ),
    Operator(
        "func_pm_ts_enum_value_swap",
        "Two members of an enum have each other's value.",
        frozenset({"enum_body"}),
        swap_members,
        "Neighbours with values.",
        "enum Side { Left = 'l', Right = 'r' }",
        "enum Side { Left = 'r', Right = 'l' }",
    ),
    Operator(
        "func_pm_ts_setter_ignore",
        "A setter does nothing.",
        frozenset({"method_definition"}),
        ignore_setting,
        "A setter that does something.",
        "const door = { set open(value) { this.state = value; this.changed = true; } };",
        "const door = { set open(value) {} };",
    ),
    Operator(
        "func_pm_ts_arrow_to_function",
        "A callback has a this of its own.",
        frozenset({"arrow_function"}),
        lose_this,
        "An arrow function with a block that uses `this`, as an argument.",
        "xs.forEach((x) => { this.add(x); });",
        "xs.forEach(function (x) { this.add(x); });",
    ),
    Operator(
        "func_pm_ts_method_reference",
        "A method is handed over without its object.",
        frozenset({"arrow_function"}),
        pass_method,
        "An arrow function that calls a method with its own parameters, as an argument.",
        "return lines.map((line) => this.parse(line));",
        "return lines.map(this.parse);",
    ),
)
