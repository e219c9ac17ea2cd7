"""
The table of operators, and the one walk over a file that feeds them all.

To add an operator: write a generator (node, source bytes) -> Iterator[Edit] in a module of this package and give it a
row in the module's OPERATORS. The order of the rows decides which of two equal candidates is kept.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from tracesmith.bugs.entities import Entity, code_of
from tracesmith.bugs.operators import (
    absence,
    arguments,
    asynchronous,
    control,
    copies,
    declarations,
    effects,
    expressions,
    failures,
    guards,
    jumps,
    literals,
    methods,
    names,
    removal,
    texts,
    values,
)
from tracesmith.bugs.operators.base import Operator
from tracesmith.bugs.sources import Edit, SourceFile

PREFIX = "func_pm_"
"""Of every strategy. What SWE-smith has is named as there; what only TypeScript has begins with func_pm_ts_."""
TABLE: tuple[Operator, ...] = (
    *expressions.OPERATORS,
    *values.OPERATORS,
    *control.OPERATORS,
    *removal.OPERATORS,
    *absence.OPERATORS,
    *guards.OPERATORS,
    *asynchronous.OPERATORS,
    *jumps.OPERATORS,
    *methods.OPERATORS,
    *arguments.OPERATORS,
    *copies.OPERATORS,
    *texts.OPERATORS,
    *literals.OPERATORS,
    *declarations.OPERATORS,
    *names.OPERATORS,
    *effects.OPERATORS,
    *failures.OPERATORS,
)


def proposals(file: SourceFile) -> Iterator[tuple[Operator, Entity, Edit]]:
    """Yield every edit that an operator proposes for a file, in the order of the places and of the table."""
    listeners = _listeners()
    for node, entity in code_of(file):
        for operator in listeners.get(node.type, ()):
            for edit in operator.propose(node, file.data):
                yield operator, entity, edit


@cache
def _listeners() -> dict[str, list[Operator]]:
    """Return the operators by the node type that they listen to."""
    found: defaultdict[str, list[Operator]] = defaultdict(list)
    for operator in TABLE:
        for node_type in operator.node_types:
            found[node_type].append(operator)
    return dict(found)
