"""Operators on promises, generators and their iteration."""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, arguments_of, code, field, method_call, replaced, statements
from tracesmith.bugs.sources import Edit

COMBINATORS = {
    b"Promise.all": (b"Promise.race", b"Promise.allSettled"),
    b"Promise.allSettled": (b"Promise.all",),
    b"Promise.any": (b"Promise.race",),
    b"Promise.race": (b"Promise.any", b"Promise.all"),
}
HANDLERS = frozenset({b"catch", b"finally", b"then"})


def drop_await(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out `await`."""
    yield replaced(node, code(statements(node)[0], source))


def other_combinator(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to wait for promises in another way."""
    callee = field(node, "function")
    for other in COMBINATORS.get(code(callee, source), ()):
        yield replaced(callee, other)


def drop_handler(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a `.then`, `.catch` or `.finally`."""
    called = method_call(node, source)
    if called is not None and called[2] in HANDLERS and arguments_of(node):
        yield replaced(node, code(called[0], source))


def yield_once(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose `yield` for `yield*`."""
    for child in node.children:
        if child.type == "*":
            yield replaced(child, b"")


def drop_for_await(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose `for` for `for await`."""
    for child in node.children:
        if child.type == "await" and child.next_sibling is not None:
            yield Edit(child.start_byte, child.next_sibling.start_byte, b"")


OPERATORS = (
    Operator(
        "func_pm_ts_await_drop",
        "A promise is not awaited.",
        frozenset({"await_expression"}),
        drop_await,
        "Any `await`.",
        "const row = await load(id);",
        "const row = load(id);",
    ),
    Operator(
        "func_pm_ts_promise_combinator",
        "Promises are combined in the wrong way.",
        frozenset({"call_expression"}),
        other_combinator,
        "`Promise.all`, `allSettled`, `any` and `race`.",
        "await Promise.all(jobs);",
        "await Promise.race(jobs);",
    ),
    Operator(
        "func_pm_ts_promise_handler_drop",
        "A step after a promise is missing.",
        frozenset({"call_expression"}),
        drop_handler,
        "`.then`, `.catch` and `.finally` with an argument.",
        "return load(id).catch(report);",
        "return load(id);",
    ),
    Operator(
        "func_pm_ts_yield_star_drop",
        "A generator yields another one instead of its values.",
        frozenset({"yield_expression"}),
        yield_once,
        "Any `yield*`.",
        "function* all() { yield* left(); }",
        "function* all() { yield left(); }",
    ),
    Operator(
        "func_pm_ts_for_await_drop",
        "An asynchronous iteration has become a plain one.",
        frozenset({"for_in_statement"}),
        drop_for_await,
        "Any `for await`.",
        "for await (const line of lines) use(line);",
        "for (const line of lines) use(line);",
    ),
)
