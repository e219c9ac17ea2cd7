"""Operators that leave out what a statement does: a call, an update of state, the use of a result."""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, code, field, operator_of, replaced, statements
from tracesmith.bugs.operators.layout import without
from tracesmith.bugs.sources import Edit

UPDATES = frozenset(
    {b"add", b"append", b"clear", b"copyWithin", b"delete", b"fill", b"pop", b"push", b"reverse", b"set", b"shift"}
    | {b"setState", b"sort", b"splice", b"unshift"}
)
STATEMENT = frozenset({"expression_statement"})


def drop_update(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a call that changes a collection."""
    call = _call(node)
    if call is not None and _method(call, source) in UPDATES:
        yield from without(node, source)


def drop_call(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out another call."""
    call = _call(node)
    if call is not None and _method(call, source) not in UPDATES and not _is_super(call):
        yield from without(node, source)


def drop_super_call(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out the call of an overridden method; a constructor's has to stay."""
    call = _call(node)
    if call is not None and _is_super(call) and field(call, "function").type == "member_expression":
        yield from without(node, source)


def ignore_result(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `x.trim();` for `x = x.trim();`."""
    assigned = statements(node)[0]
    if assigned.type != "assignment_expression":
        return
    left, right = field(assigned, "left"), field(assigned, "right")
    if right.type == "call_expression" and code(right, source).startswith(code(left, source) + b"."):
        yield replaced(assigned, code(right, source))


def undefined_for_deletion(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to set a property to undefined instead of deleting it."""
    deleted = statements(node)[0]
    if deleted.type == "unary_expression" and operator_of(deleted, source) == b"delete":
        argument = field(deleted, "argument")
        if argument.type in {"member_expression", "subscript_expression"} and b"?." not in code(argument, source):
            yield replaced(deleted, code(argument, source) + b" = undefined")


def _call(node: Node) -> Node | None:
    """Return the call that a statement is, awaited or not."""
    inner = statements(node)[0]
    if inner.type == "await_expression":
        inner = statements(inner)[0]
    return inner if inner.type == "call_expression" else None


def _method(call: Node, source: bytes) -> bytes:
    name = field(call, "function").child_by_field_name("property")
    return code(name, source) if name is not None else b""


def _is_super(call: Node) -> bool:
    callee = field(call, "function")
    return "super" in {callee.type, (callee.child_by_field_name("object") or callee).type}


OPERATORS = (
    Operator(
        "func_pm_ts_update_drop",
        "A collection is not brought up to date.",
        STATEMENT,
        drop_update,
        "A statement that calls `set`, `add`, `push`, `delete`, `sort` and the like.",
        "this.seen.add(id);\nreturn id;",
        "return id;",
    ),
    Operator(
        "func_pm_ts_call_drop",
        "A call is missing.",
        STATEMENT,
        drop_call,
        "A statement that is any other call, awaited or not.",
        "flush();\nreturn rows;",
        "return rows;",
    ),
    Operator(
        "func_pm_ts_super_call_drop",
        "The overridden method is not called.",
        STATEMENT,
        drop_super_call,
        "A statement that calls a method of `super`.",
        "class A extends B {\n  stop() {\n    super.stop();\n    this.done = true;\n  }\n}",
        "class A extends B {\n  stop() {\n    this.done = true;\n  }\n}",
    ),
    Operator(
        "func_pm_ts_result_ignore",
        "The result of a call is thrown away.",
        STATEMENT,
        ignore_result,
        "`x = x.method(…)`.",
        "name = name.trim();",
        "name.trim();",
    ),
    Operator(
        "func_pm_ts_delete_to_undefined",
        "A property stays, with the value undefined.",
        STATEMENT,
        undefined_for_deletion,
        "A statement that deletes a property.",
        "delete cache[key];",
        "cache[key] = undefined;",
    ),
)
