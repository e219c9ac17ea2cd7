"""Operators that call another method than the one that is meant, or leave a call out."""

from collections.abc import Iterator, Mapping
from functools import partial

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, arguments_of, code, field, is_condition, method_call, replaced
from tracesmith.bugs.sources import Edit

Others = Mapping[bytes, tuple[bytes, ...]]
CALL = frozenset({"call_expression"})
STEPS = frozenset(
    {b"bind", b"filter", b"flat", b"normalize", b"reverse", b"sort", b"toLowerCase", b"toReversed", b"toSorted"}
    | {b"toUpperCase", b"trim", b"trimEnd", b"trimStart"}
)
CALLBACKS: Others = {b"filter": (b"map", b"find"), b"find": (b"filter",), b"map": (b"forEach", b"filter")}
FUNCTIONS = frozenset({"arrow_function", "function_expression", "identifier", "member_expression"})
FIELDS = {b"Month": b"Date", b"Date": b"Day", b"Day": b"Date", b"Hours": b"Minutes", b"Minutes": b"Seconds"}
FIELDS_OF_DATES: Others = {
    prefix + name: (prefix + other,)
    for prefix in (b"get", b"getUTC", b"set", b"setUTC")
    for name, other in (*FIELDS.items(), (b"Seconds", b"Milliseconds"), (b"FullYear", b"Month"))
    if not (prefix.startswith(b"set") and b"Day" in {name, other})
}


def other_name(others: Others, node: Node, source: bytes) -> Iterator[Edit]:
    """Propose other names for the methods, or for functions as `Math.max`, of a table."""
    callee = field(node, "function")
    if callee.type == "member_expression":
        name = callee if code(callee, source) in others else field(callee, "property")
        yield from (replaced(name, other) for other in others.get(code(name, source), ()))


def other_callback(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose another method that takes a function, where its result is used."""
    called, arguments = method_call(node, source), arguments_of(node)
    if called is None or len(arguments) != 1 or arguments[0].type not in FUNCTIONS:
        return
    if node.parent is not None and node.parent.type != "expression_statement":
        for other in CALLBACKS.get(called[2], ()):
            yield replaced(called[1], other)


def value_for_presence(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `get` for `has` where only its truth counts."""
    called = method_call(node, source)
    if called is not None and called[2] == b"has" and len(arguments_of(node)) == 1 and is_condition(node, source):
        yield replaced(called[1], b"get")


def drop_step(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out one call of a chain."""
    called = method_call(node, source)
    if called is None or called[2] not in STEPS or called[0].type == "super" or node.parent is None:
        return
    if node.parent.type not in {"await_expression", "expression_statement"}:
        yield replaced(node, code(called[0], source))


def identity_for_is(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `a === b` for `Object.is(a, b)`."""
    arguments = arguments_of(node)
    if code(field(node, "function"), source) == b"Object.is" and len(arguments) == 2:
        sides = b" === ".join(code(argument, source) for argument in arguments)
        loose = node.parent is not None and node.parent.type in {"binary_expression", "unary_expression"}
        yield replaced(node, b"(" + sides + b")" if loose else sides)


def _row(name: str, explanation: str, others: Others, before: str, after: str) -> Operator:
    names = ", ".join(f"`{one.decode()}`" for one in others)
    return Operator(
        f"func_pm_ts_{name}", explanation, CALL, partial(other_name, others), f"A call of {names}.", before, after
    )


OPERATORS = (
    _row(
        "some_every",
        "A check of all asks for one, or the other way round.",
        {b"some": (b"every",), b"every": (b"some",)},
        "return xs.some(isOpen);",
        "return xs.every(isOpen);",
    ),
    _row(
        "first_last",
        "A search takes the last match instead of the first, or the other way round.",
        {b"find": (b"findLast",), b"findIndex": (b"findLastIndex",), b"findLast": (b"find",)}
        | {b"findLastIndex": (b"findIndex",), b"indexOf": (b"lastIndexOf",), b"lastIndexOf": (b"indexOf",)},
        "const dot = name.lastIndexOf('.');",
        "const dot = name.indexOf('.');",
    ),
    _row(
        "array_end",
        "An item is put to, or taken from, the wrong end.",
        {b"pop": (b"shift",), b"push": (b"unshift",), b"shift": (b"pop",), b"unshift": (b"push",)},
        "queue.push(task);",
        "queue.unshift(task);",
    ),
    _row(
        "prefix_suffix",
        "The wrong end of a text is looked at.",
        {b"endsWith": (b"includes",), b"startsWith": (b"includes", b"endsWith")},
        "return path.startsWith('/');",
        "return path.includes('/');",
    ),
    _row(
        "reduce_direction",
        "Items are folded from the wrong end.",
        {b"reduce": (b"reduceRight",), b"reduceRight": (b"reduce",)},
        "return xs.reduce(join, '');",
        "return xs.reduceRight(join, '');",
    ),
    _row(
        "flat_map",
        "Lists of lists are not flattened.",
        {b"flatMap": (b"map",)},
        "return rows.flatMap(cells);",
        "return rows.map(cells);",
    ),
    Operator(
        "func_pm_ts_array_callback",
        "A list is mapped, filtered or searched with the wrong method.",
        CALL,
        other_callback,
        "`map`, `filter` and `find` with one function; the result is used.",
        "return xs.filter(isOpen);",
        "return xs.map(isOpen);",
    ),
    _row(
        "copy_to_in_place",
        "A list of others is changed instead of a copy.",
        {b"toReversed": (b"reverse",), b"toSorted": (b"sort",), b"toSpliced": (b"splice",)},
        "return xs.toSorted();",
        "return xs.sort();",
    ),
    _row(
        "keys_values",
        "Keys are taken for values, or the other way round.",
        {b"Object.keys": (b"Object.values",), b"Object.values": (b"Object.keys",)}
        | {b"keys": (b"values",), b"values": (b"keys",)},
        "return Object.keys(table);",
        "return Object.values(table);",
    ),
    Operator(
        "func_pm_ts_has_to_get",
        "An entry with a falsy value counts as missing.",
        CALL,
        value_for_presence,
        "`has` with one argument in a condition.",
        "if (cache.has(key)) return;",
        "if (cache.get(key)) return;",
    ),
    _row(
        "string_case",
        "Text is put into the wrong case.",
        {b"toLowerCase": (b"toUpperCase",), b"toUpperCase": (b"toLowerCase",)}
        | {b"toLocaleLowerCase": (b"toLocaleUpperCase",), b"toLocaleUpperCase": (b"toLocaleLowerCase",)},
        "return name.toLowerCase();",
        "return name.toUpperCase();",
    ),
    _row(
        "trim_side",
        "Text is trimmed or padded on the wrong side.",
        {b"padEnd": (b"padStart",), b"padStart": (b"padEnd",), b"trim": (b"trimStart", b"trimEnd")}
        | {b"trimEnd": (b"trimStart",), b"trimStart": (b"trimEnd",)},
        "return line.trim();",
        "return line.trimStart();",
    ),
    _row(
        "replace_first",
        "Only the first match is replaced.",
        {b"replaceAll": (b"replace",)},
        "return text.replaceAll('-', '_');",
        "return text.replace('-', '_');",
    ),
    _row(
        "code_unit",
        "A character beyond U+FFFF is read or made in halves.",
        {b"String.fromCodePoint": (b"String.fromCharCode",), b"codePointAt": (b"charCodeAt",)},
        "return text.codePointAt(i);",
        "return text.charCodeAt(i);",
    ),
    _row(
        "date_field",
        "Another field of a date is read or written.",
        FIELDS_OF_DATES,
        "return date.getDate();",
        "return date.getDay();",
    ),
    _row(
        "rounding",
        "A number is rounded in another direction.",
        {b"Math.ceil": (b"Math.floor", b"Math.round"), b"Math.floor": (b"Math.ceil", b"Math.round")}
        | {b"Math.round": (b"Math.floor",), b"Math.trunc": (b"Math.round",)},
        "return Math.floor(n / 2);",
        "return Math.ceil(n / 2);",
    ),
    _row(
        "min_max",
        "The smallest is taken for the largest, or the other way round.",
        {b"Math.max": (b"Math.min",), b"Math.min": (b"Math.max",)},
        "return Math.max(0, n);",
        "return Math.min(0, n);",
    ),
    _row(
        "number_check",
        "A check of numbers lets others through.",
        {b"Number.isFinite": (b"isFinite",), b"Number.isInteger": (b"Number.isFinite",)}
        | {b"Number.isNaN": (b"isNaN",), b"Number.isSafeInteger": (b"Number.isInteger",)},
        "return Number.isInteger(n);",
        "return Number.isFinite(n);",
    ),
    Operator(
        "func_pm_ts_step_drop",
        "A step of a chain of calls is missing.",
        CALL,
        drop_step,
        "`trim`, `toLowerCase`, `filter`, `sort`, `reverse`, `flat`, `bind` and the like; the result is used.",
        "return name.trim().toLowerCase();",
        "return name.toLowerCase();",
    ),
    Operator(
        "func_pm_ts_object_is",
        "NaN is no longer equal to itself, and -0 equal to 0.",
        CALL,
        identity_for_is,
        "`Object.is` with two arguments.",
        "return Object.is(a, b);",
        "return a === b;",
    ),
)
