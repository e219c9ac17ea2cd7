"""Operators on the arguments of well-known calls: bounds, radixes, separators, comparators, conversions."""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import (
    Operator,
    arguments_of,
    code,
    field,
    is_condition,
    method_call,
    operator_of,
    primary,
    replaced,
    statements,
    swapped,
)
from tracesmith.bugs.sources import Edit

CALL = frozenset({"call_expression"})
BOUNDED = frozenset({b"at", b"charAt", b"charCodeAt", b"codePointAt", b"slice", b"subarray", b"substr", b"substring"})
ENDED = frozenset({b"slice", b"subarray", b"substring"})
SORTS = frozenset({b"sort", b"toSorted"})
LITERALS = frozenset({"number", "string", "template_string", "unary_expression"})
CONVERSIONS = frozenset({b"BigInt", b"Boolean", b"Number", b"String"})
PARSERS = {
    b"Number": b"parseInt",
    b"Number.parseFloat": b"Number.parseInt",
    b"parseFloat": b"parseInt",
    b"BigInt": b"Number",
}
OWN_ROWS = frozenset({*BOUNDED, *SORTS, b"parseInt", b"toString", b"join", b"split", b"is", b"max", b"min", b"assign"})
"""Names of calls whose arguments have operators of their own."""


def move_bound(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose a start or a position one further, and an end one nearer; numbers have op_change_const."""
    called, arguments = method_call(node, source), arguments_of(node)
    if called is None or called[2] not in BOUNDED or len(arguments) > 2:
        return
    for argument, step in zip(arguments, (b" + 1", b" - 1"), strict=False):
        if argument.type not in LITERALS and argument.type != "spread_element":
            sum_ = argument.type == "binary_expression" and operator_of(argument, source) in {b"+", b"-"}
            yield replaced(argument, (code(argument, source) if sum_ else primary(argument, source)) + step)


def drop_end(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out the end of a part of a text or a list."""
    called, arguments = method_call(node, source), arguments_of(node)
    if called is not None and called[2] in ENDED and len(arguments) == 2:
        yield Edit(arguments[0].end_byte, arguments[1].end_byte, b"")


def length_for_end(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `substr` for `substring`, whose second argument is a length, and the other way round."""
    called, arguments = method_call(node, source), arguments_of(node)
    if called is not None and len(arguments) == 2 and code(arguments[0], source) != b"0":
        other = {b"substr": b"substring", b"substring": b"substr"}.get(called[2])
        if other:
            yield replaced(called[1], other)


def drop_radix(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a radix that is not 10."""
    arguments, callee = arguments_of(node), code(field(node, "function"), source)
    if callee.endswith(b"parseInt") and len(arguments) == 2 and code(arguments[1], source) != b"10":
        yield Edit(arguments[0].end_byte, arguments[1].end_byte, b"")
    if callee.endswith(b".toString") and len(arguments) == 1 and code(arguments[0], source) != b"10":
        yield replaced(arguments[0], b"")


def other_separator(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose a separator without its white space, else an empty one; for an empty one of `join` the default."""
    called, arguments = method_call(node, source), arguments_of(node)
    if called is None or called[2] not in {b"join", b"split"} or not arguments or arguments[0].type != "string":
        return
    text = code(arguments[0], source)
    bare = text[:1] + text[1:-1].strip() + text[-1:]
    if bare != text:
        yield replaced(arguments[0], bare)
    elif len(text) > 2:
        yield replaced(arguments[0], text[:1] + text[-1:])
    elif called[2] == b"join":
        yield replaced(arguments[0], b"")


def drop_comparator(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to sort without the comparator: as text."""
    called, arguments = method_call(node, source), arguments_of(node)
    if called is not None and called[2] in SORTS and len(arguments) == 1:
        yield replaced(arguments[0], b"")


def reverse_comparator(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to exchange the parameters of a comparator."""
    called, arguments = method_call(node, source), arguments_of(node)
    if called is None or called[2] not in SORTS or len(arguments) != 1:
        return
    found = arguments[0].child_by_field_name("parameters")
    names = [one.child_by_field_name("pattern") for one in statements(found)] if found is not None else []
    if len(names) == 2 and names[0] is not None and names[1] is not None:
        yield swapped(names[0], names[1], source)


def drop_conversion(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose the value itself for its conversion."""
    arguments, callee = arguments_of(node), code(field(node, "function"), source)
    if callee not in CONVERSIONS or len(arguments) != 1 or arguments[0].type in {*LITERALS, "spread_element"}:
        return
    if not (callee == b"Boolean" and is_condition(node, source)):
        yield replaced(node, primary(arguments[0], source))


def other_parser(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to read a number as a whole one, and a large one as a plain one."""
    callee = field(node, "function")
    if len(arguments_of(node)) == 1 and (other := PARSERS.get(code(callee, source))):
        yield replaced(callee, other)


def drop_last(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out the last argument of several."""
    callee, arguments = node.child_by_field_name("function"), arguments_of(node)
    if callee is None or callee.type == "import" or len(arguments) < 2 or arguments[-1].type == "spread_element":
        return
    name = callee.child_by_field_name("property") or callee
    if code(name, source) not in OWN_ROWS:
        yield Edit(arguments[-2].end_byte, arguments[-1].end_byte, b"")


def list_for_spread(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to hand over a list itself instead of its items."""
    for argument in arguments_of(node):
        if argument.type == "spread_element":
            yield replaced(argument, code(statements(argument)[0], source))


OPERATORS = (
    Operator(
        "func_pm_ts_slice_bound",
        "A part of a text or a list is off by one.",
        CALL,
        move_bound,
        "`slice`, `substring`, `at`, `charAt` and the like; the bound is no literal.",
        "return text.slice(start, end);",
        "return text.slice(start, end - 1);",
    ),
    Operator(
        "func_pm_ts_slice_end_drop",
        "A part of a text or a list goes to the end.",
        CALL,
        drop_end,
        "`slice`, `substring` or `subarray` with two arguments.",
        "return text.slice(1, end);",
        "return text.slice(1);",
    ),
    Operator(
        "func_pm_ts_substring_substr",
        "An end is taken for a length, or the other way round.",
        CALL,
        length_for_end,
        "`substring` or `substr` with two arguments, the first one not 0.",
        "return text.substring(start, end);",
        "return text.substr(start, end);",
    ),
    Operator(
        "func_pm_ts_radix_drop",
        "A number is read or written with the base 10.",
        CALL,
        drop_radix,
        "`parseInt` or `toString` with a radix that is not 10.",
        "return parseInt(text, 16);",
        "return parseInt(text);",
    ),
    Operator(
        "func_pm_ts_separator",
        "A text is joined or split at another separator.",
        CALL,
        other_separator,
        "`join` or `split` with a literal.",
        "return names.join(', ');",
        "return names.join(',');",
    ),
    Operator(
        "func_pm_ts_comparator_drop",
        "Items are sorted as text.",
        CALL,
        drop_comparator,
        "`sort` or `toSorted` with a comparator.",
        "return xs.sort((a, b) => a - b);",
        "return xs.sort();",
    ),
    Operator(
        "func_pm_ts_comparator_reverse",
        "Items are sorted in the reverse order.",
        CALL,
        reverse_comparator,
        "`sort` or `toSorted` with a function of two parameters.",
        "return xs.sort((a, b) => order(a, b));",
        "return xs.sort((b, a) => order(a, b));",
    ),
    Operator(
        "func_pm_ts_conversion_drop",
        "A value is not converted.",
        CALL,
        drop_conversion,
        "`String`, `Number`, `Boolean` or `BigInt` of something that is no literal.",
        "return Number(text) + 1;",
        "return text + 1;",
    ),
    Operator(
        "func_pm_ts_number_parse",
        "A number is read as a whole number, or a large one as a plain one.",
        CALL,
        other_parser,
        "`Number`, `parseFloat` or `BigInt` with one argument.",
        "return parseFloat(text);",
        "return parseInt(text);",
    ),
    Operator(
        "func_pm_ts_last_argument_drop",
        "The last argument of a call is missing.",
        CALL,
        drop_last,
        "Two arguments or more; no spread, and no call with an operator of its own.",
        "return render(page, options);",
        "return render(page);",
    ),
    Operator(
        "func_pm_ts_spread_argument",
        "A list is handed over instead of its items.",
        frozenset({"call_expression", "new_expression"}),
        list_for_spread,
        "An argument with `...`.",
        "log.push(...lines);",
        "log.push(lines);",
    ),
)
