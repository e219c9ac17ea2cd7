"""Operators on errors: swallowed, of another class, without their clean-up."""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, code, field, replaced, statements
from tracesmith.bugs.operators.layout import without
from tracesmith.bugs.sources import Edit
from tracesmith.grammar import FUNCTIONS

OTHER_CLASS = {
    b"Error": b"TypeError",
    b"RangeError": b"TypeError",
    b"ReferenceError": b"Error",
    b"SyntaxError": b"Error",
    b"TypeError": b"Error",
}


def return_for_throw(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to return instead of throwing, in a function."""
    around = node.parent
    while around is not None and around.type not in FUNCTIONS and around.type != "class_static_block":
        around = around.parent
    if around is not None and around.type in FUNCTIONS:
        yield replaced(node, b"return;" if code(node, source).endswith(b";") else b"return")


def other_error(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose another class for an error that is thrown."""
    thrown = statements(node)[0]
    if thrown.type in {"call_expression", "new_expression"}:
        name = thrown.child_by_field_name("constructor") or field(thrown, "function")
        if code(name, source) in OTHER_CLASS:
            yield replaced(name, OTHER_CLASS[code(name, source)])


def swallow(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose to do nothing about what was caught."""
    body = field(node, "body")
    if statements(body):
        yield replaced(body, b"{}")


def drop_rethrow(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose not to throw at the end of a `catch` that does something else before."""
    block = node.parent
    if block is None or block.parent is None or block.parent.type != "catch_clause":
        return
    if len(statements(block)) > 1:
        yield from without(node, source)


def drop_cleanup(node: Node, _source: bytes) -> Iterator[Edit]:
    """Propose to leave out the `finally` of a `try` with a `catch`; else what stands in it."""
    handler, cleanup = node.child_by_field_name("handler"), node.child_by_field_name("finalizer")
    if cleanup is None:
        return
    if handler is not None:
        yield Edit(handler.end_byte, cleanup.end_byte, b"")
    elif statements(field(cleanup, "body")):
        yield replaced(field(cleanup, "body"), b"{}")


OPERATORS = (
    Operator(
        "func_pm_ts_throw_to_return",
        "A function returns where it should throw.",
        frozenset({"throw_statement"}),
        return_for_throw,
        "In a function.",
        "function check(n) { if (n < 0) throw new RangeError('negative'); }",
        "function check(n) { if (n < 0) return; }",
    ),
    Operator(
        "func_pm_ts_error_class",
        "An error of the wrong class is thrown.",
        frozenset({"throw_statement"}),
        other_error,
        "An error of the language's own classes.",
        "throw new RangeError('negative');",
        "throw new TypeError('negative');",
    ),
    Operator(
        "func_pm_ts_catch_swallow",
        "An error is swallowed.",
        frozenset({"catch_clause"}),
        swallow,
        "A `catch` that does something.",
        "try { run(); } catch (error) { report(error); }",
        "try { run(); } catch (error) {}",
    ),
    Operator(
        "func_pm_ts_rethrow_drop",
        "An error that is caught goes no further.",
        frozenset({"throw_statement"}),
        drop_rethrow,
        "In a `catch` that does something else as well.",
        "try {\n  run();\n} catch (error) {\n  undo();\n  throw error;\n}",
        "try {\n  run();\n} catch (error) {\n  undo();\n}",
    ),
    Operator(
        "func_pm_ts_finally_drop",
        "A clean-up is missing.",
        frozenset({"try_statement"}),
        drop_cleanup,
        "A `finally` that does something.",
        "try { run(); } catch { undo(); } finally { close(); }",
        "try { run(); } catch { undo(); }",
    ),
)
