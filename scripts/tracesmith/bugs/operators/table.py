"""The documented table of all operators, as Markdown; made from their rows, so that it says what the code does."""

import logging
from pathlib import Path

from tracesmith import files
from tracesmith.bugs import operators
from tracesmith.bugs.operators.base import Operator

logger = logging.getLogger(__name__)
HEAD = """# Operators

Every way in which `generate_bugs` breaks code by itself. Each edit is made at one place, on the bytes of the file: what
stands around it stays as it is, and the file parses without an error. Types, decorators, imports and declarations
without code are never touched. An edit that gives the same code as another one, white space, comments and parentheses
aside, is dropped and counted.

What is broken: functions of every kind (declarations, methods, accessors, constructors, generators, arrow functions,
callbacks) and what is initialised outside of them (variables, class fields, static blocks, enums, statements of the
module). What is not: `.d.ts` files, tests, fixtures, mocks, stories and benches by the names of files and folders,
files whose head says that they are generated, and what the profile leaves out.

The first {own} are those of SWE-smith, under its names; the others, `func_pm_ts_…`, are of TypeScript.
`scripts/list_operators.py --output docs/operators.md` writes this file from the code; every example in it is a test.

| operator | what it does | where | before | after |
|---|---|---|---|---|
"""
OF_TYPESCRIPT = f"{operators.PREFIX}ts_"


def write(output: Path) -> None:
    """Write the table."""
    files.write_bytes(output, markdown().encode("utf-8"))
    logger.info("%s: %d operators", output, len(operators.TABLE))


def markdown() -> str:
    """Return the table."""
    own = sum(not operator.strategy.startswith(OF_TYPESCRIPT) for operator in operators.TABLE)
    return HEAD.format(own=own) + "".join(map(_row, operators.TABLE))


def _row(operator: Operator) -> str:
    cells = [f"`{operator.strategy}`", operator.explanation, operator.condition]
    return "| " + " | ".join([*map(_escaped, cells), _code(operator.before), _code(operator.after)]) + " |\n"


def _code(text: str) -> str:
    """Return code for a cell, its lines beside each other where they cannot be below each other."""
    lines = [line for line in text.split("\n") if line]
    return "<br>".join(_quoted(line) for line in lines)


def _quoted(line: str) -> str:
    indent = "&nbsp;" * (len(line) - len(line.lstrip()))
    fence = "``" if "`" in line else "`"
    space = " " if "`" in line else ""
    return f"{indent}{fence}{space}{_escaped(line.lstrip())}{space}{fence}"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
