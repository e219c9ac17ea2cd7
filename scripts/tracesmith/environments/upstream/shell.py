"""Take lines of shell apart, as far as Dockerfiles and test commands need it; nothing is run."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

TOKEN = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|\d?>&\d|&&|\|\||[|;]|.""", re.DOTALL)
QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\$`])*"|\\.""", re.DOTALL)
NEEDS_SHELL = re.compile(r"[$`*?\[\]{}<>()~&|;]")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Piece:
    """One command of a line."""

    text: str
    after: str
    """Operator that follows: `&&`, `||`, `;`, `|` or nothing."""


def pieces(line: str) -> list[Piece]:
    """Return the commands of a line in their order."""
    found, text = [], ""
    for token in TOKEN.findall(line):
        if token in ("&&", "||", ";", "|"):
            found.append(Piece(text.strip(), token))
            text = ""
        else:
            text += token
    return [piece for piece in [*found, Piece(text.strip(), "")] if piece.text]


def steps(line: str) -> list[str] | None:
    """Return the commands of a line that run one after the other, pipelines whole; None when one may not run."""
    if "(" in QUOTED.sub("", line) or any(piece.after == "||" for piece in pieces(line)):
        return None
    found, whole = [], True
    for piece in pieces(line):
        if whole:
            found.append(piece.text)
        else:
            found[-1] += f" | {piece.text}"
        whole = piece.after != "|"
    return found


def words(text: str) -> list[str]:
    """Return the words of a command, quotes taken off; variables and globs stay as they are written."""
    try:
        return shlex.split(text)
    except ValueError:  # a quote that never ends
        return text.split()


def argv(text: str) -> list[str]:
    """Return a command as a list of arguments, through a shell where it needs one."""
    found = words(text)
    if NEEDS_SHELL.search(QUOTED.sub("", text)):
        return ["sh", "-c", text]
    return ["env", *found] if found and ASSIGNMENT.match(found[0]) else found


def assignments(found: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that a command's words begin with, and the rest."""
    rest = list(found)
    variables = {}
    while rest and ASSIGNMENT.match(rest[0]):
        name, _, value = rest.pop(0).partition("=")
        variables[name] = value
    return variables, rest
