"""Operators on booleans, signs and bits."""

from collections.abc import Iterator

from tree_sitter import Node

from tracesmith.bugs.operators.base import Operator, code, field, is_operation, operator_of, primary, replaced
from tracesmith.bugs.sources import Edit

NULLISH = frozenset({b"??"})
LOGICAL_OF = {b"&": b"&&", b"|": b"||"}
BOOLEANS = {"false": b"true", "true": b"false"}
COMPARED = frozenset({b"==", b"===", b"!=", b"!=="})


def flip_boolean(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose true for false, and the other way round; a comparison with one has func_pm_op_flip."""
    if not is_operation(node.parent, COMPARED, source):
        yield replaced(node, BOOLEANS[node.type])


def drop_sign(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a minus; numbers as well, but in comparisons with -1, which has func_pm_ts_index_zero."""
    argument = field(node, "argument")
    if operator_of(node, source) == b"-" and code(argument, source) not in {b"0", b"Infinity"}:
        yield replaced(node, primary(argument, source))


def drop_complement(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose to leave out a `~`."""
    if operator_of(node, source) == b"~":
        yield replaced(node, primary(field(node, "argument"), source))


def logical_for_bits(node: Node, source: bytes) -> Iterator[Edit]:
    """Propose `&&` for `&` and `||` for `|`, but for `| 0`."""
    other = LOGICAL_OF.get(operator_of(node, source))
    sides = (field(node, "left"), field(node, "right"))
    mixed = any(is_operation(one, NULLISH, source) for one in (node.parent, *sides))
    if other is not None and not mixed and code(sides[1], source) != b"0":
        yield replaced(field(node, "operator"), other)


OPERATORS = (
    Operator(
        "func_pm_ts_boolean_flip",
        "A flag has the wrong value.",
        frozenset({"false", "true"}),
        flip_boolean,
        "`true` or `false` that nothing is compared with.",
        "return { ready: true };",
        "return { ready: false };",
    ),
    Operator(
        "func_pm_ts_sign_drop",
        "A minus is missing.",
        frozenset({"unary_expression"}),
        drop_sign,
        "Any negative value but -0 and -Infinity.",
        "return -offset;",
        "return offset;",
    ),
    Operator(
        "func_pm_ts_mask_complement_drop",
        "A mask keeps the bits that it should clear.",
        frozenset({"unary_expression"}),
        drop_complement,
        "Any `~`.",
        "flags &= ~Flag.Open;",
        "flags &= Flag.Open;",
    ),
    Operator(
        "func_pm_ts_bits_to_logical",
        "Bits are combined as if they were conditions.",
        frozenset({"binary_expression"}),
        logical_for_bits,
        "`&` and `|`, not `| 0`; no `??` beside it.",
        "return flags & Flag.Open;",
        "return flags && Flag.Open;",
    ),
)
